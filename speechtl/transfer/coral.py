"""CORAL: the features of two domains get the same covariance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import torch
from torch import Tensor

from speechtl.transfer.base import ForwardPass, Transfer, TransferData
from speechtl.transfer.domain_features import of_both_domains, require_blocks, require_pairs
from speechtl.transfer.measured import Measured

if TYPE_CHECKING:
    from speechtl.batches import Stream
    from speechtl.models.acoustic import AcousticModel
    from speechtl.transfer.data import StreamSettings


@dataclass(frozen=True)
class CORAL(Transfer):
    """The loss of the labelled speech and weight · Σ ‖C_S - C_T‖² / (4 d²) over blocks, d their width.

    C_S and C_T are the covariances of the two domains' features in a batch, which are the means over each
    utterance's frames. It does not see a difference of means. A batch with fewer than two utterances of a
    domain adds nothing, and has no `coral_distance` in metrics.jsonl; that is without the weight.
    Source: Sun and Saenko 2016, Deep CORAL: Correlation alignment for deep domain adaptation, equations 1
    to 3.
    """

    weight: float = 1.0
    """Strength of the term beside the loss of the labelled speech; 0 only measures it, a control. The term
    is small: values of hundreds are no mistake."""
    blocks: tuple[str, ...] = ("norm",)
    """The blocks whose outputs get the same covariance; `norm` is the last before the heads."""

    hears_unlabelled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight < 0:
            raise ValueError(f"weight={self.weight}: expected 0 or more; below 0 it drives domains apart")
        if self.trains == "head":
            raise ValueError("trains=head freezes every block whose features could be changed; train all")

    @property
    def taps(self) -> tuple[str, ...]:
        """The blocks whose outputs get the same covariance."""
        return self.blocks

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse blocks that the model lacks."""
        require_blocks(model, self.blocks)

    def check_streams(self, streams: Mapping[str, Stream], settings: StreamSettings) -> None:
        """Refuse batches without two utterances of each domain."""
        require_pairs(streams, settings)

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Keep what is measured beside the model."""
        model.helpers["coral"] = Measured()

    def terms(self, losses: Mapping[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """The losses, and the weighted distance."""
        with torch.autocast(forward.encoded.lengths.device.type, enabled=False):
            pairs = [of_both_domains(forward, block) for block in self.blocks]
            total = forward.encoded.taps[self.blocks[0]].new_zeros((), dtype=torch.float32)
            for features in filter(None, pairs):
                total = total + covariance_distance(*features)
        measured = cast(Measured, forward.model.helpers["coral"])
        measured.measures = {"coral_distance": total.detach()} if all(pairs) else {}
        return {**losses, "coral": self.weight * (total if self.weight else total.detach())}


def covariance_distance(source: Tensor, target: Tensor) -> Tensor:
    """‖C_S - C_T‖² / (4 d²) between two samples (m, d) and (n, d) of two rows or more, a scalar.

    Source: Sun and Saenko 2016, equation 1.
    """
    difference = covariance(source) - covariance(target)
    return difference.square().sum() / (4 * source.shape[1] ** 2)


def covariance(rows: Tensor) -> Tensor:
    """The unbiased covariance (d, d) of rows (n, d). Source: Sun and Saenko 2016, equations 2 and 3."""
    centred = rows - rows.mean(dim=0)
    return centred.T @ centred / (len(rows) - 1)
