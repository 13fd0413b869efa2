"""Confidence: how sure a head is of what it has recognised."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from speechtl.padding import padded_labels


def confidences(log_probs: Tensor, lengths: Tensor, hypotheses: Sequence[Sequence[int]]) -> Tensor:
    """Posterior (batch,) of each utterance's hypothesis for one of its units: P(h|x)^(1 / max(1, |h|)).

    P(h|x) is the sum over all labellings that collapse to the hypothesis (Graves et al. 2006, equation 3).
    The best units of the frames are no measure of it: most frames are blank, and sure of that. The root makes
    long and short hypotheses comparable; its logarithm is the score by which Kahn, Lee and Hannun (2020,
    arXiv:1909.09116) filter pseudo-labels. Of a classifier it is the posterior of the class.

    Args:
        log_probs: (batch, time, 1 + units), the blank first.
        lengths: (batch,) in frames; what lies beyond is padding and has no effect.
        hypotheses: Unit ids of each utterance, repeats merged and blanks dropped; they may be empty.

    Returns:
        In [0, 1], float64; 0 where a hypothesis does not fit into the frames.
    """
    sizes = torch.tensor([len(units) for units in hypotheses])
    frames = log_probs.detach().cpu().double().transpose(0, 1)
    likelihoods = -F.ctc_loss(frames, padded_labels(hypotheses), lengths.cpu(), sizes, reduction="none")
    return (likelihoods / sizes.clamp(min=1)).exp().clamp(max=1.0)
