"""Folds: development speech that is carved out of the target's own minutes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from speechtl.corpus import Corpus
from speechtl.faults import counted
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


def carve_folds(target: Corpus) -> Folds:
    """Take development speech out of the target: 10 % of each language's utterances, at least 30.

    Up to three minutes of speech there are three folds, with dev of their own; else one. Dev has no text in
    common with the rest of its fold; of a corpus that is split by speaker and knows ten or more, no speaker;
    where there are not texts enough, recordings are held out. The same target always gives the same folds.

    Raises:
        ValueError: There are too few utterances.
    """
    durations = target.column("duration")
    is_short = target.minutes - max(durations, default=0.0) / 60 <= SHORT_MINUTES
    count = SEVERAL if is_short else 1
    groups, unit = _groups(target, max(count, 2))
    languages = target.column("language")
    fold_of: dict[int, int] = {}
    for language in target.languages:
        rows = [row for row, tag in enumerate(languages) if tag == language]
        size = min(max(FEWEST, math.ceil(SHARE * len(rows))), max(1, math.floor(MOST * len(rows))))
        fold_of |= _dealt(rows, groups, count, size)
    folds = tuple(
        Fold(
            target.select([row for row in range(len(target)) if fold_of.get(row) != fold]),
            target.select([row for row in range(len(target)) if fold_of.get(row) == fold]),
        )
        for fold in range(count)
    )
    least, most = (end(len(fold.dev) for fold in folds) for end in (min, max))
    sizes = str(most) if least == most else f"{least} to {most}"
    where = f"{counted(count, 'fold')} of the target's own {target.minutes:.1f} minutes"
    return Folds(folds, f"dev: {where}, {sizes} utterances{unit}; then all of it is trained on")


def _groups(target: Corpus, least: int) -> tuple[list[str], str]:
    """What each utterance belongs to that must not be on both sides of a fold, and what that is."""
    speakers, languages = target.column("speaker"), target.column("language")
    by_text = text_groups(languages, target.column("text"))
    choices = [(by_text, ", which share no text with the rest"), (target.column("id"), " by recording")]
    if target.split_by == "speaker" and None not in speakers and len(set(speakers)) >= MANY_SPEAKERS:
        choices.insert(0, (speakers, ", which share no speaker with the rest"))
    for groups, unit in choices:
        found = Counter(tag for tag, _ in set(zip(languages, groups, strict=True)))
        if all(found[tag] >= least for tag in target.languages):
            return groups, unit
    raise ValueError(
        f"corpus {target.name}: {counted(len(target), 'utterance')} of training speech, at least {least} of "
        "each language are needed to carve folds out of them. Train on more, or name dev in the recipe"
    )


def _dealt(rows: Sequence[int], groups: Sequence[str], count: int, size: int) -> dict[int, int]:
    """The fold that has each row in dev, as far as one has: groups go, by their hash, to the smallest dev."""
    members: dict[str, list[int]] = {}
    for row in rows:
        members.setdefault(groups[row], []).append(row)
    sizes = [0] * count
    dealt: dict[int, int] = {}
    for group in sorted(members, key=lambda name: (hash_fraction(name), name)):
        fold = sizes.index(min(sizes))
        if sizes[fold] >= size:
            break
        sizes[fold] += len(members[group])
        dealt |= dict.fromkeys(members[group], fold)
    return dealt
