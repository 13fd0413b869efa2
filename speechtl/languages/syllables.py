"""What syllable orthographies share: initial, final and tone as units, and the grammar that joins them.

Units are written "ph-" (an initial), "-uann" (a final), "5" (a tone) and "--" (the mark before syllables
in the neutral tone); a syllable without initial has no unit for it. Recognisers also emit sequences that
are no syllables. They are spelled so that no two of their pieces merge into a right syllable and nothing
is lost: "0" stands where the final or the tone is missing (`ka0`, `k05`), and a tone that the final
cannot carry stays a digit (`ka4`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from speechtl.languages.base import Orthography, Syllable, lower, spaced

NEUTRAL = "--"
_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\ufe63\uff0d", "-"))
_PIECE = re.compile(r"[^0-9]+[0-9]*|[0-9]+")
_TONED = re.compile(r"([^0-9]+)0?([0-9]?)")


class Parts(NamedTuple):
    """A syllable's initial (possibly empty), final and tone number."""

    initial: str
    final: str
    tone: str


Table = dict[str, tuple[str, str]]
"""Toneless spelling to initial and final."""


@dataclass(frozen=True)
class Scheme:
    """The facts of one romanisation."""

    name: str
    """As error messages call it."""
    example: str
    """A well-formed text."""
    initials: tuple[str, ...]
    """Initials, without the empty one."""
    finals: tuple[str, ...]
    """Finals."""
    tone_numbers: str
    """All tone digits."""
    tone_rule: str
    """Which finals carry which tones, in words."""
    joins: Callable[[str, str], bool]
    """Whether an initial (or the empty one) goes with a final."""
    carries: Callable[[str, str], bool]
    """Whether a final carries a tone."""
    base: Callable[[str, str], str]
    """Toneless spelling of initial and final."""
    mark: Callable[[str, str], str]
    """Canonical spelling of a toneless spelling with a tone that it carries."""
    read: Callable[[str, Table], tuple[Parts, ...] | None]
    """The syllables of a lower-case NFC piece of text without spaces; None if it is none."""
    readings: Callable[[str], list[str]]
    """What stands between the slashes of a text: alternatives, if they have as many syllables each."""
    neutral_mark: bool = False
    """Whether "--" marks the neutral tone; otherwise it is a hyphen like any other."""
    folded_as: str | None = None
    """The tag that folded texts are in, where it is another one than the orthography's own."""

    @property
    def inventory(self) -> tuple[tuple[str, ...], tuple[str, ...], str, bool]:
        """The units; romanisations that have the same ones spell the same syllables."""
        return self.initials, self.finals, self.tone_numbers, self.neutral_mark


class Token(NamedTuple):
    """A syllable of a text, or what stands where one should."""

    neutral: bool
    """Whether the mark of the neutral tone precedes it."""
    text: str
    """Its canonical spelling."""
    parts: Parts | None
    """None if it is no syllable."""


@dataclass
class _Group:
    neutral: bool = False
    initial: str = ""
    final: str = ""
    tone: str = ""


