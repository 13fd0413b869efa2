"""Affine: a linear map of the features, near the identity."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechtl.features import frame_mask
from speechtl.models.inserted_module import InsertedModule, Insertion


class Affine(InsertedModule):
    """Linear input network: each frame x of features becomes (I + Δ) x + b.

    Δ and b are zero at the start. With the option `form` as `diagonal`, Δ is a diagonal: each feature has a
    scale and a shift of its own. As `full` each may draw on all others of its frame. It comes after
    normalisation, which would take a diagonal away again, and before the masks of SpecAugment.
    Source: Neto et al. 1995, Speaker-adaptation for hybrid HMM-ANN continuous speech recognition, section 3;
    Li and Sim 2010, Comparison of discriminative input and output transformations, equation 1.
    """

    where = "features"
    decaying = ("delta",)

    def __init__(self, insertion: Insertion, width: int) -> None:
        super().__init__(insertion)
        self.is_full = insertion.options.get("form", "diagonal") == "full"
        self.delta = nn.Parameter(torch.zeros(self.keys, *((width, width) if self.is_full else (width,))))
        self.bias = nn.Parameter(torch.zeros(self.keys, width))

    def forward(self, values: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """Map features (batch, time, width), which may be of a lower precision, in float32."""
        delta, bias = self.chosen(self.delta, rows), self.chosen(self.bias, rows).unsqueeze(1)
        with torch.autocast(values.device.type, enabled=False):
            exact = values.float()
            moved = torch.bmm(exact, delta.mT) if self.is_full else exact * delta.unsqueeze(1)
            real = frame_mask(lengths, values.shape[1]).unsqueeze(2)
            return (exact + (moved + bias) * real).to(values.dtype)
