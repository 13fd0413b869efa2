"""Heads: what turns encoder states into the units of one language, with the loss that trains them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLANK_BIAS = 5.0
"""Where a blank's bias starts. Most frames are blank, and a model that begins there leaves the plateau on
which every CTC training starts much sooner."""


def blank_row(dim: int) -> nn.Linear:
    """A row of weights for the blank, whose bias makes it likely."""
    row = nn.Linear(dim, 1)
    nn.init.constant_(row.bias, BLANK_BIAS)
    return row


class CTCHead(nn.Module):
    """CTC over the units of one orthography; unit 0 is the blank.

    A head without a blank row of its own borrows the row that the languages share. A softmax over
    language-tagged units with only the blank shared, masked by the utterance's language, is exactly a
    softmax over that language's rows and the shared blank row.
    """

    def __init__(self, dim: int, units: int, *, own_blank: bool) -> None:
        super().__init__()
        self.units = nn.Linear(dim, units)
        self.blank = blank_row(dim) if own_blank else None

    def forward(self, states: Tensor, shared_blank: nn.Linear | None = None) -> Tensor:
        """Log-probabilities (batch, time, 1 + units) in float32 from states (batch, time, dim)."""
        blank = self.blank if self.blank is not None else shared_blank
        assert blank is not None, "a head without its own blank row needs the shared one"
        weight = torch.cat([blank.weight, self.units.weight])
        bias = torch.cat([blank.bias, self.units.bias])
        # bfloat16 logits are too coarse to learn from.
        with torch.autocast(states.device.type, enabled=False):
            return F.linear(states.float(), weight, bias).log_softmax(dim=2)


def ctc_losses(log_probs: Tensor, lengths: Tensor, labels: Tensor, label_lengths: Tensor) -> Tensor:
    """Negative log-likelihood (batch,) of each utterance's labels, infinite where they do not fit.

    Source: Graves et al. 2006, equation 8.

    Args:
        log_probs: (batch, time, 1 + units).
        lengths: (batch,) in frames.
        labels: (batch, units) padded with 0.
        label_lengths: (batch,).
    """
    losses = F.ctc_loss(
        log_probs.transpose(0, 1), labels, lengths, label_lengths, reduction="none", zero_infinity=True
    )
    fits = frames_needed(labels, label_lengths) <= lengths
    # An infinite loss has no usable gradient; with zero_infinity its gradient is zero, and the value says so.
    return losses.masked_fill(~fits, torch.inf)


def frames_needed(labels: Tensor, label_lengths: Tensor) -> Tensor:
    """Fewest frames (batch,) that can carry labels (batch, units): one each, and a blank between repeats."""
    inside = torch.arange(1, labels.shape[1], device=labels.device) < label_lengths.unsqueeze(1)
    return label_lengths + ((labels[:, 1:] == labels[:, :-1]) & inside).sum(dim=1)
