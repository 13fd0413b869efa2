"""CORAL: the features of two domains get the same covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from speechtl.transfer.domain_distance import DomainDistance


@dataclass(frozen=True)
class CORAL(DomainDistance):
    """The loss of the labelled speech and weight · Σ ‖C_S - C_T‖² / (4 d²) over blocks, d their width.

    C_S and C_T are the covariances of the two domains' features in a batch, which are the means over each
    utterance's frames. It does not see a difference of means. A batch with fewer than two utterances of a
    domain adds nothing, and has no `coral_distance` in metrics.jsonl; that is without the weight.
    Source: Sun and Saenko 2016, Deep CORAL: Correlation alignment for deep domain adaptation, equations 1
    to 3.
    """

    weight: float = 1.0
    """Strength of the term beside the loss of the labelled speech; 0 only measures it, a control. The term
    is small: values of hundreds are no mistake."""

    term: ClassVar[str] = "coral"

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        """‖C_S - C_T‖² / (4 d²)."""
        return covariance_distance(source, target)


def covariance_distance(source: Tensor, target: Tensor) -> Tensor:
    """‖C_S - C_T‖² / (4 d²) between two samples (m, d) and (n, d) of two rows or more, a scalar.

    Source: Sun and Saenko 2016, equation 1.
    """
    difference = covariance(source) - covariance(target)
    return difference.square().sum() / (4 * source.shape[1] ** 2)


def covariance(rows: Tensor) -> Tensor:
    """The unbiased covariance (d, d) of rows (n, d). Source: Sun and Saenko 2016, equations 2 and 3."""
    centred = rows - rows.mean(dim=0)
    return centred.T @ centred / (len(rows) - 1)
