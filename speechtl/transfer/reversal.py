"""Gradient reversal: what a head learns to tell apart, the features learn to hide."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor


def strength(progress: float, gamma: float) -> float:
    """How far the reversal has risen, 2 / (1 + e^(-γp)) - 1: from 0 at the start to almost 1 at the end.

    The features are left alone while the head knows nothing yet.
    Source: Ganin et al. 2016, Domain-adversarial training of neural networks, section 5.2.2.

    Args:
        progress: share p of the training that is done, in [0, 1].
        gamma: γ, how soon it rises.

    >>> [round(strength(p, gamma=10), 6) for p in (0, 0.5, 1)]
    [0.0, 0.986614, 0.999909]
    """
    return 2 / (1 + math.exp(-gamma * progress)) - 1


def reverse(features: Tensor, strength: float) -> Tensor:
    """The features as they are, whose gradient is multiplied by minus the strength on its way back.

    At strength 0 nothing goes back, so that the optimiser leaves alone what no other loss reaches.
    Source: Ganin et al. 2016, equations 16 and 17.

    Args:
        features: of any shape.
        strength: λ.
    """
    if strength == 0:
        return features.detach()
    return cast(Tensor, _Reversal.apply(features, strength))


class _Reversal(torch.autograd.Function):
    """The identity forwards, -λ times it backwards."""

    @staticmethod
    def forward(context: Any, features: Tensor, strength: float) -> Tensor:
        context.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -context.strength * gradient, None
