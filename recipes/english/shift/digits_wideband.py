"""Four words, from the telephone's digits alone, heard up to 8 kHz and with their silence."""

from recipes.english._shift import base

experiment = base("digits", "wideband")
