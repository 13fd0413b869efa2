"""The running average of a model's weights, which is what is evaluated and kept."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def kept_share(decay: float, step: int) -> float:
    """Share of the average that stays at a step counted from 0: small at first, `decay` in the long run.

    Source: TensorFlow's ExponentialMovingAverage with `num_updates`, min(decay, (1 + n) / (10 + n)).

    >>> [kept_share(0.99, step) for step in (0, 8, 10_000)]
    [0.1, 0.5, 0.99]
    """
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move an average towards a model: kept · average + (1 − kept) · model, batch-norm statistics too."""
    weight = 1 - kept_share(decay, step)
    for mine, theirs in zip(_state(average), _state(model), strict=True):
        if mine.is_floating_point():
            mine.lerp_(theirs, weight)
        else:
            mine.copy_(theirs)


def _state(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
