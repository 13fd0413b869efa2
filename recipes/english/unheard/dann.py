"""Digits whose features hide the accent, that of those without labels among them."""

from dataclasses import replace

from recipes.english.unheard.control import experiment as control
from speechtl.transfer import DANN

experiment = replace(control, name="english-unheard-dann", method=DANN(over="accent", weight=0.1))
