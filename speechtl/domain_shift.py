"""Domain shift: how well a fresh probe tells two domains apart by what a frozen model makes of their speech.

A probe that was never part of the training is the honest judge of it: a domain head may be fooled by features
in which another one, trained afterwards, still finds the domain (Elazar and Goldberg 2018, arXiv:1808.06640).
Its error on held-out speech is what the proxy A-distance 2 (1 - 2 error) is made of (Ben-David, Blitzer,
Crammer and Pereira 2007, Analysis of representations for domain adaptation, section 4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from speechtl.batches import Examples, inference_batches
from speechtl.features import frame_mask

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

MOST_SECONDS = 2000.0
"""Most speech of a domain that is looked at, in seconds."""
FOLDS = 3
"""Parts of the speech; each is asked about once, by a probe that is trained on the others."""
MOST_CLASSES = 50
"""With more distinct texts than this they are no classes."""
FEWEST_OF_A_CLASS = 20
"""Utterances of a class that each domain must have, or no probe is trained within it."""


@dataclass(frozen=True)
class Pooled:
    """Some utterances of one domain as one vector each."""

    features: NDArray[np.float32]
    """(utterances, width): means over the frames, padding left out."""
    ids: tuple[str, ...]
    speakers: tuple[str | None, ...]
    classes: tuple[str, ...] = ()
    """What is said in each, where that is known."""
    hidden: tuple[str | None, ...] = ()
    """Which accent, speaker or language each is of, where a method hides that."""

    def __len__(self) -> int:
        return len(self.ids)

    def some(self, indices: NDArray[np.int64]) -> Pooled:
        """Only the utterances at these places."""
        places = indices.tolist()
        return Pooled(
            self.features[indices],
            tuple(self.ids[i] for i in places),
            tuple(self.speakers[i] for i in places),
            tuple(self.classes[i] for i in places) if self.classes else (),
            tuple(self.hidden[i] for i in places) if self.hidden else (),
        )


@dataclass(frozen=True)
class DomainAccuracy:
    """How often a fresh probe is right about the domain of speech that it was not trained on."""

    value: float
    """Mean of the two domains' shares of right answers, so that unequal amounts do not count."""
    chance: float
    source_utterances: int
    target_utterances: int
    split_by: str
    """What is never both trained on and asked about: a speaker, or only an utterance."""


@dataclass(frozen=True)
class HiddenAccuracy:
    """How often a fresh probe is right about what a method hides, on speech that it was not trained on."""

    value: float
    """Mean of the classes' shares of right answers."""
    chance: float
    utterances: Mapping[str, int]
    """By class, in both domains together."""
    split_by: str
    """What is never both trained on and asked about: a speaker, or only an utterance."""


@dataclass(frozen=True)
class WithinClasses:
    """The same from inside single classes: what is left of the shift where both domains say the same."""

    value: float
    """Mean over the classes."""
    chance: float
    by_class: Mapping[str, float]


def pooled_features(
    model: AcousticModel,
    examples: Examples,
    block: str = "norm",
    most: int = 2000,
    seed: int = 0,
    *,
    classes: Sequence[str] | None = None,
    hidden: Sequence[str | None] | None = None,
) -> Pooled:
    """What a block makes of some utterances: the mean (width,) of each one's frames.

    Args:
        model: any with named blocks; it is in eval mode meanwhile, and no random number is drawn from torch.
        examples: speech of one domain; its labels are not looked at.
        block: a block before the heads.
        most: utterances that are drawn from more, `MOST_SECONDS` of speech at most.
        seed: draws them; equal seeds draw the same ones for every model.
        classes: of each utterance of the examples, where known.
        hidden: the accent, speaker or language of each, where a method hides that.

    Raises:
        ValueError: the model has no such block.
    """
    chosen = drawn(examples, most, seed)
    speech = examples.some(chosen.tolist())
    features: NDArray[np.float32] = np.empty((len(speech), model.block_width(block)), dtype=np.float32)
    was_training, place = model.training, next(model.parameters()).device
    model.eval()
    try:
        for indices, batch in inference_batches(speech):
            with torch.inference_mode():
                encoded = model.encode(batch.to(place), (block,))
                states = encoded.taps[block].float()
                real = frame_mask(encoded.lengths, states.shape[1]).unsqueeze(2)
                # Where, not times: a padded frame may hold anything, even what is not finite.
                means = states.where(real, 0).sum(dim=1) / encoded.lengths.unsqueeze(1)
            features[indices] = means.cpu().numpy()
    finally:
        model.train(was_training)
    said, of = (
        () if values is None else tuple(values[index] for index in chosen.tolist())
        for values in (classes, hidden)
    )
    return Pooled(features, tuple(speech.ids), tuple(speech.speakers), said, of)


def domain_probe(source: Pooled, target: Pooled, seed: int = 0) -> DomainAccuracy | None:
    """How well logistic regression tells the domains apart on speech it has not heard; chance is one half.

    Every utterance is asked about once, by the probe of the other folds. Where both domains name all their
    speakers, and at least two, no speaker is trained on and asked about; else no utterance is.

    Args:
        source: speech of the domain that has labels.
        target: speech of the other.
        seed: deals speakers or utterances to the folds.

    Returns:
        None where a domain has fewer than two utterances.
    """
    found = _told_apart((source, target), seed)
    return None if found is None else DomainAccuracy(found[0], 0.5, len(source), len(target), found[1])


