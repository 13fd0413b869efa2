"""Conformer encoder: residual blocks of attention and convolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechtl.features import frame_mask
from speechtl.models.inserted import UNCHANGED, Adjustment
from speechtl.models.layers import ChannelDropout, MaskedBatchNorm, convolve

WAVELENGTH = 10_000.0
"""Frames, over 2 pi, of the slowest rotation."""


class ConformerBlock(nn.Module):
    """Half a feed-forward module, self-attention, convolution, half a feed-forward module, layer norm.

    Each module normalises its input and adds its output to it. Padding is neither attended to nor convolved
    nor counted in batch norm, and comes out as zero.
    Source: Gulati et al. 2020, section 2; with rotary in place of Transformer-XL's relative positions.
    """

    def __init__(self, dim: int, attention_heads: int, feed_forward: int, kernel: int) -> None:
        super().__init__()
        self.first = FeedForward(dim, feed_forward)
        self.attention = Attention(dim, attention_heads)
        self.convolution = Convolution(dim, kernel)
        self.second = FeedForward(dim, feed_forward)
        self.norm = nn.LayerNorm(dim)
        self.hidden_width = feed_forward * dim

    def forward(
        self, states: Tensor, lengths: Tensor, adjust: Adjustment = UNCHANGED
    ) -> tuple[Tensor, Tensor]:
        """Map states (batch, time, dim) to the like with zero at padded frames, lengths unchanged.

        `adjust` changes the hidden activations (batch, time, feed_forward * dim) of the second feed-forward
        module, or whose batch norm utterances go through.
        """
        real = frame_mask(lengths, states.shape[1])
        states = states + 0.5 * self.first(states)
        states = states + self.attention(states, real)
        states = states + self.convolution(states, lengths, real, adjust)
        states = states + 0.5 * self.second(states, lambda hidden: adjust(hidden, lengths))
        return self.norm(states) * real.unsqueeze(2), lengths


class FeedForward(nn.Module):
    """Layer norm, a wider hidden layer with Swish, and back. Source: Gulati et al. 2020, section 2.3."""

    def __init__(self, dim: int, expansion: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.wide = nn.Linear(dim, expansion * dim)
        self.narrow = nn.Linear(expansion * dim, dim)
        self.dropout = ChannelDropout()

    def forward(self, states: Tensor, adjust: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Map states (batch, time, dim) to what is added to them."""
        hidden = F.silu(self.wide(self.norm(states)))
        return cast(Tensor, self.dropout(self.narrow(hidden if adjust is None else adjust(hidden))))


class Attention(nn.Module):
    """Multi-head self-attention over an utterance's real frames, with rotary positions.

    Queries and keys are rotated by their frame's angle, so that their product depends on the distance of
    two frames alone. Source: Vaswani et al. 2017, section 3.2; Su et al. 2021 (RoFormer), equation 34.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.project = nn.Linear(dim, 3 * dim)
        self.join = nn.Linear(dim, dim)
        self.dropout = ChannelDropout()

    def forward(self, states: Tensor, real: Tensor) -> Tensor:
        """Map states (batch, time, dim) with their real frames (batch, time) to what is added to them."""
        batch, time, dim = states.shape
        projected = self.project(self.norm(states)).view(batch, time, 3, self.heads, dim // self.heads)
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(
            rotated(query), rotated(key), value, attn_mask=real[:, None, None, :]
        )
        joined = attended.transpose(1, 2).reshape(batch, time, dim)
        return cast(Tensor, self.dropout(self.join(joined)))


class Convolution(nn.Module):
    """Gated pointwise, then depthwise convolution, masked batch norm, Swish, pointwise convolution.

    Source: Gulati et al. 2020, section 2.2.
    """

    def __init__(self, dim: int, kernel: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.gate = nn.Linear(dim, 2 * dim)
        self.depthwise = nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=dim, bias=False)
        self.batch_norm = MaskedBatchNorm(dim)
        self.pointwise = nn.Linear(dim, dim)
        self.dropout = ChannelDropout()

    def forward(
        self, states: Tensor, lengths: Tensor, real: Tensor, adjust: Adjustment = UNCHANGED
    ) -> Tensor:
        """Map states (batch, time, dim) with lengths and real frames (batch, time) to what is added."""
        gated = F.glu(self.gate(self.norm(states)), dim=2) * real.unsqueeze(2)
        convolved = convolve(self.depthwise, gated)
        hidden = F.silu(adjust.normalise("batch_norm", self.batch_norm, convolved, lengths))
        return cast(Tensor, self.dropout(self.pointwise(hidden)))


def rotated(vectors: Tensor) -> Tensor:
    """Vectors (batch, heads, time, width), each pair of values turned by an angle that grows with time."""
    time, half = vectors.shape[2], vectors.shape[3] // 2
    speeds = WAVELENGTH ** -(torch.arange(half, device=vectors.device) / half)
    angles = torch.arange(time, device=vectors.device).unsqueeze(1) * speeds
    cosine, sine = angles.cos(), angles.sin()
    first, second = vectors[..., :half], vectors[..., half:]
    turned = torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=3)
    return turned.to(vectors.dtype)
