"""The rows of the benchmark's table: what each hears, by which method it learns, and how it is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from recipes.mnist_m.network import FEATURES, NETWORKS
from speechtl.train_settings import TrainSettings
from speechtl.transfer import CORAL, DANN, MMD, AdaBN, Composed, DomainBatchNorm
from speechtl.transfer.base import Transfer

HALF = 64
"""Labelled images of a batch; as many without labels are beside them where a method hears those."""
OWN_NORMS = DomainBatchNorm(affine="shared")
"""Statistics by domain. A scale and shift of MNIST-M's own would stay untrained behind the features, which
neither its missing labels nor the reversal reach."""


@dataclass(frozen=True)
class LastWeights(Transfer):
    """Plain training that keeps the last weights, since no row may choose by the labels of MNIST-M."""

    @property
    def chooses_on_dev(self) -> bool:
        """Never."""
        return False


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    method: Transfer
    account: str
    """What it is, in a few words."""
    hears_target: bool = False
    """Whether the labelled images are those of MNIST-M."""
    needs_batch_norm: bool = False
    """Whether it means nothing without batch norms."""
    starts_from: str | None = None
    """The row whose trained model it adapts without further training; None: it is trained from scratch."""

    @property
    def batch(self) -> int:
        """Images in a batch."""
        return 2 * HALF if self.method.hears_unlabelled else HALF


ROWS: Mapping[str, Row] = {
    "source": Row(LastWeights(), "labelled MNIST alone"),
    "control": Row(DANN(block=FEATURES, weight=0.0), "the batches of DANN, λ = 0"),
    "dann": Row(DANN(block=FEATURES), "DANN"),
    "dann-own-norms": Row(
        Composed(methods=(DANN(block=FEATURES), OWN_NORMS)),
        "DANN, batch norms by domain",
        needs_batch_norm=True,
    ),
    "control-own-norms": Row(
        Composed(methods=(DANN(block=FEATURES, weight=0.0), OWN_NORMS)),
        "λ = 0, batch norms by domain",
        needs_batch_norm=True,
    ),
    "mmd": Row(MMD(blocks=(FEATURES,)), "MMD"),
    "coral": Row(CORAL(blocks=(FEATURES,)), "CORAL"),
    "adabn": Row(AdaBN(), "AdaBN on labelled MNIST alone", needs_batch_norm=True, starts_from="source"),
    "target": Row(LastWeights(), "labelled MNIST-M", hears_target=True),
}


def row_of(name: str, network: str, weight: float | None = None) -> Row:
    """A row for a network.

    Args:
        name: a key of `ROWS`.
        network: a key of `NETWORKS`.
        weight: of the method's term, in place of the row's own.

    Raises:
        ValueError: the row needs batch norms, and the network has none; or it has no term to weigh.
    """
    row = ROWS[name]
    if row.needs_batch_norm and not NETWORKS[network].has_batch_norm:
        raise ValueError(
            f"the row {name} needs batch norms, and the {network} network has none; leave it out, or take "
            "--network wide"
        )
    if weight is None:
        return row
    if not isinstance(row.method, DANN | MMD | CORAL) or not row.method.weight:
        raise ValueError(
            f"--weight: the row {name} has no term to weigh; give it to dann, mmd or coral alone"
        )
    return replace(row, method=replace(row.method, weight=weight))


def train_settings(row: Row, network: str, images: int, epochs: int) -> TrainSettings:
    """How a row is trained.

    The paper's network: gradient descent with a momentum of 0.9 at 0.01 / (1 + 10 p)^0.75, as Ganin et al.
    2016, section 5.2.2; the wide one: Adam, 0.001, half a cosine to zero, dropout 0.5. Neither decays or
    averages weights, nor shortens gradients.

    Args:
        row: what is trained.
        network: a key of `NETWORKS`.
        images: labelled ones.
        epochs: passes over these.
    """
    settings = TrainSettings(
        steps=0 if row.starts_from is not None else epochs * math.ceil(images / HALF),
        batch_seconds=row.batch,  # an image lasts a second
        warmup=0.0,
        weight_decay=0.0,
        clip=1e6,
        average=0.0,
        precision="fp32",
        evaluations=max(1, epochs),
        threads=1,  # two trainings side by side on one thread each make more images than one on two
    )
    if network == "paper":
        return replace(settings, lr=0.01, optimiser="sgd", schedule="inverse")
    return replace(settings, lr=1e-3, dropout=0.5)
