"""Batches bounded in seconds: length buckets, mixed languages, an order that follows from seed and step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechtl.features import SAMPLE_RATE, Masking, change_speed

if TYPE_CHECKING:
    from speechtl.corpus import Corpus
    from speechtl.text import Tokenizer


MOST_SPREAD = 1.15


@dataclass(frozen=True)
class Batch:
    """Utterances that travel together, padded with zeros."""

    waveforms: Tensor
    """float32 (batch, samples)."""
    lengths: Tensor
    """int64 (batch,) in samples."""
    labels: Tensor
    """int64 (batch, units), padded with 0, the CTC blank."""
    label_lengths: Tensor
    """int64 (batch,)."""
    languages: tuple[str, ...]
    ids: tuple[str, ...]
    speakers: tuple[str | None, ...]
    domains: tuple[str | None, ...]
    is_target: Tensor
    """bool (batch,)."""
    is_labelled: Tensor
    """bool (batch,)."""
    masking: Masking | None = None
    """SpecAugment as drawn for this batch: every model that encodes it, teachers too, sees the same masks."""

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class Examples:
    """Speech with its labels, ready for batching; one entry per utterance in every field."""

    waveforms: Sequence[NDArray[np.int16]]
    seconds: NDArray[np.float64]
    labels: Sequence[Sequence[int]]
    languages: Sequence[str]
    ids: Sequence[str]
    speakers: Sequence[str | None]
    domains: Sequence[str | None]
    is_target: bool = True

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(
        cls,
        corpus: Corpus,
        waveforms: Sequence[NDArray[np.int16]],
        seconds: NDArray[np.float64],
        tokenizers: dict[str, Tokenizer] | None,
        *,
        is_target: bool = True,
    ) -> Examples:
        """Join a corpus with its decoded audio and the labels of its texts (none without tokenizers)."""
        languages = corpus.column("language")
        texts = corpus.column("text")
        labels: list[list[int]] = [[] for _ in texts]
        if tokenizers is not None:
            labels = [tokenizers[tag].encode(text) for tag, text in zip(languages, texts, strict=True)]
        return cls(
            waveforms=waveforms,
            seconds=seconds,
            labels=labels,
            languages=languages,
            ids=corpus.column("id"),
            speakers=corpus.column("speaker"),
            domains=corpus.column("domain"),
            is_target=is_target,
        )

    def batch(self, indices: Sequence[int], speeds: Sequence[float] | None = None) -> Batch:
        """Pad the utterances at `indices` into one batch, each played at its speed."""
        waves = []
        for position, index in enumerate(indices):
            wave = torch.from_numpy(np.array(self.waveforms[index], dtype=np.float32) / 32768)
            waves.append(wave if speeds is None else change_speed(wave, speeds[position]))
        labels = [torch.tensor(self.labels[index], dtype=torch.int64) for index in indices]
        return Batch(
            waveforms=torch.nn.utils.rnn.pad_sequence(waves, batch_first=True),
            lengths=torch.tensor([len(wave) for wave in waves]),
            labels=torch.nn.utils.rnn.pad_sequence(labels, batch_first=True),
            label_lengths=torch.tensor([len(label) for label in labels]),
            languages=tuple(self.languages[index] for index in indices),
            ids=tuple(self.ids[index] for index in indices),
            speakers=tuple(self.speakers[index] for index in indices),
            domains=tuple(self.domains[index] for index in indices),
            is_target=torch.full((len(indices),), self.is_target),
            is_labelled=torch.tensor([len(label) > 0 for label in labels]),
        )


@dataclass(frozen=True)
class Plan:
    """One epoch of a stream: which utterances at which speed share a batch."""

    batches: tuple[NDArray[np.int64], ...]
    speeds: NDArray[np.float64]
    """Speed factor per utterance of the corpus."""


@dataclass(frozen=True, eq=False)
class Stream:
    """An endless, seeded sequence of batches over some examples.

    The batch of a step is a pure function of the fields and the step, so training resumes exactly by
    asking for the next step.
    """

    examples: Examples
    batch_seconds: float
    """Most audio in a batch, padding included, in seconds."""
    seed: int
    speeds: tuple[float, ...] = (1.0,)
    temperature: float = 1.0
    """P(language) ∝ hours^(1/temperature); at 1 every utterance comes once per epoch."""
    is_mixed: bool = True
    """Whether a batch may hold several languages."""
    _plans: dict[int, Plan] = field(default_factory=dict, repr=False)

    def batch(self, step: int) -> Batch:
        """The batch of training step `step`, counted from 0."""
        plan, position = self.locate(step)
        indices = plan.batches[position]
        return self.examples.batch(indices.tolist(), plan.speeds[indices].tolist())

    def locate(self, step: int) -> tuple[Plan, int]:
        """The epoch's plan that holds a step, and the step's place in it."""
        epoch, first = self._epoch_of(step)
        return self.plan(epoch), step - first

    def _epoch_of(self, step: int) -> tuple[int, int]:
        epoch, first = 0, 0
        while step >= first + len(self.plan(epoch).batches):
            first += len(self.plan(epoch).batches)
            epoch += 1
        return epoch, first

    def plan(self, epoch: int) -> Plan:
        """The batches of an epoch, in the order they come."""
        if epoch not in self._plans:
            self._plans[epoch] = self._make_plan(epoch)
        return self._plans[epoch]

    def _make_plan(self, epoch: int) -> Plan:
        random = np.random.default_rng([self.seed, epoch])
        speeds = random.choice(np.asarray(self.speeds), size=len(self.examples))
        chosen = self._chosen(random)
        seconds = self.examples.seconds / speeds
        order = chosen[np.argsort(np.log(seconds[chosen]) + random.uniform(0, 0.01, len(chosen)))]
        languages = np.asarray(self.examples.languages)[order]
        groups = [order] if self.is_mixed else [order[languages == tag] for tag in np.unique(languages)]
        batches = [group[part] for group in groups for part in bucket(seconds[group], self.batch_seconds)]
        shuffled = random.permutation(len(batches))
        return Plan(tuple(batches[i] for i in shuffled), speeds)

    def _chosen(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Utterances of one epoch: each once at temperature 1, else languages drawn by temperature."""
        everyone = random.permutation(len(self.examples))
        if self.temperature == 1:
            return everyone
        languages = np.asarray(self.examples.languages)[everyone]
        tags = sorted(set(languages.tolist()))
        hours = np.array([self.examples.seconds[everyone][languages == tag].sum() for tag in tags])
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


