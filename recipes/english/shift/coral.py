"""Four words whose features are alike in both corpora in their covariances."""

from dataclasses import replace

from recipes.english.shift.control import experiment as control
from speechtl.transfer import CORAL

experiment = replace(
    control,
    name="english-shift-coral",
    method=CORAL(),
)
