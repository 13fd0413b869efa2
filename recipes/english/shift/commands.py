"""Four words, from the volunteers' commands alone."""

from recipes.english._shift import base

experiment = base("commands")
