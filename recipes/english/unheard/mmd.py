"""Digits whose features are alike with and without the accent in their distribution under kernels."""

from dataclasses import replace

from recipes.english.unheard.control import experiment as control
from speechtl.transfer import MMD

experiment = replace(control, name="english-unheard-mmd", method=MMD(weight=0.1))
