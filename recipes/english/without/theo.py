"""English digits of four speakers, without the other American."""

from recipes.english._accents import base_without

experiment = base_without("theo")
