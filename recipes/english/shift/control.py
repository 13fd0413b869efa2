"""Four words with half of every batch from the other corpus, of which nothing is learnt: the control."""

from dataclasses import replace

from recipes.english._shift import BATCH_SECONDS, base, heard, scored
from speechtl.transfer import MixedBatches

_digits = base("digits")
experiment = replace(
    _digits,
    name="english-shift-control",
    tests=(scored("digits", "first"),),
    unlabelled=(heard("digits", "first"),),
    method=MixedBatches(),
    train=replace(_digits.train, batch_seconds=BATCH_SECONDS, evaluations=10),
)
