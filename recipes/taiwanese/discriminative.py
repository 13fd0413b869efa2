"""Taiwanese by fine-tuning with rates that fall from block to block: the input learns slowest."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import FineTuning

experiment = replace(
    finetune,
    name="taiwanese-discriminative",
    method=FineTuning(decay=0.95),
    train=replace(finetune.train, lr=8e-3),
)
