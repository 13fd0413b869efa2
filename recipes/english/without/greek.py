"""English digits of four speakers, without the Greek."""

from recipes.english._accents import base_without

experiment = base_without("greek")