@dataclass(frozen=True)
class SyllableOrthography(Orthography):
    """An orthography of spaced syllables, each an initial, a final and a tone."""

    scheme: Scheme
    """The romanisation."""

    @property
    def folded_as(self) -> str:
        """The romanisation that texts are compared in when leakage is looked for."""
        return self.scheme.folded_as or super().folded_as

    @property
    def tones(self) -> bool:
        """Always: these romanisations write the tone."""
        return True

    @cached_property
    def unmarked_tones(self) -> frozenset[str]:
        """The tones that a spelling without mark or digit is read with."""
        found = set()
        for final in self.scheme.finals:
            try:
                found.add(self.units(self.scheme.base("", final))[-1])
            except ValueError:
                continue
        return frozenset(found & set(self.scheme.tone_numbers))

    @property
    def syllabic(self) -> bool:
        """Always."""
        return True

    @property
    def words(self) -> bool:
        """Spaces separate the tokens that the word error counts: syllables."""
        return True

    @cached_property
    def table(self) -> Table:
        """Every possible toneless spelling and what it consists of."""
        scheme = self.scheme
        return {
            scheme.base(initial, final): (initial, final)
            for initial in ("", *scheme.initials)
            for final in scheme.finals
            if scheme.joins(initial, final)
        }

    def normalise(self, text: str) -> str:
        """The canonical form: spaced syllables; what is no syllable stays as a cleaned token."""
        return self.alternatives(text)[0]

    def alternatives(self, text: str) -> tuple[str, ...]:
        """Every printed reading, normalised, without repetition, in the printed order."""
        return tuple(dict.fromkeys(self._join(reading) for reading in self.readings(text)))

    def fold(self, text: str) -> str:
        """The normalised text without marks of the neutral tone."""
        return " ".join(self.normalise(text).replace(NEUTRAL, " ").split())

    def units(self, text: str) -> list[str]:
        """Initials, finals and tones in order; see `Orthography.units`."""
        units: list[str] = []
        problems = []
        for token in self.tokens(text):
            if token.parts is None or not self.scheme.carries(token.parts.final, token.parts.tone):
                problems.append(self._problem(token))
                continue
            initial, final, tone = token.parts
            units += [NEUTRAL] if token.neutral else []
            units += [f"{initial}-"] if initial else []
            units += [f"-{final}", tone]
        if problems:
            raise ValueError(f"{text!r}: {'; '.join(problems)}. Correct it or leave the utterance out")
        return units

    def spell(self, units: Sequence[str]) -> str:
        """The text of any sequence of units; fragments stay apart (see the module)."""
        groups: list[_Group] = []
        for unit in units:
            self._extend(groups, unit)
        return " ".join((NEUTRAL if group.neutral else "") + self._spell(group) for group in groups)

    def syllables(self, text: str) -> list[Syllable]:
        """Spoken syllables; the neutral mark is none, a fragment counts as one."""
        return [
            _syllable(token.text)
            if token.parts is None
            else Syllable(self.scheme.base(token.parts.initial, token.parts.final), token.parts.tone)
            for token in self.tokens(text)
            if token.text
        ]

    def tokens(self, text: str) -> list[Token]:
        """What the first reading of a text consists of."""
        return list(self._tokens(self.readings(text)[0]))

    def canonical(self, parts: Parts) -> str:
        """The spelling of a syllable; a tone that its final cannot carry stays a digit."""
        base = self.scheme.base(parts.initial, parts.final)
        carried = self.scheme.carries(parts.final, parts.tone)
        return self.scheme.mark(base, parts.tone) if carried else base + parts.tone

    def follows(self, previous: str | None, unit: str | None) -> bool:
        """Initial, final, tone in order, with only tones that the final carries; nothing is also a text."""
        before, after = self._kind(previous), self._kind(unit)
        if before in {"edge", "tone"}:
            starts = after == "final" and self.scheme.joins("", str(unit)[1:])
            return starts or after in {"edge", "initial", "neutral"}
        if before == "neutral":
            return after == "initial" or (after == "final" and self.scheme.joins("", str(unit)[1:]))
        if before == "initial":
            return after == "final" and self.scheme.joins(str(previous)[:-1], str(unit)[1:])
        return before == "final" and after == "tone" and self.scheme.carries(str(previous)[1:], str(unit))

    def readings(self, text: str) -> list[str]:
        """The alternatives printed in a text, as they are written; one if slashes separate none."""
        parts = self.scheme.readings(text)
        return whole_readings(parts, (len(list(self._tokens(part))) for part in parts))

    def _join(self, reading: str) -> str:
        tokens = self._tokens(reading)
        return " ".join((NEUTRAL if token.neutral else "") + token.text for token in tokens)

    def _tokens(self, reading: str) -> Iterator[Token]:
        text = spaced(lower(dotted(reading)).translate(_HYPHENS), keep="-")
        if self.scheme.neutral_mark:
            text = re.sub(r"\s*-{2,}\s*", f" {NEUTRAL}", text)
            text = re.sub(r"(?<!-)-(?!-)", " ", text)
        else:
            text = text.replace("-", " ")
        for word in text.split():
            neutral = word.startswith(NEUTRAL)
            pieces = _PIECE.findall(unicodedata.normalize("NFC", word.removeprefix(NEUTRAL)))
            tokens = [token for piece in pieces for token in self._read(piece)]
            for number, token in enumerate(tokens or [Token(neutral, "", None)]):
                yield token._replace(neutral=neutral and number == 0)

    def _read(self, piece: str) -> list[Token]:
        syllables = self.scheme.read(piece, self.table)
        if syllables is None:
            return [Token(False, piece, None)]
        return [Token(False, self.canonical(parts), parts) for parts in syllables]

    def _problem(self, token: Token) -> str:
        if token.parts is not None:
            final, tone = token.parts.final, token.parts.tone
            return f"{token.text!r}: the final -{final} cannot carry tone {tone} ({self.scheme.tone_rule})"
        found = repr(token.text) if token.text else f"{NEUTRAL!r} before nothing"
        return f"{found} is not a {self.scheme.name} syllable (expected e.g. {self.scheme.example!r})"

    def _kind(self, unit: str | None) -> str:
        if unit is None:
            return "edge"
        if unit == NEUTRAL:
            return "neutral" if self.scheme.neutral_mark else "unknown"
        if unit.endswith("-") and unit[:-1] in self.scheme.initials:
            return "initial"
        if unit.startswith("-") and unit[1:] in self.scheme.finals:
            return "final"
        return "tone" if len(unit) == 1 and unit in self.scheme.tone_numbers else "unknown"

    def _extend(self, groups: list[_Group], unit: str) -> None:
        kind = self._kind(unit)
        last = groups[-1] if groups else _Group(tone="none")
        if kind == "unknown":
            raise ValueError(f"{unit!r} is no unit of {self.tag}; units are like 'k-', '-a', '1'")
        if kind == "neutral":
            groups.append(_Group(neutral=True))
        elif kind == "initial":
            _open(groups, not (last.initial or last.final or last.tone)).initial = unit[:-1]
        elif kind == "final":
            fits = not (last.final or last.tone) and self.scheme.joins(last.initial, unit[1:])
            _open(groups, fits).final = unit[1:]
        else:
            _open(groups, not last.tone).tone = unit

    def _spell(self, group: _Group) -> str:
        if group.final and group.tone:
            return self.canonical(Parts(group.initial, group.final, group.tone))
        if not (group.initial or group.final or group.tone):
            return ""
        base = self.scheme.base(group.initial, group.final) if group.final else group.initial
        return f"{base}0{group.tone}"


