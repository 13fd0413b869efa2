"""Taiwanese by fine-tuning that begins with the head and unfreezes a block after another, the input last."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import FineTuning

experiment = replace(
    finetune,
    name="taiwanese-unfreezing",
    method=FineTuning(unfreeze=0.3),
    train=replace(finetune.train, lr=1e-3),
)
