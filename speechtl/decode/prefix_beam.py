"""Prefix beam search: the likeliest text, summed over all its labellings of the frames.

Graves 2006 (section 3.2, prefix search) in the form of Hannun et al. 2014 ("First-Pass Large Vocabulary
Continuous Speech Recognition using Bi-Directional Recurrent DNNs", algorithm 1): frame by frame, the most
probable prefixes are kept, each with the probabilities of its labellings that end in the blank and in its
last unit. A prefix is scored by log p(units) + weight · ln p_LM(tokens) + bonus · tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechtl.decode.fusion import Fusion, Reading

Scores = NDArray[np.float64]
_CANDIDATES = 4
"""Prefixes, as a multiple of the beam width, of which the language model is asked."""


@dataclass(frozen=True)
class Beam:
    """How wide prefixes are searched."""

    width: int
    """Prefixes kept after each frame."""
    threshold: float
    """Prefixes further below the best are dropped, in nats."""


class Prefix(NamedTuple):
    """A prefix among all that the search has met; 0 is the empty one."""

    parent: int
    unit: int
    reading: Reading | None


class Prefixes:
    """All prefixes that the search has met, as a tree, so that one that comes back is the same one."""

    def __init__(self, fusion: Fusion | None) -> None:
        self.fusion = fusion
        self.entries = [Prefix(-1, 0, fusion.start if fusion else None)]
        self._children: dict[tuple[int, int], int] = {}

    def child(self, parent: int, unit: int) -> int:
        """The number of a prefix with one more unit."""
        key = (parent, unit)
        if (number := self._children.get(key)) is None:
            before = self.entries[parent].reading
            reading = self.fusion.read(before, unit) if self.fusion and before else None
            number = self._children[key] = len(self.entries)
            self.entries.append(Prefix(parent, unit, reading))
        return number

    def final(self, number: int) -> float:
        """What the language model and the bonus give a prefix that is the whole text."""
        reading = self.entries[number].reading
        return self.fusion.finish(reading) if self.fusion and reading else 0.0

    def units(self, number: int) -> list[int]:
        """The unit ids of a prefix."""
        units = []
        while number:
            parent, unit, _ = self.entries[number]
            units.append(unit)
            number = parent
        return units[::-1]


@dataclass
class _Kept:
    """The prefixes of a frame: their numbers, last units, and log-probabilities (prefixes,)."""

    numbers: list[int]
    last: NDArray[np.int64]
    blank: Scores
    """Of the labellings that end in the blank."""
    unit: Scores
    """Of those that end in the last unit."""
    fused: Scores
    """What the language model and the bonus add."""


def prefix_beam(
    log_probs: NDArray[np.floating],
    beam: Beam,
    allowed: NDArray[np.bool_] | None = None,
    fusion: Fusion | None = None,
) -> list[int] | None:
    """The unit ids of the best text of an utterance.

    Exact where the beam is wider than there are prefixes and the threshold is infinite.

    Args:
        log_probs: (time, 1 + units) of the utterance's own frames, the blank first.
        beam: how wide to search.
        allowed: bool (1 + units, 1 + units), which unit may follow which, as `grammar` gives it; None where
            every sequence is a text.
        fusion: what a language model adds.

    Returns:
        None where no text that the grammar accepts is left, or the scores are no numbers.
    """
    frames = np.asarray(log_probs, dtype=np.float64)
    prefixes = Prefixes(fusion)
    zero, never = np.zeros(1), np.full(1, -np.inf)
    kept = _Kept([0], np.zeros(1, dtype=np.int64), zero, never, zero.copy())
    closed_to = None if allowed is None else np.where(allowed, 0.0, -np.inf)
    if np.isnan(frames).any():
        return None
    for frame in frames:
        kept = _step(frame, kept, prefixes, beam, closed_to)
    ends = np.logaddexp(kept.blank, kept.unit) + np.array([prefixes.final(n) for n in kept.numbers])
    if closed_to is not None:
        ends = ends + closed_to[kept.last, 0]
    best = int(ends.argmax())
    return prefixes.units(kept.numbers[best]) if ends[best] > -np.inf else None


def _step(frame: Scores, kept: _Kept, prefixes: Prefixes, beam: Beam, closed_to: Scores | None) -> _Kept:
    """The prefixes after one more frame (1 + units,)."""
    both = np.logaddexp(kept.blank, kept.unit)
    blank = both + frame[0]
    unit = np.where(kept.last > 0, kept.unit + frame[kept.last], -np.inf)
    if both.max() == -np.inf:
        return kept
    # No prefix falls below this floor and is kept, so units that cannot reach it are not tried.
    floor = (np.logaddexp(blank, unit) + kept.fused).max() - beam.threshold
    columns = 1 + np.flatnonzero(frame[1:] >= floor - (both + kept.fused).max())
    longer = both[:, None] + frame[columns]
    rows = np.flatnonzero(np.isin(kept.last, columns) & (kept.last > 0))
    places = np.searchsorted(columns, kept.last[rows])
    longer[rows, places] = kept.blank[rows] + frame[kept.last[rows]]
    if closed_to is not None:
        longer += closed_to[kept.last][:, columns]
    _merge(kept, prefixes, columns, longer, unit)
    return _best(kept, blank, unit, columns, longer, prefixes, beam)


def _merge(kept: _Kept, prefixes: Prefixes, columns: NDArray[np.int64], longer: Scores, unit: Scores) -> None:
    """Move what lengthens a kept prefix to another kept one into that one's `unit`, in place."""
    row_of = {number: row for row, number in enumerate(kept.numbers)}
    column_of = {unit_: column for column, unit_ in enumerate(columns.tolist())}
    for row, number in enumerate(kept.numbers):
        parent, last, _ = prefixes.entries[number]
        if (above := row_of.get(parent)) is not None and (column := column_of.get(last)) is not None:
            unit[row] = np.logaddexp(unit[row], longer[above, column])
            longer[above, column] = -np.inf