def inference_batches(examples: Examples, batch_seconds: float) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Every utterance once, sorted by length: the indices of a batch, and the batch."""
    order = np.argsort(examples.seconds, kind="stable")
    for positions in bucket(examples.seconds[order], batch_seconds):
        indices = order[positions]
        yield indices, examples.batch(indices.tolist())


def concatenate(batches: Sequence[Batch]) -> Batch:
    """Put several streams' batches into one, padded to the longest."""
    if len(batches) == 1:
        return batches[0]
    joined: dict[str, object] = {}
    for name in Batch.__dataclass_fields__.keys() - {"masking"}:
        values = [getattr(batch, name) for batch in batches]
        if name in ("waveforms", "labels"):
            rows = [row for value in values for row in value]
            joined[name] = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        elif isinstance(values[0], Tensor):
            joined[name] = torch.cat(values)
        else:
            joined[name] = tuple(entry for value in values for entry in value)
    return Batch(**joined)  # type: ignore[arg-type]


def padding_share(stream: Stream, epoch: int = 0) -> float:
    """Share of an epoch's frames that are padding."""
    plan = stream.plan(epoch)
    seconds = stream.examples.seconds / plan.speeds
    real = sum(float(seconds[batch].sum()) for batch in plan.batches)
    padded = sum(float(seconds[batch].max()) * len(batch) for batch in plan.batches)
    return 1 - real / padded


def speech_seconds(batch: Batch) -> float:
    """Seconds of speech in a batch, padding left out."""
    return float(batch.lengths.sum()) / SAMPLE_RATE
