"""Digits whose features are alike with and without the accent in their covariances."""

from dataclasses import replace

from recipes.english.unheard.control import experiment as control
from speechtl.transfer import CORAL

experiment = replace(control, name="english-unheard-coral", method=CORAL(weight=100))
