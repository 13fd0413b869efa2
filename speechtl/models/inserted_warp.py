"""Warp: the filters of an input, stretched or squeezed for a speaker's vocal tract."""

from __future__ import annotations

import torch
from torch import Tensor

from speechtl.models.inserted_module import InsertedModule, Insertion


class Warp(InsertedModule):
    """Vocal tract length normalisation: a factor by which the mel filters of an input are warped.

    The factor multiplies what an utterance is warped by already, and is 1 at the start. It is chosen on a
    grid and not trained, so it is a buffer. How a factor moves the filters, `speechtl.features.warped` tells.
    Source: Lee and Rose 1998, A frequency warping approach to speaker normalization, equations 1 and 2.
    """

    where = "warp"
    factors: Tensor

    def __init__(self, insertion: Insertion, width: int) -> None:
        super().__init__(insertion)
        self.register_buffer("factors", torch.ones(self.keys))

    def forward(self, values: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """Multiply warps (batch, 1, 1) by the factors; those of unknown keys stay as they are."""
        factors = self.factors[rows.clamp_min(0)].masked_fill(rows < 0, 1.0)
        return values * factors.view(-1, 1, 1)
