"""MixedBatches: the target domain's speech is heard in every batch, and nothing is learnt from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from speechtl.transfer.base import Transfer


@dataclass(frozen=True)
class MixedBatches(Transfer):
    """Half of every batch is speech of the target domain without labels, and there is no term for it.

    The control of all methods that add one: the same batches, the same number of labelled utterances in
    each. The unlabelled speech still reaches the statistics of batch norms. Training on the labelled speech
    alone, which hears nothing of the target domain, is another control.
    """

    hears_unlabelled: ClassVar[bool] = True
