"""Adapter: a narrow layer beside a block's output."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechtl.features import frame_mask
from speechtl.models.inserted_module import InsertedModule, Insertion
from speechtl.models.layers import seeded


class Adapter(InsertedModule):
    """Bottleneck adapter: each output h of a block becomes h + B relu(A norm(h) + a) + b.

    A (bottleneck, width) is drawn at random with the option `seed`, B (width, bottleneck) and the biases are
    zero at the start; norm is a layer norm without weights.
    Source: Houlsby et al. 2019, Parameter-efficient transfer learning for NLP, section 2; with the layer norm
    in front of it, for speech, Kannan et al. 2019, Large-scale multilingual speech recognition, section 3.3.
    """

    where = "output"
    decaying = ("down", "up")

    def __init__(self, insertion: Insertion, width: int) -> None:
        super().__init__(insertion)
        bottleneck = int(insertion.options["bottleneck"])
        self.down = nn.Parameter(torch.empty(self.keys, bottleneck, width))
        self.down_bias = nn.Parameter(torch.zeros(self.keys, bottleneck))
        self.up = nn.Parameter(torch.zeros(self.keys, width, bottleneck))
        self.up_bias = nn.Parameter(torch.zeros(self.keys, width))
        with seeded(int(insertion.options.get("seed", 0)), insertion.name):
            nn.init.uniform_(self.down, -1 / math.sqrt(width), 1 / math.sqrt(width))

    def forward(self, values: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """Add to outputs (batch, time, width)."""
        down, up = self.chosen(self.down, rows), self.chosen(self.up, rows)
        down_bias, up_bias = (self.chosen(b, rows).unsqueeze(1) for b in (self.down_bias, self.up_bias))
        normalised = F.layer_norm(values, values.shape[2:])
        hidden = torch.relu(torch.bmm(normalised, down.mT) + down_bias)
        added = torch.bmm(hidden, up.mT) + up_bias
        real = frame_mask(lengths, values.shape[1]).unsqueeze(2)
        return values + (added * real).to(values.dtype)
