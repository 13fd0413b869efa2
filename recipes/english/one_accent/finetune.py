"""Digits of two Germans from a base model without any, by training everything.

The settings are those of one Arabic speaker and were not chosen on digits: six men leave nobody to choose by.
"""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as arabic
from recipes.english._accents import adapted_to, base_without, chosen_by, tested_on

experiment = replace(
    base_without("german"),
    name="english-accent-finetune",
    source="english/without/german",
    target=adapted_to("german"),
    dev=(chosen_by("german"),),
    tests=(tested_on("german"),),
    augment=arabic.augment,
    train=arabic.train,
)
