"""Taiwanese by fine-tuning that hears the source's languages in a tenth of every batch."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import SourceReplay

experiment = replace(
    finetune,
    name="taiwanese-replay",
    method=SourceReplay(share=0.1),
    train=replace(finetune.train, lr=4e-3),
)
