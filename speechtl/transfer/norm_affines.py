"""NormAffines: only the scales and shifts behind the source's norms are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import nn

from speechtl.models.layers import MaskedBatchNorm
from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.rules import Rule

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


@dataclass(frozen=True)
class NormAffines(Transfer):
    """Train γ and β of every batch and layer norm, and the head of a new language, and nothing else.

    The statistics of batch norms stay the source's, in training too: what moves is γ and β alone.
    Source: Frankle, Schwab and Morcos 2021, Training BatchNorm and only BatchNorm, section 3.
    """

    needs_source: ClassVar[bool] = True
    freezes_source: ClassVar[bool] = True

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Let the batch norms keep their statistics."""
        _keep_statistics(model, True)

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """All that is the source's is frozen but the affines of its norms."""
        names = [
            name
            for name, norm in model.named_modules()
            if isinstance(norm, MaskedBatchNorm | nn.LayerNorm)
            and norm.weight is not None  # norms of a domain may share the source's affines
            and name.partition(".")[0] != "helpers"
        ]
        affines = (f"{name}.{part}" for name in names for part in ("weight", "bias"))
        return (*super().rules(model, data), *(Rule(name, frozen=False) for name in affines))

    def finish(self, model: AcousticModel, source: AcousticModel | None = None) -> AcousticModel:
        """Leave batch norms that would learn their statistics again."""
        _keep_statistics(model, False)
        return super().finish(model, source)


def _keep_statistics(model: AcousticModel, keeps: bool) -> None:
    for norm in model.modules():
        if isinstance(norm, MaskedBatchNorm):
            norm.keeps_statistics = keeps
