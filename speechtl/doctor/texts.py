"""What the doctor finds by reading: every distinct text is cut into units once, and kept as numbers."""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise
from typing import TYPE_CHECKING
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from speechtl.faults import Fault, counted, listed
from speechtl.languages.base import Orthography
from speechtl.languages.syllables import SyllableOrthography
from speechtl.scripts import scripts_of
from speechtl.text import orthography
from speechtl.text_faults import TextFault
from speechtl.units import TextSettings, Units, fit_pieces, units_of

if TYPE_CHECKING:
    from speechtl.doctor.subject import Codes, Subject

_AT_ONCE = 10_000
_INNER_SLASH = re.compile(r"[^\W\d_]\s*[/\uff0f]\s*[^\W\d_]")
_WRITTEN_TOGETHER = (frozenset({"Han", "Kana"}), frozenset({"Han", "Hangul"}))

_SCRIPTS = {
    **{"Hans": "Han", "Hant": "Han", "Latn": "Latin", "Arab": "Arabic", "Cyrl": "Cyrillic"},
    **{"Deva": "Devanagari", "Grek": "Greek", "Hebr": "Hebrew", "Hang": "Hangul", "Thai": "Thai"},
}
"""What the letters of a tag's script are called in Unicode."""

Cut = Callable[[str, str], list[str]]
"""Language and text to label units; raises ValueError where the text cannot be cut."""


