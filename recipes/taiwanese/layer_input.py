"""Taiwanese by layer transfer: the input and the first block of the encoder are trained, the rest is kept."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import LayerTransfer

experiment = replace(
    finetune,
    name="taiwanese-layer-input",
    method=LayerTransfer(retrain="input:2"),
    train=replace(finetune.train, lr=8e-3),
)
