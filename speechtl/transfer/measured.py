"""Measured: what a method measures on each batch, kept for the log."""

from __future__ import annotations

from torch import Tensor, nn


class Measured(nn.Module):
    """A helper without weights; metrics.jsonl has at every step what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.measures: dict[str, Tensor] = {}
        """Scalars of the last batch, detached, by name."""
