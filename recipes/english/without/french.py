"""English digits of four speakers, without the Belgian Frenchman."""

from recipes.english._accents import base_without

experiment = base_without("french")
