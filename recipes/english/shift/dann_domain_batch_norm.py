"""Four words whose features hide the corpus, behind batch norms of its own."""

from dataclasses import replace

from recipes.english.shift.control import experiment as control
from speechtl.transfer import DANN, Composed, DomainBatchNorm

experiment = replace(
    control,
    name="english-shift-dann-domain-batch-norm",
    method=Composed(methods=(DANN(), DomainBatchNorm(affine="own"))),
)
