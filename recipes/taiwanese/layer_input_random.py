"""Taiwanese by layer transfer: the input and the first block begin at random, the rest is kept."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import LayerTransfer

experiment = replace(
    finetune,
    name="taiwanese-layer-input-random",
    method=LayerTransfer(retrain="input:2", start="random"),
    train=replace(finetune.train, dropout=0.15),
)
