"""Objective: the forward pass of training, from a batch to its named losses."""

from __future__ import annotations

from torch import Tensor, nn

from speechtl.batches import Batch
from speechtl.models.acoustic import AcousticModel
from speechtl.transfer.base import Transfer


class Objective(nn.Module):
    """Model and method in one module, so that autocast and gradient sync wrap a single forward."""

    def __init__(self, model: AcousticModel, source: AcousticModel | None, method: Transfer) -> None:
        super().__init__()
        self.model = model
        self.method = method
        # In a list the frozen source is no submodule: not trained, not saved, not switched to train mode.
        self._source = [source]

    def forward(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Named loss terms of a batch."""
        return self.method.losses(self.model, self._source[0], batch, progress)
