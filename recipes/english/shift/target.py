"""Four words from the speech that the other rows hear without labels, with its labels: the bound."""

from dataclasses import replace

from recipes.english._shift import base, heard, scored

_digits = base("digits")
experiment = replace(
    _digits,
    name="english-shift-target",
    target=heard("digits", "first"),
    tests=(scored("digits", "first"),),
)
