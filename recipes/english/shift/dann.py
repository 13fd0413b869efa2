"""Four words whose features hide which corpus they come from."""

from dataclasses import replace

from recipes.english.shift.control import experiment as control
from speechtl.transfer import DANN

experiment = replace(
    control,
    name="english-shift-dann",
    method=DANN(),
)
