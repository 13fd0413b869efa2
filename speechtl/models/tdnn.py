"""TDNN encoder: strided input convolutions and residual convolution blocks."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from speechtl.models.layers import ChannelDropout, MaskedBatchNorm


def convolve(layer: nn.Conv1d, inputs: Tensor) -> Tensor:
    """Convolve inputs (batch, time, dim), zero at padded frames, over time."""
    return cast(Tensor, layer(inputs.transpose(1, 2)).transpose(1, 2))


class TDNNInput(nn.Module):
    """Two convolutions of stride 2 from features to the encoder's width: a quarter of the frames."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(width, dim, 5, stride=2, padding=2, bias=False)
        self.first_norm = MaskedBatchNorm(dim)
        self.second = nn.Conv1d(dim, dim, 5, stride=2, padding=2, bias=False)
        self.second_norm = MaskedBatchNorm(dim)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Map features (batch, time, width) to states (batch, time / 4, dim) and their lengths."""
        lengths = (lengths + 1) // 2
        states = torch.relu(self.first_norm(convolve(self.first, features), lengths))
        lengths = (lengths + 1) // 2
        return torch.relu(self.second_norm(convolve(self.second, states), lengths)), lengths


class TDNNBlock(nn.Module):
    """Residual block: dilated convolution over time, masked batch norm, ReLU, channel dropout.

    Source: Peddinti, Povey, Khudanpur 2015 (TDNN); the residual connection follows He et al. 2016.
    """

    def __init__(self, dim: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        reach = kernel // 2 * dilation
        self.convolution = nn.Conv1d(dim, dim, kernel, padding=reach, dilation=dilation, bias=False)
        self.norm = MaskedBatchNorm(dim)
        self.dropout = ChannelDropout()

    def forward(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Map states (batch, time, dim) to states of the same shape, lengths unchanged."""
        hidden = self.norm(convolve(self.convolution, states), lengths)
        return states + self.dropout(torch.relu(hidden)), lengths
