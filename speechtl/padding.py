"""Padding: what differs in length, in one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def padded(rows: Sequence[Tensor]) -> Tensor:
    """Tensors (length, ...) in one (batch, longest, ...), padded with 0."""
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)


def padded_labels(rows: Sequence[Sequence[int]]) -> Tensor:
    """Labels in one int64 (batch, longest), padded with 0; a tensor for each row would take twice the time.

    >>> padded_labels([[3, 4], [5]])
    tensor([[3, 4],
            [5, 0]])
    """
    labels = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for own, row in zip(labels, rows, strict=True):
        own[: len(row)] = row
    return torch.from_numpy(labels)
