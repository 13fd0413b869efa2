"""Taiwanese by LoRA: a low-rank change of each weight, merged at the end, and a new head."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import LoRA

experiment = replace(
    finetune,
    name="taiwanese-lora",
    method=LoRA(),
    train=replace(finetune.train, lr=8e-3),
)
