"""Synthetic speech by espeak-ng: a multilingual corpus of any size, synthetic Taiwanese included."""

from speechtl.synthesis.engine import Delivery, Engine, require_espeak
from speechtl.synthesis.phrasebook import PHRASES
from speechtl.synthesis.pronunciation import ACCENTS
from speechtl.synthesis.script import Line, Wanted, dealt, script
from speechtl.synthesis.speakers import VARIANTS
from speechtl.synthesis.synthetic_corpus import synthetic_corpora

LANGUAGES = tuple(PHRASES)
"""Orthographies that there are texts in; the last one, nan-Latn-tailo, is meant as the target."""

__all__ = [
    "ACCENTS",
    "LANGUAGES",
    "PHRASES",
    "VARIANTS",
    "Delivery",
    "Engine",
    "Line",
    "Wanted",
    "dealt",
    "require_espeak",
    "script",
    "synthetic_corpora",
]
