"""Four words with batch norms of their own for each corpus."""

from dataclasses import replace

from recipes.english.shift.control import experiment as control
from speechtl.transfer import DomainBatchNorm

experiment = replace(
    control,
    name="english-shift-domain-batch-norm",
    method=DomainBatchNorm(affine="shared"),
)
