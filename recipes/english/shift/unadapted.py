"""Four words by the model of the other corpus, as it is: source only."""

from dataclasses import replace

from recipes.english.shift.control import experiment as control
from speechtl.transfer import Transfer

experiment = replace(
    control,
    name="english-shift-unadapted",
    source="english/shift/digits@same",
    method=Transfer(),
    train=replace(control.train, steps=0),
)
