"""Taiwanese by fine-tuning with every weight pulled towards where it started."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import L2SP

experiment = replace(
    finetune,
    name="taiwanese-l2-sp",
    method=L2SP(alpha=0.001),
    train=replace(finetune.train, lr=8e-3),
)
