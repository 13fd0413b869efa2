"""Digits with a new accent, by training the input and the first block only."""

from dataclasses import replace

from recipes.arabic.one_speaker.layers import experiment as arabic
from recipes.english.one_accent.finetune import experiment as finetune

experiment = replace(
    finetune,
    name="english-accent-layers",
    method=arabic.method,
    train=arabic.train,
)
