"""Folds: development speech that is carved out of the target's own minutes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from speechtl.carving import mostly_trained, repeated
from speechtl.corpus import Corpus, SplitBy
from speechtl.faults import counted, lasting
from speechtl.leakage import Fingerprints, trained_texts
from speechtl.partition import hash_fraction, text_groups

SHARE = 0.1
FEWEST = 30
"""Utterances that dev has at least, of each language."""
MOST = 1 / 3
"""Share of a language's utterances that dev has at most, whatever `FEWEST` says."""
SHORT_MINUTES = 3.0
"""Up to so many minutes one fold says too little, and there are several."""
SEVERAL = 3
MANY_SPEAKERS = 10
"""From so many on a tenth of them can stand for all."""


@dataclass(frozen=True)
class Fold:
    """The target without its dev, and that dev."""

    train: Corpus
    dev: Corpus


@dataclass(frozen=True)
class Folds:
    """All folds of a target; no two have an utterance of dev in common."""

    folds: tuple[Fold, ...]
    account: str
    """How they were made, in a sentence."""


@dataclass(frozen=True)
class _Grouping:
    """What must not be on both sides of a fold."""

    groups: Sequence[str | None]
    """What each utterance belongs to; None where it is trained on in every fold."""
    split_by: SplitBy
    """What the two sides do not share."""
    unit: str
    """The same for the account."""


def carve_folds(
    target: Corpus,
    known: Fingerprints | None = None,
    *,
    is_classifier: bool = False,
    may_share_texts: bool = False,
) -> Folds:
    """Take development speech out of the target: 10 % of each language's utterances, at least 30.

    Up to three minutes of speech there are three folds, with dev of their own; else one. Of a corpus that is
    split by speaker and knows ten or more, dev has no speaker in common with the rest of its fold; else no
    text, and none that the source was trained on. Where texts are not many enough for half of that dev, or
    too often said for at most a third of the utterances, recordings are held out. So they are where dev needs
    texts that were trained on, as a classifier does, or may have them. The same arguments always give the
    same folds.

    Args:
        target: What is trained on.
        known: What the source was trained on.
        is_classifier: Whether texts are classes: each of them keeps a recording to train on.
        may_share_texts: Whether the target's tests may have its texts.

    Raises:
        ValueError: There are too few utterances, or of a classifier too few that repeat a text.
    """
    durations = target.column("duration")
    is_short = target.minutes - max(durations, default=0.0) / 60 <= SHORT_MINUTES
    count = SEVERAL if is_short else 1
    languages = target.column("language")
    spoken = Counter(languages)
    bounds = {tag: max(1, math.floor(MOST * number)) for tag, number in spoken.items()}
    sizes = {tag: min(max(FEWEST, math.ceil(SHARE * spoken[tag])), bounds[tag]) for tag in spoken}
    for grouping in _groupings(target, known, is_classifier, may_share_texts):
        fold_of = _dealt(languages, grouping.groups, count, sizes, bounds)
        dev = Counter((fold, languages[row]) for row, fold in fold_of.items())
        is_last = grouping.split_by == "none"
        least = {tag: 1 if is_last else math.ceil(size / 2) for tag, size in sizes.items()}
        if not all(least[tag] <= dev[fold, tag] < spoken[tag] for fold in range(count) for tag in spoken):
            continue
        folds = tuple(_fold(target, fold_of, fold, grouping.split_by) for fold in range(count))
        if not is_classifier or all(mostly_trained(one.train, one.dev) for one in folds):
            break
    else:
        raise ValueError(_too_few(target, max(count, 2), is_classifier))
    fewest, most = (end(len(one.dev) for one in folds) for end in (min, max))
    amount = str(most) if fewest == most else f"{fewest} to {most}"
    where = f"{counted(count, 'fold')} of the target's own {lasting(target.minutes)}"
    return Folds(folds, f"dev: {where}, {amount} utterances{grouping.unit}; then all of it is trained on")


def _fold(target: Corpus, fold_of: Mapping[int, int], number: int, split_by: SplitBy) -> Fold:
    rows = range(len(target))
    dev = target.select([row for row in rows if fold_of.get(row) == number])
    return Fold(
        target.select([row for row in rows if fold_of.get(row) != number]),
        replace(dev, split_by=split_by, is_checked=True),
    )


def _groupings(
    target: Corpus, known: Fingerprints | None, is_classifier: bool, may_share_texts: bool
) -> Iterator[_Grouping]:
    """What may be kept apart, the strictest first."""
    speakers, ids = target.column("speaker"), target.column("id")
    if target.split_by == "speaker" and None not in speakers and len(set(speakers)) >= MANY_SPEAKERS:
        yield _Grouping(speakers, "speaker", ", which share no speaker with the rest")
    if is_classifier:
        again = [id_ if repeats else None for id_, repeats in zip(ids, repeated(target), strict=True)]
        yield _Grouping(again, "none", " by recording, since a classifier knows the texts of training alone")
        return
    if may_share_texts:
        yield _Grouping(ids, "none", " by recording, since split_by=none lets tests have the target's texts")
        return
    texts = text_groups(target.column("language"), target.column("text"))
    heard = {texts[row] for row in trained_texts(known, target)} if known is not None else set()
    others = [None if text in heard else text for text in texts]
    yield _Grouping(others, "text", ", which share no text with the rest")
    yield _Grouping(ids, "none", f" by recording, for lack of {'other ' if heard else ''}texts")


def _too_few(target: Corpus, least: int, is_classifier: bool) -> str:
    again = " that say a text again" if is_classifier else ""
    found = sum(repeated(target)) if is_classifier else len(target)
    return (
        f"corpus {target.name}: {counted(found, 'utterance')} of training speech{again}, at least {least} of "
        "each language are needed to carve folds out of them. Train on more, or name dev in the recipe"
    )


def _dealt(
    languages: Sequence[str],
    groups: Sequence[str | None],
    count: int,
    sizes: Mapping[str, int],
    bounds: Mapping[str, int],
) -> dict[int, int]:
    """The fold that has each row in dev, as far as one has.

    Groups go, by their hash, to the smallest dev that has not enough of one of their languages and does not
    get too much of any; a group for which there is none is trained on.

    Args:
        languages: The language of each row.
        groups: What each row belongs to; None where it is in no dev.
        count: How many folds there are.
        sizes: Utterances of each language that are enough.
        bounds: Utterances of each language that dev has at most.
    """
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(row)
    held: list[Counter[str]] = [Counter() for _ in range(count)]
    dealt: dict[int, int] = {}
    for group in sorted(members, key=lambda name: (hash_fraction(name), name)):
        brings = Counter(languages[row] for row in members[group])
        fits = [
            fold
            for fold, has in enumerate(held)
            if any(has[tag] < sizes[tag] for tag in brings)
            and all(has[tag] + number <= bounds[tag] for tag, number in brings.items())
        ]
        if fits:
            fold = min(fits, key=lambda fold: sum(held[fold][tag] for tag in brings))
            held[fold] += brings
            dealt |= dict.fromkeys(members[group], fold)
    return dealt
