"""Taiwanese by training only the scales and shifts behind the source's norms, and the new head."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import NormAffines

experiment = replace(
    finetune, name="taiwanese-norm-affines", method=NormAffines(), train=replace(finetune.train, lr=1.6e-2)
)