def digits_after(base: str, tone: str) -> str:
    """The spelling of romanisations that write the tone as a digit."""
    return base + tone


def inventory(symbols: str) -> tuple[str, ...]:
    """The initials or finals of a list that is separated by spaces."""
    return tuple(symbols.split())


def dotted(text: str) -> str:
    """The text with an i where a dotless one carries a mark, in which both look alike."""
    if "\u0131" not in text:
        return text
    return re.sub("\u0131(?=[\u0300-\u036f])", "i", unicodedata.normalize("NFD", text))


def slashed(text: str) -> list[str]:
    """The parts of a text between slashes, but no empty ones."""
    return [part for part in re.split(r"[/\uff0f]", text) if part.strip()] or [""]


def whole_readings(parts: list[str], lengths: Iterable[int]) -> list[str]:
    """The alternatives that slashes separate, if they do: all are spoken in as many tokens.

    Else the slashes stand inside a text that is one (`khì chhī-tiûⁿ/chhù bé chhài`), and separate words.

    Args:
        parts: What stands between the slashes of a text.
        lengths: The tokens of each.
    """
    return parts if len(parts) < 2 or len(set(lengths)) < 2 else [" ".join(parts)]


def joined(initial: str, final: str) -> str:
    """The spelling of romanisations that write the final alike after every initial."""
    return initial + final


def _open(groups: list[_Group], fits: bool) -> _Group:
    if not fits:
        groups.append(_Group())
    return groups[-1]


def _syllable(token: str) -> Syllable:
    matched = _TONED.fullmatch(token)
    return Syllable(matched[1], matched[2]) if matched else Syllable(token, "")
