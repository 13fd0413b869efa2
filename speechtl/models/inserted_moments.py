"""Moments: the features of a speaker, shifted and scaled to another mean and variance."""

from __future__ import annotations

import torch
from torch import Tensor

from speechtl.features import frame_mask
from speechtl.models.inserted_module import InsertedModule, Insertion


class Moments(InsertedModule):
    """A scale and a shift of each feature, which match the moments of a speaker's speech to those of others.

    They are computed and not trained, so they are buffers: 1 and 0 at the start.
    """

    where = "features"
    scale: Tensor
    shift: Tensor

    def __init__(self, insertion: Insertion, width: int) -> None:
        super().__init__(insertion)
        self.register_buffer("scale", torch.ones(self.keys, width))
        self.register_buffer("shift", torch.zeros(self.keys, width))

    def forward(self, values: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """Map features (batch, time, width); those of unknown keys stay as they are, bit for bit."""
        with torch.autocast(values.device.type, enabled=False):
            chosen = rows.clamp_min(0)
            moved = values.float() * self.scale[chosen].unsqueeze(1) + self.shift[chosen].unsqueeze(1)
            real = frame_mask(lengths, values.shape[1]) & (rows >= 0).unsqueeze(1)
            return torch.where(real.unsqueeze(2), moved, values.float()).to(values.dtype)
