"""Taiwanese by layer transfer: the input and the first block begin at random, the rest is kept."""

from dataclasses import replace

from recipes.taiwanese.layer_input import experiment as layer_input
from speechtl.transfer import LayerTransfer

experiment = replace(
    layer_input,
    name="taiwanese-layer-input-random",
    method=LayerTransfer(retrain="input:2", start="random"),
)
