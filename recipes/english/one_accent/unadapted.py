"""Digits with a new accent, as the base model hears them: the control."""

from dataclasses import replace

from recipes.english.one_accent.finetune import experiment as finetune

experiment = replace(finetune, name="english-accent-unadapted", train=replace(finetune.train, steps=0))
