"""Digits by a base model whose batch norms are set to what they hear of a new accent."""

from dataclasses import replace

from recipes.english.unheard.unadapted import experiment as unadapted
from speechtl.transfer import AdaBN

experiment = replace(unadapted, name="english-unheard-adabn", method=AdaBN())
