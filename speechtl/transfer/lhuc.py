"""LHUC: each hidden unit's contribution is scaled, and nothing else moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.first_pass import Labels
from speechtl.transfer.inserting import chosen, encoder_blocks, put

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


@dataclass(frozen=True)
class LHUC(Transfer):
    """Learning hidden unit contributions: h = ξ(r) · ψ(Wx + b), where only r is trained.

    One r for each hidden unit, and for each speaker where it goes by speaker. It begins where ξ(r) is 1 and
    has no weight decay; an unknown speaker is heard with 1. The published rate, 0.8, is for plain gradient
    descent.
    Source: Swietojanski, Li and Renals 2016, Learning hidden unit contributions for unsupervised acoustic
    model adaptation, equations 4 to 6.
    """

    by: Literal["speaker", "language", "domain"] | None = None
    """What has scales of its own; None: one set for all utterances."""
    form: Literal["exp", "sigmoid", "identity", "relu"] = "exp"
    """ξ(r): e^r, 2 / (1 + e^-r), r, or relu(r)."""
    blocks: tuple[str, ...] = ("encoder.*",)
    """Globs over the blocks of the encoder whose hidden units are scaled."""
    labels: Labels = "given"
    """`first_pass`: without the target's own labels, on what the source makes of its speech; the last weights
    are kept, for there would be no labels to choose others by."""

    needs_source: ClassVar[bool] = True
    freezes_source: ClassVar[bool] = True

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Put scales of 1 behind the hidden units."""
        blocks = chosen(self.blocks, encoder_blocks(model))
        put(model, "lhuc", blocks, data.target, self.by, {"form": self.form})
