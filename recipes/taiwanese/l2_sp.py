"""Taiwanese by fine-tuning with every weight pulled towards where it started."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import L2SP

experiment = replace(
    finetune,
    name="taiwanese-l2-sp",
    method=L2SP(),
    train=replace(finetune.train, lr=4e-3),
)
