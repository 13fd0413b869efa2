"""Passes over speech without training: what methods that only measure have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from speechtl.batches import INFERENCE_SECONDS, Batch, Examples
from speechtl.epochs import bucket
from speechtl.features import frame_mask
from speechtl.models.layers import seed_of
from speechtl.transfer.rules import Rule

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel
    from speechtl.models.inserted import InsertedModule


@contextmanager
def at_rest(model: AcousticModel) -> Iterator[None]:
    """In eval mode and without gradients inside; as it was afterwards."""
    was = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was)


def drawn(examples: Examples, among: Iterable[int], seconds: float, seed: int) -> list[int]:
    """Some of these utterances, drawn at random, that last so long together; always one.

    >>> from types import SimpleNamespace
    >>> speech = SimpleNamespace(seconds=np.array([2.0, 2.0, 2.0]))
    >>> len(drawn(speech, range(3), 4.0, seed=0)), drawn(speech, range(3), 60.0, seed=0)
    (2, [0, 1, 2])
    """
    order = np.random.default_rng(seed_of(seed, "measured")).permutation(sorted(among))
    ends = np.cumsum(examples.seconds[order])
    count = max(1, int(np.searchsorted(ends, seconds, side="right")))
    return sorted(order[:count].tolist())


def batches(examples: Examples, indices: Iterable[int]) -> Iterator[Batch]:
    """Each of these utterances once, unchanged, in batches of like length."""
    return map(examples.batch, _like_length(examples, indices))


def _like_length(examples: Examples, indices: Iterable[int]) -> Iterator[list[int]]:
    chosen = np.array(list(indices), dtype=np.int64)
    order = chosen[np.argsort(examples.seconds[chosen], kind="stable")]
    for part in bucket(examples.seconds[order], INFERENCE_SECONDS):
        yield order[part].tolist()


def with_features(model: AcousticModel, examples: Examples, indices: Iterable[int]) -> Iterator[Batch]:
    """The same with features in place of waveforms, for speech that is heard several times."""
    for part in _like_length(examples, indices):
        features = tuple(model.featurize([examples.clip(index) for index in part]))
        yield replace(examples.batch(part), waveforms=torch.zeros(len(part), 0), features=features)


@dataclass
class Sums:
    """Sums over the real frames of some values, of which mean and variance follow."""

    count: int = 0
    first: Tensor | float = 0.0
    second: Tensor | float = 0.0

    def add(self, values: Tensor, lengths: Tensor) -> None:
        """Add values (batch, time, width) with lengths (batch,) in frames; padding does not count."""
        real = values[frame_mask(lengths, values.shape[1])].double()
        self.count += len(real)
        self.first = self.first + real.sum(dim=0)
        self.second = self.second + real.square().sum(dim=0)

    @property
    def mean(self) -> Tensor:
        """(width,)."""
        return torch.as_tensor(self.first) / self.count

    @property
    def variance(self) -> Tensor:
        """(width,), of the frames as they are: divided by their number."""
        return (torch.as_tensor(self.second) / self.count - self.mean.square()).clamp_min(0)


def inputs_of(model: AcousticModel, examples: Examples) -> list[str]:
    """The blocks of the inputs that some speech goes through."""
    used = {id(model.inputs.of(domain)) for domain in examples.domains}
    return [name for name, entry in model.inputs.blocks().items() if id(entry) in used]


def utterances_by(examples: Examples, by: Literal["speaker"] | None) -> dict[str | None, list[int]]:
    """The utterances of each speaker who is named, or of all under None."""
    if by is None:
        return {None: list(range(len(examples)))}
    found: dict[str | None, list[int]] = {}
    for index, speaker in enumerate(examples.speakers):
        if speaker is not None:
            found.setdefault(speaker, []).append(index)
    return found


def newest(model: AcousticModel, kind: str, block: str) -> InsertedModule:
    """The module of a kind that was put into a block last."""
    return [m for m in model.inserted.all() if (m.insertion.kind, m.insertion.block) == (kind, block)][-1]


def measured(model: AcousticModel, kind: str, blocks: Iterable[str]) -> tuple[Rule, ...]:
    """Rules that the modules of a kind that were put into blocks last are estimated, and not trained."""
    names = [newest(model, kind, block).insertion.name for block in blocks]
    return tuple(Rule(name, start="estimated") for name in names)
