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


class RunningAverage:
    """Moves an average after a model: kept · average + (1 − kept) · model, batch-norm statistics too.

    Which tensors these are is looked up once: for each step that takes as long as the half of the sums.
    """

    def __init__(self, average: nn.Module, model: nn.Module, decay: float) -> None:
        pairs = list(zip(_state(average), _state(model), strict=True))
        moved = [pair for pair in pairs if pair[0].is_floating_point()]
        copied = [pair for pair in pairs if not pair[0].is_floating_point()]
        self._decay = decay
        self._moved = [mine for mine, _ in moved], [theirs for _, theirs in moved]
        self._copied = [mine for mine, _ in copied], [theirs for _, theirs in copied]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the model as it is after a step counted from 0."""
        torch._foreach_lerp_(*self._moved, 1 - kept_share(self._decay, step))
        if self._copied[0]:
            torch._foreach_copy_(*self._copied)


def _state(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
