"""Taiwanese by adapters: a narrow layer behind each block of the frozen source, and a new head."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import Adapters

experiment = replace(
    finetune,
    name="taiwanese-adapters",
    method=Adapters(bottleneck=64),
    train=replace(finetune.train, lr=4e-3),
)
