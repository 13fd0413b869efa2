"""Digits with a new accent, by an affine map of the features."""

from dataclasses import replace

from recipes.arabic.one_speaker.input_affine import experiment as arabic
from recipes.english.one_accent.finetune import experiment as finetune
from speechtl.transfer import InputAffine

experiment = replace(
    finetune,
    name="english-accent-input-affine",
    method=InputAffine(),
    train=arabic.train,
)
