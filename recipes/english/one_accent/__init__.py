"""Digits with an accent that the base model never heard: the rows of `english/accents`."""
