"""Heads: what turns encoder states into the units or the classes of one language, and the losses."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechtl.features import frame_mask

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

    @property
    def shares_blank(self) -> bool:
        """Whether it needs the row that the languages share."""
        return self.blank is None

    def forward(self, states: Tensor, shared_blank: nn.Linear | None = None) -> Tensor:
        """Log-probabilities (batch, time, 1 + units) in float32 from states (batch, time, dim)."""
        blank = self.blank if self.blank is not None else shared_blank
        assert blank is not None, "a head without its own blank row needs the shared one"
        weight = torch.cat([blank.weight, self.units.weight])
        bias = torch.cat([blank.bias, self.units.bias])
        # bfloat16 logits are too coarse to learn from.
        with torch.autocast(states.device.type, enabled=False):
            return F.linear(states.float(), weight, bias).log_softmax(dim=2)


class ClassifierHead(nn.Module):
    """One decision for a whole utterance, among the texts of training, from the mean of its real frames.

    What it gives has the shape of a CTC head's output of a single frame without a blank, so that all that
    decodes or scores the one works on the other.
    """

    blank = None
    shares_blank = False

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__()
        self.units = nn.Linear(dim, classes)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Log-probabilities (batch, 1, 1 + classes) in float32 from states (batch, time, dim).

        Column 0, where a blank would stand, is minus infinity.
        """
        real = frame_mask(lengths, states.shape[1]).unsqueeze(2)
        with torch.autocast(states.device.type, enabled=False):
            mean = (states.float() * real).sum(dim=1) / lengths.unsqueeze(1)
            scores = self.units(mean).log_softmax(dim=1)
        return F.pad(scores, (1, 0), value=-torch.inf).unsqueeze(1)


def class_losses(log_probs: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (batch,) of each utterance's only label.

    Args:
        log_probs: (batch, 1, 1 + classes).
        labels: (batch, 1).
    """
    return -log_probs[:, 0].gather(1, labels[:, :1]).squeeze(1)


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
