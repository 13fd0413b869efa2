"""Digits of four speakers, half of every batch the Germans' without labels, unlearnt from: the control."""

from dataclasses import replace

from recipes.english._accents import adapted_to, base_without, tested_on
from speechtl.transfer import MixedBatches

_german = base_without("german")
experiment = replace(
    _german,
    name="english-unheard-control",
    tests=(tested_on("german"),),
    unlabelled=(adapted_to("german"),),
    method=MixedBatches(),
    train=replace(_german.train, batch_seconds=2 * _german.train.batch_seconds),
)
