"""Taiwanese by fine-tuning on all training words; its control is `taiwanese/scratch --target.minutes all`."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.corpus_spec import corpus
from speechtl.train_settings import TrainSettings

experiment = replace(
    finetune,
    name="taiwanese-full",
    target=corpus("taiwanese_moe", split="train"),
    train=TrainSettings(steps=4000, dropout=0.3),
)
