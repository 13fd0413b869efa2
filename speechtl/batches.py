"""Batches bounded in seconds: length buckets, mixed languages, an order that follows from seed and step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechtl.augment import AugmentSettings
from speechtl.augment.changes import generator
from speechtl.augment.phrases import Companions, join_labels, join_waveforms
from speechtl.batch import Batch, concatenate, speech_seconds
from speechtl.epochs import Epochs, Item, Plan, bucket
from speechtl.feature_cache import Clip, ClipFeatures, FeatureCache, Made
from speechtl.features import SAMPLE_RATE
from speechtl.padding import padded, padded_labels

if TYPE_CHECKING:
    from speechtl.corpus import Corpus
    from speechtl.text import Tokenizer

__all__ = ["Batch", "Examples", "Stream", "concatenate", "inference_batches", "speech_seconds"]

INFERENCE_SECONDS = 60.0
"""Most audio, padding included, that goes through a model at once where nothing is trained; what is longer
goes alone."""

VOICES = 4
"""Utterances that babble is made of."""


@dataclass(frozen=True)
class Examples:
    """Speech with its labels, ready for batching; one entry per utterance in every field."""

    waveforms: Sequence[NDArray[np.int16]]
    seconds: NDArray[np.float64]
    labels: Sequence[Sequence[int]]
    languages: Sequence[str]
    ids: Sequence[str]
    speakers: Sequence[str | None]
    """Each under its corpus's name, as `Corpus.qualified_speakers` has them."""
    domains: Sequence[str | None]
    is_target: bool | NDArray[np.bool_] = True
    """Whether they are of the target domain: all of them alike, or (utterances,) of each."""
    separators: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """By language: the label ids between the words of a phrase, where any are written."""

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
            speakers=corpus.qualified_speakers,
            domains=corpus.column("domain"),
            is_target=is_target,
            separators={tag: tokenizer.separator for tag, tokenizer in (tokenizers or {}).items()},
        )

    def some(self, rows: Sequence[int], labels: Sequence[Sequence[int]] | None = None) -> Examples:
        """The utterances at these rows, with their own labels or with others."""
        return replace(
            self,
            waveforms=[self.waveforms[row] for row in rows],
            seconds=self.seconds[list(rows)],
            labels=[self.labels[row] for row in rows] if labels is None else list(labels),
            languages=[self.languages[row] for row in rows],
            ids=[self.ids[row] for row in rows],
            speakers=[self.speakers[row] for row in rows],
            domains=[self.domains[row] for row in rows],
            is_target=np.broadcast_to(self.is_target, len(self))[list(rows)],
        )

    def relabelled(
        self, rows: Sequence[int], labels: Sequence[Sequence[int]], tokenizers: Mapping[str, Tokenizer]
    ) -> Examples:
        """The utterances at these rows with other labels, and with what parts the words of phrases."""
        separators = {tag: tokenizers[tag].separator for tag in set(self.languages)}
        return replace(self.some(rows, labels), separators=separators)

    @classmethod
    def unlabelled(
        cls,
        waveforms: Sequence[NDArray[np.int16]],
        language: str,
        *,
        speaker: str | None = None,
        domain: str | None = None,
    ) -> Examples:
        """Speech of one language without labels, of one speaker and domain if they are known."""
        count = len(waveforms)
        return cls(
            waveforms=waveforms,
            seconds=np.array([len(samples) / SAMPLE_RATE for samples in waveforms]),
            labels=[[]] * count,
            languages=[language] * count,
            ids=[str(number) for number in range(count)],
            speakers=[speaker] * count,
            domains=[domain] * count,
        )

    @cached_property
    def companions(self) -> Companions:
        """Who may follow whom in a phrase: the same language, domain and speaker."""
        return Companions.of(list(zip(self.languages, self.domains, self.speakers, strict=True)))

    def clip(self, index: int) -> Clip:
        """An utterance as it is, for its features."""
        return self._clip(index, self._samples(index))

    def batch(self, indices: Sequence[int]) -> Batch:
        """Pad the utterances at `indices` into one batch, as they are."""
        return self.assemble([Item((index,)) for index in indices])

    def assemble(self, items: Sequence[Item], cache: ClipFeatures | None = None) -> Batch:
        """Change the utterances of items as was drawn for each, and pad them into one batch.

        Args:
            items: what the batch holds.
            cache: where features come from; without one the batch has waveforms.
        """
        made = None if cache is None else self._features(items, cache)
        waves = [self._waveform(item) for item in items] if made is None else []
        sizes = [len(wave) for wave in waves] if made is None else [one.samples for one in made]
        labels = [self._labels(item) for item in items]
        first = [item.utterances[0] for item in items]
        warps = [item.changes.warp for item in items]
        return Batch(
            waveforms=padded(waves) if waves else torch.zeros(len(items), 0),
            lengths=torch.tensor(sizes),
            labels=padded_labels(labels),
            label_lengths=torch.tensor([len(label) for label in labels]),
            languages=tuple(self.languages[index] for index in first),
            ids=tuple(" + ".join(self.ids[index] for index in item.utterances) for item in items),
            speakers=tuple(self.speakers[index] for index in first),
            domains=tuple(self.domains[index] for index in first),
            is_target=torch.from_numpy(np.broadcast_to(self.is_target, len(self))[first]),
            is_labelled=torch.tensor([len(label) > 0 for label in labels]),
            warps=None if all(warp == 1 for warp in warps) else torch.tensor(warps),
            features=None if made is None else tuple(one.features for one in made),
        )

    def _features(self, items: Sequence[Item], cache: ClipFeatures) -> list[Made]:
        """The features of items: those that are kept, and the others, made for this batch at once."""
        found: dict[int, Made] = {}
        others: dict[int, Clip] = {}
        for place, item in enumerate(items):
            first, changes = item.utterances[0], item.changes
            if not item.is_plain:
                others[place] = self._clip(first, self._waveform(item), changes.warp)
            elif cache.keeps(first):
                found[place] = cache.of(first, changes.speed, self._plain)
            else:
                others[place] = self._plain(first, changes.speed)
        if others:
            found |= zip(others, cache.make(list(others.values())), strict=True)
        return [found[place] for place in range(len(items))]

    def _plain(self, index: int, speed: float) -> Clip:
        """An utterance that is only played at a speed."""
        return self._clip(index, self._samples(index), speed=speed)

    def _clip(self, index: int, waveform: Tensor, warp: float = 1.0, speed: float = 1.0) -> Clip:
        """Samples (samples,) that an utterance begins, as what features are made of."""
        domain, speaker, language = self.domains[index], self.speakers[index], self.languages[index]
        return Clip(waveform, warp, domain, speed, speaker, language)

    def _waveform(self, item: Item) -> Tensor:
        """An item's samples, float32 (samples,)."""
        wave = self._samples(item.utterances[0])
        if item.pauses:
            following = [self._samples(index) for index in item.utterances[1:]]
            wave = join_waveforms([wave, *following], item.pauses, generator(item.changes.key, "pauses"))
        return item.changes.apply(wave, lambda random: self._voices(item.utterances[0], random))

    def _samples(self, index: int) -> Tensor:
        return torch.from_numpy(np.multiply(self.waveforms[index], np.float32(1 / 32768), dtype=np.float32))

    def _voices(self, index: int, random: np.random.Generator) -> list[Tensor]:
        """Utterances other than this one, for babble."""
        if len(self) == 1:
            return []
        others = index + random.integers(1, len(self), size=VOICES)
        return [self._samples(other) for other in (others % len(self)).tolist()]

    def _labels(self, item: Item) -> Sequence[int]:
        if not item.pauses:
            return self.labels[item.utterances[0]]
        separator = self.separators.get(self.languages[item.utterances[0]], ())
        return join_labels([self.labels[index] for index in item.utterances], separator)


