"""Four words from what the model of the other corpus makes of them, in rounds, where it is sure.

It begins with a trained model, and so has had twice the steps of the other rows.
"""

from dataclasses import replace

from recipes.english.shift.control import experiment as control
from speechtl.transfer import PseudoLabels

experiment = replace(
    control,
    name="english-shift-pseudo-labels",
    source="english/shift/digits@same",
    method=PseudoLabels(among="texts"),
)
