"""Ways down other than the methods' own: stochastic gradient descent, and schedules of the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from speechtl.transfer.base import ParameterGroup

MOMENTUM = 0.9


def sgd(groups: Sequence[ParameterGroup], lr: float) -> torch.optim.Optimizer:
    """Gradient descent with a momentum of 0.9 over the groups."""
    arguments = [
        {
            "params": list(group.parameters),
            "weight_decay": group.weight_decay,
            "lr": lr * group.lr_scale,
            "lr_scale": group.lr_scale,
            "is_clipped": group.is_clipped,
        }
        for group in groups
    ]
    return torch.optim.SGD(arguments, lr=lr, momentum=MOMENTUM)


def constant(progress: float, warmup: float) -> float:
    """Multiplier on the learning rate: linear over the warm-up's share, then 1.

    >>> [constant(p, warmup=0.5) for p in (0, 0.25, 0.5, 1)]
    [0.0, 0.5, 1.0, 1.0]
    """
    return progress / warmup if progress < warmup else 1.0


def inverse_decay(progress: float) -> float:
    """Multiplier on the learning rate: 1 / (1 + 10 p)^0.75.

    Source: Ganin et al. 2016, Domain-adversarial training of neural networks, section 5.2.2.

    >>> [round(0.01 * inverse_decay(p), 7) for p in (0, 1)]
    [0.01, 0.0016556]
    """
    return float(1 / (1 + 10 * progress) ** 0.75)
