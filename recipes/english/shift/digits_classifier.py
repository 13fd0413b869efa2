"""Four words as classes, from the telephone's digits alone."""

from recipes.english._shift import base

experiment = base("digits", "classifier")