def hidden_probe(source: Pooled, target: Pooled, seed: int = 0) -> HiddenAccuracy | None:
    """The same of the accents, speakers or languages that a method hides, over both domains together.

    Returns:
        None where they are not known, more than `MOST_CLASSES`, or fewer than two have two utterances.
    """
    groups = {}
    for name in sorted({*source.hidden, *target.hidden} - {None}, key=str):
        own = (side.some(np.flatnonzero([one == name for one in side.hidden])) for side in (source, target))
        if len(joined := _joined(*own)) > 1:
            groups[str(name)] = joined
    if not 1 < len(groups) <= MOST_CLASSES:
        return None
    found = _told_apart(tuple(groups.values()), seed)
    assert found is not None, "each class has two utterances"
    counts = {name: len(group) for name, group in groups.items()}
    return HiddenAccuracy(found[0], 1 / len(groups), counts, found[1])


def _told_apart(groups: Sequence[Pooled], seed: int) -> tuple[float, str] | None:
    """How well logistic regression tells groups apart, the mean over them, and what its folds keep apart."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds, split_by = _folds(groups, seed)
    if not folds.size:
        return None
    features = np.concatenate([group.features for group in groups])
    group_of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    right = np.zeros(len(features), dtype=bool)
    with one_thread():
        for fold in np.unique(folds):
            asked = folds == fold
            probe = make_pipeline(
                StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=300, tol=1e-3)
            )
            probe.fit(features[~asked], group_of[~asked])
            right[asked] = probe.predict(features[asked]) == group_of[asked]
    return float(np.mean([right[group_of == number].mean() for number in range(len(groups))])), split_by


def within_classes(source: Pooled, target: Pooled, seed: int = 0) -> WithinClasses | None:
    """The domain probe inside each class that both domains have enough of.

    A probe over all classes also succeeds where the domains only say different things. Within a class it
    cannot: what it finds there is in how the same is said.

    Returns:
        None where the classes are not known, too many, or none of them is spoken enough in both domains.
    """
    if not source.classes or not target.classes:
        return None
    counts = Counter(source.classes), Counter(target.classes)
    if len(counts[0] | counts[1]) > MOST_CLASSES:
        return None
    found = {}
    for name in sorted(counts[0].keys() & counts[1].keys()):
        if name and min(count[name] for count in counts) >= FEWEST_OF_A_CLASS:
            accuracy = domain_probe(_of_class(source, name), _of_class(target, name), seed)
            assert accuracy is not None, "each domain has utterances of the class"
            found[name] = accuracy.value
    return WithinClasses(float(np.mean(list(found.values()))), 0.5, found) if found else None


def one_thread() -> AbstractContextManager[object]:
    """Let numerical libraries compute on one thread: for small matrices others only wait for each other."""
    from threadpoolctl import threadpool_limits

    limited: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limited


def drawn(examples: Examples, most: int, seed: int, seconds: float = MOST_SECONDS) -> NDArray[np.int64]:
    """Places of at most so many utterances, and seconds, of some speech, in its order; the first always."""
    order = np.random.default_rng([seed, 0x5F]).permutation(len(examples))[:most]
    fitting = np.cumsum(examples.seconds[order]) <= seconds
    fitting[:1] = True
    return np.sort(order[fitting])


def _joined(one: Pooled, other: Pooled) -> Pooled:
    features = np.concatenate([one.features, other.features])
    return Pooled(features, one.ids + other.ids, one.speakers + other.speakers)


def _of_class(pooled: Pooled, name: str) -> Pooled:
    return pooled.some(np.flatnonzero([one == name for one in pooled.classes]))


def _folds(groups: Sequence[Pooled], seed: int) -> tuple[NDArray[np.int64], str]:
    """The fold of every utterance, group by group, each in two or more; empty where one cannot be split.

    Speakers of several groups may leave no way to keep speakers apart.
    """
    random = np.random.default_rng(seed)
    known = [set(group.speakers) for group in groups]
    if all(None not in speakers and len(speakers) > 1 for speakers in known):
        for count in range(min(FOLDS, *map(len, known)), 1, -1):
            fold_of = _dealt([group.speakers for group in groups], count, random)
            if all(len({fold_of[one] for one in speakers}) > 1 for speakers in known):
                return np.array([fold_of[one] for group in groups for one in group.speakers]), "speaker"
    count = min(FOLDS, *map(len, groups))
    if count < 2:
        return np.array([], dtype=np.int64), "utterance"
    dealt = [random.permutation(np.arange(len(group)) % count) for group in groups]
    return np.concatenate(dealt), "utterance"


def _dealt(
    groups: Sequence[Sequence[Hashable]], count: int, random: np.random.Generator
) -> dict[Hashable, int]:
    """The fold of every speaker; each of two groups has speech in every fold, and of more groups most have.

    Those whom most groups have are dealt first, then those of one group, who speak most first: each to the
    fold with the least of the speech that is theirs.
    """
    sides = [Counter(speakers) for speakers in groups]
    speakers = sorted({speaker for side in sides for speaker in side}, key=str)
    speakers = [speakers[index] for index in random.permutation(len(speakers))]
    speakers.sort(key=lambda one: (-sum(one in side for side in sides), -sum(side[one] for side in sides)))
    filled = np.zeros((len(sides), count))
    found = {}
    for speaker in speakers:
        amounts = np.array([side[speaker] for side in sides])
        found[speaker] = int(np.argmin(filled[amounts > 0].sum(axis=0)))
        filled[:, found[speaker]] += amounts
    return found
