"""Epochs: which utterances come when, how they are changed, and which of them share a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from speechtl.augment import AugmentSettings
from speechtl.augment.changes import Changes
from speechtl.augment.draws import Draws
from speechtl.augment.phrases import Companions, Phrases

MOST_SPREAD = 1.15


@dataclass(frozen=True)
class Item:
    """An entry of a batch: an utterance or a phrase of several, and what is changed about it."""

    utterances: tuple[int, ...]
    pauses: tuple[float, ...] = ()
    """Seconds between each utterance and the next."""
    changes: Changes = field(default_factory=Changes)

    @property
    def is_plain(self) -> bool:
        """Whether it is one utterance of which only the speed is changed."""
        return not self.pauses and self.changes == Changes(self.changes.speed, key=self.changes.key)


@dataclass(frozen=True)
class Plan:
    """One epoch: its items, and which of them share a batch."""

    batches: tuple[NDArray[np.int64], ...]
    """Items of each batch, by number."""
    utterances: NDArray[np.int64]
    """(items,) the first utterance of each."""
    seconds: NDArray[np.float64]
    """(items,) lengths as they are played."""
    draws: Draws
    phrases: Phrases | None = None

    @property
    def padding_share(self) -> float:
        """Share of the frames that are padding."""
        real = sum(float(self.seconds[batch].sum()) for batch in self.batches)
        whole = sum(float(self.seconds[batch].max()) * len(batch) for batch in self.batches)
        return 1 - real / whole

    def items(self, position: int) -> list[Item]:
        """The items of a batch with all that was drawn for them."""
        numbers = self.batches[position]
        changes, first = self.draws.of_items(numbers), self.utterances[numbers].tolist()
        if self.phrases is None:
            return [Item((one,), (), own) for one, own in zip(first, changes, strict=True)]
        followers = self.phrases.of_items(numbers)
        return [
            Item((one, *others), pauses, own)
            for one, (others, pauses), own in zip(first, followers, changes, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class Epochs:
    """The plans of all epochs: each a pure function of the fields and the epoch's number."""

    seconds: NDArray[np.float64]
    """(utterances,) lengths."""
    languages: Sequence[str]
    """(utterances,)."""
    companions: Companions | None
    """Which utterances make phrases; None where none are made."""
    batch_seconds: float
    seed: int
    augment: AugmentSettings
    temperature: float
    is_mixed: bool
    _plans: dict[int, Plan] = field(default_factory=dict, repr=False)
    _sizes: dict[int, int] = field(default_factory=dict, repr=False)

    def locate(self, step: int) -> tuple[Plan, int]:
        """The epoch's plan that holds a step, and the step's place in it."""
        epoch, first = 0, 0
        while step >= first + self._size(epoch):
            first += self._size(epoch)
            epoch += 1
        return self.plan(epoch), step - first

    def _size(self, epoch: int) -> int:
        """The number of an epoch's batches."""
        if epoch not in self._sizes:
            self.plan(epoch)
        return self._sizes[epoch]

    def plan(self, epoch: int) -> Plan:
        """The batches of an epoch, in the order they come; this plan and the one before are kept.

        Two threads that ask at once may both make the plan; it is the same.
        """
        plan = self._plans.get(epoch)
        if plan is None:
            plan = self._make_plan(epoch)
            self._sizes[epoch], self._plans[epoch] = len(plan.batches), plan
            for other in list(self._plans):
                if not epoch - 1 <= other <= epoch:
                    self._plans.pop(other, None)
        return plan

    def _make_plan(self, epoch: int) -> Plan:
        random = np.random.default_rng([self.seed, epoch])
        speeds = random.choice(np.asarray(self.augment.speeds), size=len(self.seconds))
        chosen = self._chosen(random)
        draws = Draws.of(self.augment, self.seed, epoch, speeds[chosen])
        seconds, phrases = self.seconds[chosen], None
        if self.companions is not None:
            longest = self.batch_seconds * draws.factors
            phrases = Phrases.of(self.augment, self.companions, chosen, self.seconds, longest, draws.key)
            seconds = phrases.seconds
        seconds = seconds / draws.factors
        order = np.argsort(np.log(seconds) + random.uniform(0, 0.01, len(chosen)))
        languages = np.asarray(self.languages)[chosen[order]]
        groups = [order] if self.is_mixed else [order[languages == tag] for tag in np.unique(languages)]
        batches = [group[part] for group in groups for part in bucket(seconds[group], self.batch_seconds)]
        shuffled = random.permutation(len(batches))
        return Plan(tuple(batches[i] for i in shuffled), chosen, seconds, draws, phrases)

    def _chosen(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Utterances of one epoch: each once at temperature 1, else languages drawn by temperature."""
        everyone = random.permutation(len(self.seconds))
        if self.temperature == 1:
            return everyone
        languages = np.asarray(self.languages)[everyone]
        tags = sorted(set(languages.tolist()))
        hours = np.array([self.seconds[everyone][languages == tag].sum() for tag in tags])
        share = hours ** (1 / self.temperature)
        wanted = share / share.sum() * hours.sum()
        parts = []
        for tag, seconds, available in zip(tags, wanted, hours, strict=True):
            own = everyone[languages == tag]
            count = round(len(own) * seconds / available)
            parts.append(np.resize(own, max(1, count)))
        return np.concatenate(parts)


def bucket(seconds: NDArray[np.float64], batch_seconds: float) -> list[NDArray[np.int64]]:
    """Cut utterances, sorted by length, into batches of at most `batch_seconds` of padded audio.

    Within a batch no utterance is over 15 % longer than another, so padding stays small where lengths are
    sparse. An utterance longer than the bound has a batch of its own.
    """
    batches: list[NDArray[np.int64]] = []
    start = 0
    longest = 0.0
    for index, length in enumerate(seconds):
        longest = max(longest, float(length))
        full = longest * (index + 1 - start) > batch_seconds
        if index > start and (full or longest > MOST_SPREAD * seconds[start]):
            batches.append(np.arange(start, index))
            start, longest = index, float(length)
    batches.append(np.arange(start, len(seconds)))
    return batches
