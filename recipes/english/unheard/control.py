"""Digits of four speakers, half of every batch the Germans' without labels, unlearnt from: the control."""

from dataclasses import replace

from recipes.english._accents import base_without, unheard
from speechtl.transfer import MixedBatches

_german = base_without("german")
_unlabelled, _test = unheard("german")
experiment = replace(
    _german,
    name="english-unheard-control",
    tests=(_test,),
    unlabelled=(_unlabelled,),
    method=MixedBatches(),
    train=replace(_german.train, batch_seconds=2 * _german.train.batch_seconds),
)
