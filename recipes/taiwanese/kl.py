"""Taiwanese by fine-tuning while the source's heads go on saying what they said of the same speech."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import KLRegularised

experiment = replace(
    finetune,
    name="taiwanese-kl",
    method=KLRegularised(rho=0.1),
    train=replace(finetune.train, lr=4e-3),
)
