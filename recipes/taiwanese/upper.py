"""Taiwanese by layer transfer from the other end: the three blocks nearest the head are trained."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import LayerTransfer

experiment = replace(
    finetune,
    name="taiwanese-upper",
    method=LayerTransfer(retrain="upper:3"),
    train=replace(finetune.train, dropout=0.15),
)
