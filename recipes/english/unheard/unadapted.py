"""Digits with an accent that the base model never heard, as it hears them: source only."""

from dataclasses import replace

from recipes.english.unheard.control import experiment as control
from speechtl.transfer import Transfer

experiment = replace(
    control,
    name="english-unheard-unadapted",
    source="english/without/german@same",
    method=Transfer(),
    train=replace(control.train, steps=0),
)
