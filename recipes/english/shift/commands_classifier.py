"""Four words as classes, from the volunteers' commands alone."""

from recipes.english._shift import base

experiment = base("commands", "classifier")
