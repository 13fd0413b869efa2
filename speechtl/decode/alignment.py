"""Which frames the units of a text occupy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import groupby, pairwise

import torch
from torch import Tensor


def align(log_probs: Tensor, ids: Sequence[int]) -> list[tuple[int, int]] | None:
    """The first frame of each unit and the first after it, on the best labelling that collapses to the units.

    Args:
        log_probs: (time, 1 + units) of one utterance, the blank first.
        ids: the units of its text, each at least 1.

    Returns:
        None where the units do not fit into the frames.
    """
    if not ids:
        return []
    repeats = sum(a == b for a, b in pairwise(ids))
    if len(ids) + repeats > len(log_probs):
        return None
    from torchaudio.functional import forced_align

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels, _ = forced_align(log_probs[None].float().contiguous(), torch.tensor([list(ids)]), blank=0)
    spans, frame = [], 0
    for label, run in groupby(labels[0].tolist()):
        length = len(list(run))
        if label:
            spans.append((frame, frame + length))
        frame += length
    return spans
