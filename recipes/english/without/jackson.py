"""English digits of four speakers, without one American."""

from recipes.english._accents import base_without

experiment = base_without("jackson")