def _best(
    kept: _Kept,
    blank: Scores,
    unit: Scores,
    columns: NDArray[np.int64],
    longer: Scores,
    prefixes: Prefixes,
    beam: Beam,
) -> _Kept:
    """The best of the kept prefixes and of their extensions `longer` (prefixes, columns)."""
    stays = len(kept.numbers)
    acoustic = np.concatenate([np.logaddexp(blank, unit), longer.ravel()])
    fused = np.concatenate([kept.fused, np.repeat(kept.fused, len(columns))])
    some = _highest(acoustic + fused, beam.width if prefixes.fusion is None else _CANDIDATES * beam.width)
    # What the language model may still add is at most the bonus.
    floor = (acoustic + fused)[:stays].max() - beam.threshold - max(0.0, _bonus(prefixes.fusion))
    some = some[(acoustic[some] > -np.inf) & ((acoustic + fused)[some] >= floor)]
    if not len(some):
        return _only_first(kept, blank, unit)
    fused = _fused(some, kept, columns, prefixes)
    total = acoustic[some] + fused
    chosen = _highest(total, beam.width)
    chosen = chosen[total[chosen] >= total.max() - beam.threshold]
    place = some[chosen]
    is_old = place < stays
    old = np.where(is_old, place, 0)
    return _Kept(
        numbers=_numbers(place, kept.numbers, columns, prefixes),
        last=np.where(is_old, kept.last[old], _last(place - stays, columns)),
        blank=np.where(is_old, blank[old], -np.inf),
        unit=np.where(is_old, unit[old], acoustic[place]),
        fused=fused[chosen],
    )


def _bonus(fusion: Fusion | None) -> float:
    return 0.0 if fusion is None else fusion.bonus


def _last(extension: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
    if not len(columns):
        return np.zeros(len(extension), dtype=np.int64)
    return columns[extension % len(columns)]


def _only_first(kept: _Kept, blank: Scores, unit: Scores) -> _Kept:
    """Nothing is possible any more: one prefix of no probability is left."""
    return _Kept(kept.numbers[:1], kept.last[:1], blank[:1], unit[:1], kept.fused[:1])


def _fused(places: NDArray[np.int64], kept: _Kept, columns: NDArray[np.int64], prefixes: Prefixes) -> Scores:
    """What the language model and the bonus give the candidates."""
    stays = len(kept.numbers)
    rows = np.where(places < stays, places, (places - stays) // max(1, len(columns)))
    before: Scores = kept.fused[rows]
    if (fusion := prefixes.fusion) is None:
        return before
    units = np.where(places < stays, 0, _last(places - stays, columns))
    gains = []
    for row, unit in zip(rows.tolist(), units.tolist(), strict=True):
        reading = prefixes.entries[kept.numbers[row]].reading
        gains.append(fusion.gain(reading, unit) if unit and reading else 0.0)
    after: Scores = before + np.array(gains)
    return after


def _numbers(
    places: NDArray[np.int64], numbers: Sequence[int], columns: NDArray[np.int64], prefixes: Prefixes
) -> list[int]:
    """The prefixes at the places."""
    found = []
    for place in places.tolist():
        if place < len(numbers):
            found.append(numbers[place])
        else:
            row, column = divmod(place - len(numbers), len(columns))
            found.append(prefixes.child(numbers[row], int(columns[column])))
    return found


def _highest(scores: Scores, count: int) -> NDArray[np.int64]:
    """Places of the highest scores, in ascending order of place, so that equals are told apart alike."""
    if len(scores) <= count:
        return np.arange(len(scores))
    return np.sort(np.argpartition(-scores, count - 1)[:count])
