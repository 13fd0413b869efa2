"""Taiwanese by an input affine (LIN): a linear map of the features, the frozen source, and a new head."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import InputAffine

experiment = replace(
    finetune, name="taiwanese-input-affine", method=InputAffine(), train=replace(finetune.train, lr=4e-3)
)
