"""Digits with batch norms of their own for those without labels."""

from dataclasses import replace

from recipes.english.unheard.control import experiment as control
from speechtl.transfer import DomainBatchNorm

experiment = replace(
    control, name="english-unheard-domain-batch-norm", method=DomainBatchNorm(affine="shared")
)
