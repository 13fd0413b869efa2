"""Digits of a new accent as the base model reads them, in rounds, where it is sure.

It begins with a trained model, and so has had twice the steps of the other rows.
"""

from dataclasses import replace

from recipes.english.unheard.control import experiment as control
from speechtl.transfer import PseudoLabels

experiment = replace(
    control,
    name="english-unheard-pseudo-labels",
    source="english/without/german@same",
    method=PseudoLabels(among="texts", threshold=0.7),
)
