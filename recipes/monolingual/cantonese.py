"""Cantonese alone, as the multilingual source is trained."""

from recipes.monolingual._alone import alone

experiment = alone("cantonese", "cantonese_jyutnet")