@dataclass(frozen=True, eq=False)
class Stream:
    """An endless, seeded sequence of batches over some examples.

    The batch of a step is a pure function of the fields and the step, so training resumes exactly by
    asking for the next step, and any thread may ask for any step.
    """

    examples: Examples
    batch_seconds: float
    """Most audio in a batch, padding included, in seconds."""
    seed: int
    augment: AugmentSettings = field(default_factory=AugmentSettings.off)
    """What is changed about the waveforms; masks are drawn by the training loop."""
    temperature: float = 1.0
    """P(language) ∝ hours^(1/temperature); at 1 every utterance comes once per epoch."""
    is_mixed: bool = True
    """Whether a batch may hold several languages."""
    cache: FeatureCache | None = None
    """Where features come from; without one the batches have waveforms."""
    whole: Stream | None = None
    """The stream over all speech, where this is one over a part of it: features that are kept are its own."""
    rows: Sequence[int] = ()
    """Of a part: where its utterances are in the whole."""

    def part(self, rows: Sequence[int], examples: Examples, augment: AugmentSettings) -> Stream:
        """A stream over some of the utterances, which takes no memory of its own for features.

        Args:
            rows: which.
            examples: these, as they are to be heard, such as with other labels.
            augment: what is changed about the waveforms.
        """
        return replace(self, examples=examples, augment=augment, whole=self, rows=tuple(rows))

    @cached_property
    def _epochs(self) -> Epochs:
        return Epochs(
            seconds=self.examples.seconds,
            languages=self.examples.languages,
            companions=self.examples.companions if self.augment.chain else None,
            batch_seconds=self.batch_seconds,
            seed=self.seed,
            augment=self.augment,
            temperature=self.temperature,
            is_mixed=self.is_mixed,
        )

    @cached_property
    def _features(self) -> ClipFeatures | None:
        if self.cache is None:
            return None
        if self.whole is None:
            return self.cache.share(self.examples.seconds, self.augment.speeds)
        kept = self.whole._features
        return None if kept is None else kept.part(self.rows, self.whole.examples._plain)

    def batch(self, step: int) -> Batch:
        """The batch of training step `step`, counted from 0."""
        plan, position = self._epochs.locate(step)
        return self.examples.assemble(plan.items(position), self._features)

    def plan(self, epoch: int) -> Plan:
        """The batches of an epoch, in the order they come."""
        return self._epochs.plan(epoch)


def inference_batches(
    examples: Examples, batch_seconds: float = INFERENCE_SECONDS
) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Every utterance once, sorted by length: the indices of a batch, and the batch."""
    order = np.argsort(examples.seconds, kind="stable")
    for positions in bucket(examples.seconds[order], batch_seconds):
        indices = order[positions]
        yield indices, examples.batch(indices.tolist())
