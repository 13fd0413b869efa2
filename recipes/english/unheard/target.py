"""Digits with the labels of those whom the other rows hear without, beside all others': the bound.

It keeps its last weights, as rows without labels do.
"""

from dataclasses import replace

from recipes.english._accents import base_without, labelled_as_well, tested_on

_german = base_without("german")
experiment = replace(
    _german,
    name="english-unheard-target",
    target=labelled_as_well("german"),
    tests=(tested_on("german"),),
    train=replace(_german.train, evaluations=1),
)
