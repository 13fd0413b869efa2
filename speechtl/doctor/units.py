"""What the doctor finds by counting: too little sound for the labels, too few examples, no balance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speechtl.faults import Fault, counted, listed
from speechtl.label_faults import LONGEST
from speechtl.languages.syllables import SyllableOrthography
from speechtl.text import orthography

if TYPE_CHECKING:
    from speechtl.doctor.subject import Subject
    from speechtl.doctor.texts import Texts

UNSEEN_SHARE = 0.01
"""From this share of a split's utterances on, units that training lacks are a fault: they move its error."""
RARE = 3
"""A unit that training has less often is rare."""
SINGLE_SHARE = 0.5
"""A vocabulary of which more occurs only once in training is too large for the data."""
SHORTEST = 0.1
"""Seconds below which a clip can hold no word."""
FEWEST_SYLLABLES = 20
"""Of so many syllables it can be told whether tones are written."""
MARKED_SHARE = 0.2
"""Speech has more syllables than that whose tone has a mark."""
IMBALANCE = 10
"""One language may have so many times the speech of another."""

Frames = Callable[[NDArray[np.float64]], NDArray[np.int64]]
"""Seconds of clips to the fewest frames that the encoder makes of them in training."""


def short_faults(
    subject: Subject, texts: Texts, seconds: NDArray[np.float64], frames: Frames, how: str, slower: str
) -> Iterator[Fault]:
    """Utterances with fewer frames, as short as they get, than CTC needs for their labels.

    Args:
        subject: What is examined.
        texts: Its texts.
        seconds: (utterances,) their lengths, NaN where unknown.
        frames: The frames of clips.
        how: How they become so short.
        slower: The ending of a sentence that says how they would not.
    """
    rows = np.flatnonzero((texts.entries >= 0) & np.isfinite(seconds))
    entries = texts.entries[rows]
    available = frames(seconds[rows])
    needed, lengths = (np.frombuffer(part, dtype=np.intc)[entries] for part in (texts.needed, texts.lengths))
    mend = f"correct the text or the audio, or remove the row{slower}"
    for place in np.flatnonzero(available < needed).tolist():
        row = int(rows[place])
        detail = (
            f"{seconds[row]:.2f} s give {available[place]} frames {how}, its {lengths[place]} "
            f"units need {needed[place]}"
        )
        yield subject.fault("too short for the labels", mend, row, detail)


def length_faults(subject: Subject, seconds: NDArray[np.float64]) -> tuple[list[Fault], list[Fault]]:
    """Utterances that are too long to be trained on, as faults, and some that can hold no word, as a notice.

    Args:
        subject: What is examined.
        seconds: (utterances,) their lengths, NaN where unknown.
    """
    known = np.isfinite(seconds)
    is_held_out = subject.splits.is_in("dev") | subject.splits.is_in("test")
    mend = "split it at sentences, each with its own text (columns `start` and `end`), or remove the row"
    faults = [
        subject.fault("longer than can be trained on", mend, row, f"{seconds[row]:.0f} s of {LONGEST:.0f}")
        for row in np.flatnonzero(known & ~is_held_out & (np.nan_to_num(seconds) > LONGEST)).tolist()
    ]
    short = np.flatnonzero(known & (np.nan_to_num(seconds, nan=1.0) < SHORTEST))
    if not len(short):
        return faults, []
    first = int(short[0])
    detail = f"{counted(len(short), 'utterance')}, first {subject.where(first)}: {seconds[first]:.2f} s"
    return faults, [Fault("hardly any sound", "listen to it: a word takes longer", subject.name, detail)]


