"""Taiwanese by layer transfer whose trained blocks are pulled towards the source's weights."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import L2SP, Composed, LayerTransfer

experiment = replace(
    finetune,
    name="taiwanese-layer-l2-sp",
    method=Composed(methods=(LayerTransfer(retrain="input:2"), L2SP())),
)
