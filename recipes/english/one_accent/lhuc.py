"""Digits with a new accent, by a scale for every hidden unit."""

from dataclasses import replace

from recipes.arabic.one_speaker.lhuc import experiment as arabic
from recipes.english.one_accent.finetune import experiment as finetune
from speechtl.transfer import LHUC

experiment = replace(
    finetune,
    name="english-accent-lhuc",
    method=LHUC(),
    train=arabic.train,
)
