"""English digits of four speakers, without both Germans."""

from recipes.english._accents import base_without

experiment = base_without("german")
