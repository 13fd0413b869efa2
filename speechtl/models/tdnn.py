"""TDNN encoder: residual blocks of dilated convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechtl.models.inserted import UNCHANGED, Adjustment
from speechtl.models.layers import ChannelDropout, MaskedBatchNorm, convolve


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
        self.hidden_width = dim

    def forward(
        self, states: Tensor, lengths: Tensor, adjust: Adjustment = UNCHANGED
    ) -> tuple[Tensor, Tensor]:
        """Map states (batch, time, dim), zero at padded frames, to the like, lengths unchanged.

        `adjust` changes the activations (batch, time, dim) of the convolution, or whose norm they go through.
        """
        convolved = convolve(self.convolution, states)
        hidden = torch.relu(adjust.normalise("norm", self.norm, convolved, lengths))
        return states + self.dropout(adjust(hidden, lengths)), lengths
