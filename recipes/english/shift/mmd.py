"""Four words whose features are alike in both corpora in their distribution under kernels."""

from dataclasses import replace

from recipes.english.shift.control import experiment as control
from speechtl.transfer import MMD

experiment = replace(
    control,
    name="english-shift-mmd",
    method=MMD(),
)
