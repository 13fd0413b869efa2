"""Taiwanese by layer transfer in two stages: random blocks at the input settle, then all is trained."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import LayerTransfer

experiment = replace(
    finetune,
    name="taiwanese-layer-two-stage",
    method=LayerTransfer(retrain="input:2", start="random", then_all=0.9),
)