@dataclass
class Texts:
    """The distinct texts of a subject, cut into units."""

    entries: NDArray[np.int64]
    """(utterances,) which text each has; -1 where it has none that can be used."""
    without_text: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """(utterances,) which have no transcript, where there need be none."""
    tags: list[str] = field(default_factory=list)
    """The language of each text."""
    lengths: array[int] = field(default_factory=lambda: array("i"))
    """Units of each."""
    needed: array[int] = field(default_factory=lambda: array("i"))
    """Frames that CTC needs for each: one for every unit, and one between equal ones."""
    units: array[int] = field(default_factory=lambda: array("i"))
    """The units of all, one after another, as numbers."""
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    """The number of each language's units."""
    normal: array[int] = field(default_factory=lambda: array("q"))
    """A hash of each in its normalised form."""
    keys: array[int] = field(default_factory=lambda: array("q"))
    """Hashes of what identifies a text however it is written, of all, one after another."""
    key_counts: array[int] = field(default_factory=lambda: array("i"))
    """Keys of each: one for every alternative."""
    scripts: defaultdict[str, Counter[frozenset[str]]] = field(default_factory=lambda: defaultdict(Counter))
    """By language, how many texts are written in which scripts."""
    examples: dict[tuple[str, frozenset[str]], str] = field(default_factory=dict)
    """A text in each language and mixture of scripts."""
    unspoken: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """By language, and `digit` or a symbol that is not kept: the texts with it."""

    def add(self, tag: str, text: str, units: list[str]) -> int:
        """Note a text; its place among the texts."""
        self.tags.append(tag)
        self.lengths.append(len(units))
        self.needed.append(len(units) + sum(a == b for a, b in pairwise(units)))
        self.units.extend(self.numbers.setdefault((tag, unit), len(self.numbers)) for unit in units)
        rules = orthography(tag)
        readings = rules.alternatives(text)
        folded = list(dict.fromkeys(map(rules.fold, readings)))
        self.normal.append(hash((tag, readings[0])))
        self.keys.extend(hash((rules.folded_as, reading)) for reading in folded)
        self.key_counts.append(len(folded))
        for what in _unspoken(rules, text, readings):
            self.unspoken[tag, what].append(text)
        mixture = scripts_of(folded[0])
        self.scripts[tag][mixture] += 1
        self.examples.setdefault((tag, mixture), text)
        return len(self.tags) - 1

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """(texts,) where the units of each end among those of all."""
        return np.cumsum(np.frombuffer(self.lengths, dtype=np.intc), dtype=np.int64)

    def occurrences(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How often each unit (units,) occurs in the chosen utterances."""
        times = np.bincount(self.entries[chosen & (self.entries >= 0)], minlength=len(self.tags))
        lengths, units = (np.frombuffer(part, dtype=np.intc) for part in (self.lengths, self.units))
        counts = np.zeros(len(self.numbers))
        for start in range(0, len(times), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            first = self.ends[start] - lengths[start]
            own = units[first : self.ends[part][-1]]
            counts += np.bincount(own, np.repeat(times[part], lengths[part]), len(counts))
        return counts.astype(np.int64)


def read_texts(subject: Subject, cut: Cut) -> tuple[Texts, list[Fault]]:
    """Cut all texts into units.

    Args:
        subject: What is examined.
        cut: How a text is cut.

    Returns:
        The texts that can be cut, and the faults of languages and of other texts.
    """
    languages, written = subject.codes("language"), subject.codes("text")
    tags, faults = _usable_tags(subject, languages)
    count = max(1, len(written.values))
    pairs = np.where(written.numbers < 0, -1, languages.numbers * count + written.numbers)
    pairs[~np.isin(languages.numbers, list(tags))] = -1
    distinct, inverse = np.unique(pairs, return_inverse=True)
    places = np.full(len(distinct), -1)
    texts, bad = Texts(places), {}
    without_text: list[int] = []
    first = int((distinct == -1).any())
    for start in range(first, len(distinct), _AT_ONCE):
        part = distinct[start : start + _AT_ONCE]
        values = written.values.take(part % count).to_pylist()
        for index, (language, text) in enumerate(zip((part // count).tolist(), values, strict=True), start):
            if not text and not subject.needs_text:
                without_text.append(index)
                continue
            units = _units(tags[language], text, cut)
            if isinstance(units, TextFault):
                bad[index] = units
            else:
                places[index] = texts.add(tags[language], text, units)
    texts.entries = places[inverse]
    texts.without_text = np.isin(inverse, without_text)
    for row in np.flatnonzero(np.isin(inverse, list(bad))).tolist():
        fault = bad[int(inverse[row])]
        mend = f"write it in {tags[int(languages.numbers[row])]}, or remove the row"
        faults.append(subject.fault(fault.kind, mend, row, fault.message))
    return texts, faults


def _usable_tags(subject: Subject, languages: Codes) -> tuple[dict[int, str], list[Fault]]:
    """The tags that choose an orthography, by their numbers, and one fault for each other."""
    tags, faults = {}, []
    for number, tag in enumerate(languages.values.to_pylist()):
        try:
            tags[number] = orthography(tag).tag
        except ValueError as error:
            rows = np.flatnonzero(languages.numbers == number)
            detail = f"{counted(len(rows), 'utterance')}, first {subject.value('id', int(rows[0]))}"
            faults.append(Fault(f"language: {error}", "", subject.name, detail))
    return tags, faults


def _units(tag: str, text: str, cut: Cut) -> list[str] | TextFault:
    try:
        units = cut(tag, text)
    except ValueError as error:
        return TextFault("text not understood", str(error))
    return units or TextFault("no text", f"{text!r}: nothing in it is spoken")


def cutting(subject: Subject, settings: TextSettings | None = None) -> Cut:
    """How the texts of a subject are cut: into the orthography's own units, or those of a recipe."""
    settings = settings or TextSettings()

    @cache
    def units(tag: str) -> Units:
        rules = orthography(tag)
        if settings.units != "sentencepiece":
            return units_of(rules, settings.units)
        return fit_pieces(_training_texts(subject, tag), rules, settings)

    return lambda tag, text: units(tag).cut(text)


def _training_texts(subject: Subject, tag: str) -> list[str]:
    """The texts of a language in training that can be cut; all of them where there is no training."""
    import pyarrow.compute as compute

    rules, table = orthography(tag), subject.table
    chosen = table.filter(compute.equal(table.column("language"), tag))
    trained = chosen.filter(compute.equal(chosen.column("split"), "train"))
    texts = (trained if len(trained) else chosen).column("text").unique().to_pylist()
    return [
        text
        for text in texts
        if not isinstance(_units(tag, text, lambda _, text: rules.units(text)), TextFault)
    ]


def _unspoken(rules: Orthography, text: str, readings: Sequence[str]) -> set[str]:
    """What of a text does not say how it is spoken: `digit`, and symbols that its normal form lacks."""
    normal = readings[0]
    found = {"/"} if len(readings) == 1 and normal and _INNER_SLASH.search(text) else set()
    if isinstance(rules, SyllableOrthography):  # whose digits are tones
        return found
    found |= {char for char in text if (char in "%&@#" or category(char)[0] == "S") and char not in normal}
    return found | ({"digit"} if any(map(str.isdigit, normal)) else set())


def unspoken_notices(texts: Texts) -> Iterator[Fault]:
    """Texts with numbers in digits, or with symbols that are dropped although something is said for them."""
    for (tag, what), found in sorted(texts.unspoken.items()):
        detail = f"{counted(len(found), 'text')}, such as {found[0]!r}"
        if what == "digit":
            mend = "write numbers as they are spoken: a digit has no sound of its own"
            yield Fault("numbers in digits", mend, tag, detail)
        else:
            mend = "write what is said for it, if anything is"
            yield Fault(f"{what!r} is left out of texts", mend, tag, detail)


def script_notices(texts: Texts) -> Iterator[Fault]:
    """Languages in several scripts, except those that always are, and in another than their tag names."""
    for tag, mixtures in texts.scripts.items():
        found = frozenset().union(*mixtures)
        meant = next((_SCRIPTS[part] for part in tag.split("-") if part in _SCRIPTS), None)
        if meant is not None and found and meant not in found:
            example = texts.examples[tag, next(filter(None, mixtures))]
            mend = "correct the tag, whose second part is the script, or the texts"
            detail = f"{listed(sorted(found))} in all, such as {example!r}"
            yield Fault(f"no text is in the script that the tag names, {meant}", mend, tag, detail)
        if len(found) < 2 or found in _WRITTEN_TOGETHER:
            continue
        usual, others = _usual(mixtures)
        shown = [
            f"{count} in {' and '.join(sorted(mixture))}, such as {texts.examples[tag, mixture]!r}"
            for mixture, count in others.most_common(3)
        ]
        mend = "correct the texts, or give each script a language tag of its own, unless it is meant so"
        most = f"{mixtures[usual]} texts in {' and '.join(sorted(usual))}"
        yield Fault("several scripts in one language", mend, tag, "; ".join([most, *shown]))


def _usual(mixtures: Mapping[frozenset[str], int]) -> tuple[frozenset[str], Counter[frozenset[str]]]:
    """The scripts of most texts, and the others, texts without a letter left out."""
    others = Counter({mixture: count for mixture, count in mixtures.items() if mixture})
    ((usual, _),) = others.most_common(1)
    del others[usual]
    return usual, others
