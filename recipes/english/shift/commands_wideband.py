"""Four words, from the volunteers' commands alone, heard up to 8 kHz and with their silence."""

from recipes.english._shift import base

experiment = base("commands", "wideband")