def unseen_units(subject: Subject, texts: Texts) -> tuple[list[Fault], list[Fault]]:
    """Utterances outside training with units that training lacks: faults, or notices while they are few."""
    occurrences = texts.occurrences(subject.splits.is_in("train"))
    trained = {tag for (tag, _), number in texts.numbers.items() if occurrences[number]}
    lengths, units = (np.frombuffer(part, dtype=np.intc) for part in (texts.lengths, texts.units))
    starts = texts.ends - lengths
    is_strange = np.array([tag in trained for tag in texts.tags], dtype=bool)
    if not is_strange.any():
        return [], []
    is_strange &= np.logical_or.reduceat((occurrences == 0)[units], starts)
    names = list(texts.numbers)
    faults: list[Fault] = []
    notices: list[Fault] = []
    for rank in range(len(subject.splits.names)):
        inside = subject.splits.ranks == rank
        rows = np.flatnonzero(inside & (texts.entries >= 0))
        rows = rows[is_strange[texts.entries[rows]]]
        found = []
        for row in rows.tolist():
            entry = int(texts.entries[row])
            own = units[starts[entry] : texts.ends[entry]]
            lacking = dict.fromkeys(names[unit][1] for unit in own.tolist() if not occurrences[unit])
            mend = "add speech with them to training, or remove the row: they can only be wrong"
            detail = ", ".join(map(repr, lacking))
            found.append(subject.fault("units never seen in training", mend, row, detail))
        are_many = len(rows) >= UNSEEN_SHARE * inside.sum()
        (faults if are_many else notices).extend(found)
    return faults, notices


def rare_units(subject: Subject, texts: Texts) -> tuple[list[Fault], list[Fault]]:
    """Languages with units that training has hardly: a fault where it has most of them only once."""
    occurrences = texts.occurrences(subject.splits.is_in("train"))
    faults: list[Fault] = []
    notices: list[Fault] = []
    for tag in dict.fromkeys(texts.tags):
        counts = {
            unit: int(occurrences[number])
            for (language, unit), number in texts.numbers.items()
            if language == tag and occurrences[number]
        }
        rare = sorted((unit for unit in counts if counts[unit] < RARE), key=lambda unit: (counts[unit], unit))
        single = sum(count == 1 for count in counts.values())
        if rare:
            shown = listed([f"{unit!r} {counts[unit]}" for unit in rare])
            detail = (
                f"{len(rare)} of {len(counts)} occur fewer than {RARE} times, {single} only once: {shown}"
            )
            kind, mend = "rare units", "add training speech with them if they matter"
            if single > SINGLE_SHARE * len(counts):
                kind = "vocabulary too large for the data"
                mend = "add training speech, or choose an orthography or units of which there are fewer"
            (faults if single > SINGLE_SHARE * len(counts) else notices).append(
                Fault(kind, mend, tag, detail)
            )
    return faults, notices


def unwritten_tones(texts: Texts) -> Iterator[Fault]:
    """Romanisations whose texts have hardly a tone mark, which are read as texts of unmarked tones alone."""
    occurrences = texts.occurrences(texts.entries >= 0)
    for tag in dict.fromkeys(texts.tags):
        rules = orthography(tag)
        if not isinstance(rules, SyllableOrthography):
            continue
        counts = {
            tone: int(occurrences[number])
            for tone in rules.scheme.tone_numbers
            if (number := texts.numbers.get((tag, tone))) is not None
        }
        total = sum(counts.values())
        marked = sum(count for tone, count in counts.items() if tone not in rules.unmarked_tones)
        if total >= FEWEST_SYLLABLES and marked < MARKED_SHARE * total:
            mend = "write the tones, or a model learns that there are none"
            detail = f"{marked} of {total} syllables have a tone mark"
            yield Fault("texts without tones", mend, tag, detail)


def unbalanced_languages(
    subject: Subject, seconds: NDArray[np.float64], temperature: float
) -> Iterator[Fault]:
    """Languages of which training has far more speech than of others, unless its batches even that out.

    Args:
        subject: What is examined.
        seconds: (utterances,) their lengths, NaN where unknown.
        temperature: That of the sampling of languages, 1 if each utterance comes as often as another.
    """
    numbers, values = subject.codes("language")
    inside = subject.splits.is_in("train") & (numbers >= 0)
    hours = np.bincount(numbers[inside], weights=np.nan_to_num(seconds[inside]), minlength=len(values)) / 3600
    present = {str(tag): hour for tag, hour in zip(values.to_pylist(), hours, strict=True) if hour}
    if len(present) < 2:
        return
    order = sorted(present, key=lambda tag: -present[tag])
    drawn = (present[order[0]] / present[order[-1]]) ** (1 / temperature)
    if drawn > IMBALANCE:
        minutes = ", ".join(f"{tag} {60 * present[tag]:.1f}" for tag in order)
        mend = "add speech of the least, take fewer minutes of the most, or train with --train.temperature 3"
        detail = f"minutes in training: {minutes}; the most is drawn {drawn:.0f} times as often as the least"
        yield Fault("unbalanced languages", mend, subject.name, detail)
