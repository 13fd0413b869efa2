"""LHUC: a scale for each hidden unit."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from speechtl.models.inserted_module import InsertedModule, Insertion


class LHUC(InsertedModule):
    """Learning hidden unit contributions: each hidden unit's activation times ξ(r).

    ξ(r) is `exp`: e^r, `sigmoid`: 2 / (1 + e^-r), `identity`: r or `relu`: relu(r), and is 1 at the start.
    Source: Swietojanski, Li and Renals 2016, equations 4 to 6.
    """

    where = "hidden"

    def __init__(self, insertion: Insertion, width: int) -> None:
        super().__init__(insertion)
        self.form = str(insertion.options.get("form", "exp"))
        start = 1.0 if self.form in ("identity", "relu") else 0.0
        self.r = nn.Parameter(torch.full((self.keys, width), start))

    def scale(self) -> Tensor:
        """ξ(r) (keys, width)."""
        forms = {
            "exp": torch.exp,
            "sigmoid": lambda r: 2 * torch.sigmoid(r),
            "identity": lambda r: r,
            "relu": torch.relu,
        }
        return cast(Tensor, forms[self.form](self.r))

    def forward(self, values: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """Scale activations (batch, time, width)."""
        scales = self.scale()[rows.clamp_min(0)].masked_fill((rows < 0).unsqueeze(1), 1.0)
        return values * scales.unsqueeze(1).to(values.dtype)
