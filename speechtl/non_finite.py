"""Losses and weights that are not finite: steps are left out and named; runs that cannot go on are ended."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from math import isfinite

import torch
from torch import Tensor, nn

from speechtl.faults import listed

logger = logging.getLogger(__name__)

PATIENCE = 20
"""So many steps in a row with a loss that is not finite stop a run."""


def average_finite(term: Tensor) -> Tensor:
    """A term as a scalar: the sum of its finite values divided by how many utterances there are.

    NaN where none is finite, so that the whole step is left out.
    """
    if term.ndim == 0:
        return term
    total = term.sum()
    if isfinite(total.item()):  # of a sum of finite values it is enough to look at the sum
        return total / len(term)
    bad = ~torch.isfinite(term)
    total = term.masked_fill(bad, 0).sum() / len(term)
    return torch.where(bad.all(), torch.nan, total)


def sum_losses(losses: Mapping[str, Tensor]) -> Tensor:
    """Add the named terms."""
    return torch.stack(list(losses.values())).sum()


@torch.no_grad()
def culprits(terms: Mapping[str, Tensor], ids: Sequence[str], norm: Tensor) -> str | None:
    """Whose losses (batch,) are not finite, or which term of the whole batch, or that the gradient's norm is
    not; None if all is well."""
    bad = [
        ids[i]
        for term in terms.values()
        if term.ndim == 1 and not isfinite(term.sum().item())
        for i in torch.nonzero(~torch.isfinite(term)).flatten().tolist()
    ]
    if bad:
        return listed(list(dict.fromkeys(bad)))
    if torch.isfinite(norm):
        return None
    whole = [name for name, term in terms.items() if term.ndim == 0 and not isfinite(term.item())]
    what = f"the term {listed(whole)}" if whole else "the gradient"
    return f"{what} of the batch {listed(ids)}"


def require_finite(model: nn.Module, lr: float) -> None:
    """Refuse to keep weights that are not finite, with which nothing can be read.

    Raises:
        ValueError: there are some; names them.
    """
    if bad := [name for name, value in model.state_dict().items() if not torch.isfinite(value).all()]:
        raise ValueError(f"weights are not finite after training: {listed(bad)}. {mend(lr)}")


def mend(lr: float) -> str:
    """What to do about it, at this learning rate."""
    return f"Lower --train.lr (now {lr}), use --train.precision fp32, or look at these clips."


class StatisticsGuard:
    """Remembers a model's buffers: a forward pass that overflows would leave NaN in its batch norms."""

    def __init__(self, model: nn.Module) -> None:
        self._buffers = list(model.buffers())
        self._copies = [buffer.clone() for buffer in self._buffers]

    def remember(self) -> None:
        """Note the buffers as they are."""
        torch._foreach_copy_(self._copies, self._buffers)

    def restore(self) -> None:
        """Put the buffers back as they were noted."""
        torch._foreach_copy_(self._buffers, self._copies)
