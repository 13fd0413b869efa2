"""MMD: the features of two domains are drawn together, by the distance of their means under a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from speechtl.transfer.domain_distance import DomainDistance

NARROWEST = 1e-12
"""Least bandwidth: that of features which are all the same would be 0."""


@dataclass(frozen=True)
class MMD(DomainDistance):
    """The loss of the labelled speech and weight · Σ MMD² between the two domains' features, over blocks.

    The features are the means over each utterance's frames. The kernel is a mixture of Gaussian ones, whose
    bandwidths follow the median squared distance between the utterances of a batch, so it needs no scale.
    The estimate is unbiased, hence now and then negative. A batch with fewer than two utterances of a domain
    adds nothing, and has no `mmd_distance` in metrics.jsonl; that is without the weight.
    Source: Long, Cao, Wang and Jordan 2015, Learning transferable features with deep adaptation networks,
    equation 4; Gretton, Borgwardt, Rasch, Schölkopf and Smola 2012, A kernel two-sample test, equation 3.
    """

    multiples: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    """The kernels' bandwidths, as multiples of the median squared distance."""

    term: ClassVar[str] = "mmd"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.multiples or min(self.multiples) <= 0:
            raise ValueError(f"multiples={self.multiples}: expected one bandwidth or more, all above 0")

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        """MMD², with bandwidths of these features."""
        return squared_mmd(source, target, bandwidths(source, target, self.multiples))


def squared_mmd(source: Tensor, target: Tensor, widths: Tensor) -> Tensor:
    """The unbiased estimate of MMD² between two samples, a scalar.

    Under the mean of the kernels exp(-‖x - y‖² / width). Source: Gretton et al. 2012, equation 3.

    Args:
        source: (m, width), two rows or more.
        target: (n, width), two rows or more.
        widths: (kernels,) bandwidths.
    """
    distances = _squared_distances(torch.cat([source, target]))
    kernel = (-distances / widths.view(-1, 1, 1)).exp().mean(dim=0)
    m, n = len(source), len(target)
    first, second, across = kernel[:m, :m], kernel[m:, m:], kernel[:m, m:]
    within_source = (first.sum() - first.trace()) / (m * (m - 1))
    within_target = (second.sum() - second.trace()) / (n * (n - 1))
    return within_source + within_target - 2 * across.mean()


@torch.no_grad()
def bandwidths(source: Tensor, target: Tensor, multiples: Sequence[float]) -> Tensor:
    """Bandwidths (kernels,): multiples of the median squared distance between rows of both samples.

    They are no part of the gradient.
    """
    distances = _squared_distances(torch.cat([source, target]))
    pairs = torch.triu_indices(len(distances), len(distances), offset=1, device=distances.device)
    median = distances[pairs[0], pairs[1]].median().clamp_min(NARROWEST)
    return median * torch.tensor(multiples, dtype=median.dtype, device=median.device)


def _squared_distances(rows: Tensor) -> Tensor:
    """‖x - y‖² (rows, rows) between all rows (rows, width)."""
    centred = rows - rows.mean(dim=0).detach()  # far from the origin the differences would be rounded away
    norms = centred.square().sum(dim=1)
    return (norms.unsqueeze(1) + norms - 2 * centred @ centred.T).clamp_min(0)
