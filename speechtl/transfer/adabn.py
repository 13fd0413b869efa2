"""AdaBN: the statistics of the source's batch norms, taken from the target domain's speech without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.batch_norm_statistics import estimated, require_batch_norms, take_statistics
from speechtl.transfer.passes import drawn, with_features
from speechtl.transfer.rules import Rule

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


@dataclass(frozen=True)
class AdaBN(Transfer):
    """Adaptive batch normalisation: the target domain's own mean and variance in every batch norm.

    Those of all real frames of the unlabelled speech, taken from the first norm to the last; labels are not
    looked at. It is meant for `train.steps=0`: nothing else moves then, and no batch is drawn. With more
    steps training goes on from there as `MixedBatches` would, on half labelled and half unlabelled speech,
    in whose course the statistics become those of both: another beginning, no longer AdaBN.
    Source: Li, Wang, Shi, Hou and Liu 2018, Adaptive batch normalization for practical domain adaptation,
    algorithm 1.
    """

    minutes: float | None = None
    """Most of the unlabelled speech, drawn at random, that the statistics are taken from, in minutes; None:
    all of it. An hour takes some 350 MB for the time of the adaptation."""

    needs_source: ClassVar[bool] = True
    is_for_no_step: ClassVar[bool] = True
    measures_model: ClassVar[bool] = True
    hears_unlabelled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minutes is not None and self.minutes <= 0:
            raise ValueError(f"minutes={self.minutes}: expected more than 0, or None for all")

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse a model that has no statistics to be taken."""
        require_batch_norms(model, self)

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Take the statistics, unless there is nothing to hear yet."""
        speech = data.unlabelled_speech
        if len(speech.waveforms):
            indices: Sequence[int] = range(len(speech))
            if self.minutes is not None:
                indices = drawn(speech, indices, 60 * self.minutes, seed)
            take_statistics(model, list(with_features(model, speech, indices)))

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """The statistics of all norms that the unlabelled speech goes through are estimated."""
        return (*super().rules(model, data), *estimated(model, data.unlabelled_speech))
