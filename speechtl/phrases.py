"""Phrases with their times: recognised units that no long pause divides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speechtl.text import Tokenizer, orthography

_REACH = 12
"""Units to each side of a pause that tell whether a word goes on over it."""


@dataclass(frozen=True)
class Segment:
    """A phrase of a recording."""

    start: float
    """Seconds from the recording's start."""
    end: float
    text: str


@dataclass(frozen=True)
class TimedUnit:
    """A recognised unit and when it is heard, in seconds."""

    id: int
    start: float
    end: float


def phrases(units: Sequence[TimedUnit], tokenizer: Tokenizer, pause: float) -> list[Segment]:
    """Cut units into phrases at pauses of at least `pause` seconds, but never inside a word or syllable.

    The phrases' texts with spaces between are the text of all units, normalised. Where the units lack a
    space, pauses are all that tells words apart, and each of them divides.
    """
    found: list[Segment] = []
    phrase: list[TimedUnit] = []
    for number, unit in enumerate(units):
        is_pause = bool(phrase) and unit.start - phrase[-1].end >= pause
        if is_pause and _may_divide(phrase, units[number:], tokenizer):
            found.append(_segment(phrase, tokenizer))
            phrase = []
        phrase.append(unit)
    if phrase:
        found.append(_segment(phrase, tokenizer))
    return [segment for segment in found if segment.text]


def _may_divide(before: Sequence[TimedUnit], after: Sequence[TimedUnit], tokenizer: Tokenizer) -> bool:
    """Whether two texts are the same as one with a space between, or there is no unit to tell that by."""
    if tokenizer.lacks_space:
        return True
    one, other = [unit.id for unit in before[-_REACH:]], [unit.id for unit in after[:_REACH]]
    apart = f"{tokenizer.decode(one)} {tokenizer.decode(other)}"
    return orthography(tokenizer.language).normalise(apart) == tokenizer.decode([*one, *other])


def _segment(phrase: Sequence[TimedUnit], tokenizer: Tokenizer) -> Segment:
    text = tokenizer.decode([unit.id for unit in phrase])
    return Segment(round(phrase[0].start, 3), round(phrase[-1].end, 3), text)
