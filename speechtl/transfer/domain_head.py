"""The domain head: a small classifier of where features come from, and how well it does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechtl.transfer.conditional import Conditioning
from speechtl.transfer.domain_features import pooled


class DomainHead(nn.Module):
    """Fully connected layers with ReLU from features to scores of the classes, such as two domains."""

    def __init__(
        self,
        classes: Sequence[str],
        width: int,
        hidden: Sequence[int],
        conditioning: Conditioning | None = None,
    ) -> None:
        """Draw the weights.

        Args:
            classes: their names.
            width: of the features.
            hidden: widths of the hidden layers; without any the scores are linear in the features.
            conditioning: joins features and posteriors, where the head sees these too.
        """
        super().__init__()
        self.classes = tuple(classes)
        self.conditioning = conditioning
        self.measures: dict[str, Tensor] = {}
        """Scalars of the last batch, detached, by name."""
        widths = [width if conditioning is None else conditioning.width, *hidden]
        layers: list[nn.Module] = []
        for entering, leaving in pairwise(widths):
            layers += [nn.Linear(entering, leaving), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], len(self.classes)))

    def forward(self, features: Tensor, posteriors: Tensor | None = None) -> Tensor:
        """Scores (..., classes) of features (..., width), with posteriors (..., units) where it sees them."""
        if self.conditioning is not None:
            assert posteriors is not None, "a conditional head needs posteriors"
            features = self.conditioning(features, posteriors)
        return cast(Tensor, self.layers(features))


def losses_and_hits(scores: Tensor, lengths: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy (utterances,) and share of right decisions (utterances,), means over real frames.

    Args:
        scores: (utterances, time, classes).
        lengths: (utterances,) in frames.
        classes: (utterances,) the true one of each.
    """
    truth = classes.unsqueeze(1).expand(scores.shape[:2])
    entropies = F.cross_entropy(scores.transpose(1, 2), truth, reduction="none")
    hits = (scores.detach().argmax(dim=2) == truth).float()
    means = pooled(torch.stack([entropies, hits], dim=2), lengths)
    return means[:, 0], means[:, 1].detach()


def balanced_mean(values: Tensor, classes: Tensor) -> Tensor:
    """The mean over the classes that are there of the mean over their utterances, a scalar.

    So classes of few utterances weigh as much as those of many.

    Args:
        values: (utterances,), at least one.
        classes: (utterances,).
    """
    sizes = classes.bincount()
    return (values / sizes[classes]).sum() / (sizes > 0).sum()
