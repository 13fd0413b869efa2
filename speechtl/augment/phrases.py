"""Phrases: several utterances in one, with pauses between them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechtl.augment.activity import room_level
from speechtl.augment.changes import generator
from speechtl.augment.settings import AugmentSettings
from speechtl.features import SAMPLE_RATE


def join_waveforms(
    waveforms: Sequence[Tensor], pauses: Sequence[float], random: np.random.Generator
) -> Tensor:
    """Waveforms (any samples,) one after the other, with so many seconds between each and the next.

    A pause holds noise as loud as the quieter of the rooms on its two sides, because no recording of a
    phrase has digital silence in it.
    """
    levels = [room_level(waveform) for waveform in waveforms]
    parts = [waveforms[0]]
    for number, pause in enumerate(pauses):
        noise = random.standard_normal(round(pause * SAMPLE_RATE), dtype=np.float32)
        parts.append(torch.from_numpy(noise * np.float32(min(levels[number : number + 2]))))
        parts.append(waveforms[number + 1])
    return torch.cat(parts)


def join_labels(labels: Sequence[Sequence[int]], separator: Sequence[int]) -> list[int]:
    """Label ids one after the other, with those of what is written between words, if anything is."""
    joined = list(labels[0])
    for following in labels[1:]:
        joined += [*separator, *following]
    return joined


@dataclass(frozen=True)
class Companions:
    """Which utterances may follow which in a phrase: those of the same group."""

    order: NDArray[np.int64]
    """(utterances,) group by group."""
    first: NDArray[np.int64]
    """(utterances,) where each one's group begins in that order."""
    size: NDArray[np.int64]
    """(utterances,) utterances of its group, itself included."""
    place: NDArray[np.int64]
    """(utterances,) its place in the group."""

    @classmethod
    def of(cls, groups: Sequence[Hashable]) -> Companions:
        """The companions of utterances that belong to these groups."""
        numbers: dict[Hashable, int] = {}
        group = np.array([numbers.setdefault(key, len(numbers)) for key in groups], dtype=np.int64)
        order = np.argsort(group, kind="stable")
        sizes = np.bincount(group, minlength=len(numbers))
        first = (np.cumsum(sizes) - sizes)[group]
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        return cls(order, first, sizes[group], place - first)

    def followers(self, utterances: NDArray[np.int64], draws: NDArray[np.float64]) -> NDArray[np.int64]:
        """Others (utterances, n) of each one's group, by draws (utterances, n) from 0 up to 1.

        An utterance that is alone in its group follows itself.
        """
        size, place, first = (part[utterances, None] for part in (self.size, self.place, self.first))
        others = np.maximum(size - 1, 1)
        return self.order[first + (place + 1 + np.floor(draws * others).astype(np.int64)) % size]


@dataclass(frozen=True)
class Phrases:
    """The phrases of an epoch: what follows the first utterance of each item."""

    followers: NDArray[np.int64]
    """(items, most)."""
    pauses: NDArray[np.float64]
    """(items, most): seconds before each follower."""
    counts: NDArray[np.int64]
    """(items,) followers that an item has; the others are not used."""
    seconds: NDArray[np.float64]
    """(items,) lengths before any other change."""

    @classmethod
    def of(
        cls,
        settings: AugmentSettings,
        companions: Companions,
        utterances: NDArray[np.int64],
        seconds: NDArray[np.float64],
        longest: NDArray[np.float64],
        key: tuple[int, int],
    ) -> Phrases:
        """Draw what follows each item's first utterance.

        Args:
            settings: The share of phrases and their bounds.
            companions: What may follow what.
            utterances: (items,) the first ones.
            seconds: (all utterances,) their lengths.
            longest: (items,) seconds over which a phrase takes no further utterance.
            key: Seed and epoch.
        """
        random, count, most = generator(key, "chain"), len(utterances), settings.chain_longest - 1
        is_chain = (random.random(count) < settings.chain) & (companions.size[utterances] > 1)
        counts = random.integers(1, most + 1, size=count) * is_chain
        followers = companions.followers(utterances, random.random((count, most)))
        pauses = random.uniform(*settings.chain_pause, (count, most))
        added = np.rint(pauses * SAMPLE_RATE) / SAMPLE_RATE + seconds[followers]
        ends = seconds[utterances, None] + np.cumsum(added, axis=1)
        counts = np.minimum(counts, (ends <= longest[:, None]).sum(axis=1))
        whole = np.column_stack([seconds[utterances], ends])[np.arange(count), counts]
        return cls(followers, pauses, counts, whole)

    def of_items(self, items: NDArray[np.int64]) -> list[tuple[list[int], tuple[float, ...]]]:
        """The followers of some items, and the pauses before them."""
        return [
            (self.followers[item, :count].tolist(), tuple(self.pauses[item, :count].tolist()))
            for item, count in zip(items.tolist(), self.counts[items].tolist(), strict=True)
        ]
