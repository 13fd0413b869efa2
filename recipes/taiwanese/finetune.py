"""Taiwanese by fine-tuning the multilingual source on ten minutes."""

from dataclasses import replace

from recipes.multilingual import experiment as multilingual
from recipes.taiwanese.scratch import experiment as scratch
from speechtl.train_settings import TrainSettings

experiment = replace(
    scratch,
    name="taiwanese-finetune",
    source="multilingual",
    source_tests=multilingual.tests,
    unit_table="recipes.taiwanese.units",
    train=TrainSettings(dropout=0.3),
)
