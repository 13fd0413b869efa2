"""The text rules of one language; this default is safe for every script that Unicode has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'"})
_LETTER_APOSTROPHES = re.compile("(?<=[^\\W\\d_])[\u02bb\u02bc](?=[^\\W\\d_])")
"""Typed for the apostrophe inside words (Ukrainian, Uzbek); at a word's edge they are letters (Hawaiian)."""
_INSIDE = str.maketrans(dict.fromkeys("\u055b\u055c\u055e\u05f4", "") | {"\u05f3": "'"})
"""Marks inside words: Armenian stress, exclamation and question, Hebrew geresh and gershayim."""
_GERSHAYIM = re.compile('(?<=[\u05d0-\u05ea])"(?=[\u05d0-\u05ea])')
"""As most people type it."""
_DOTTED_LANGUAGES = {"ca", "oc"}
_LOOSE_DOTS = re.compile("(?<![^\\W\\d_])\u00b7|\u00b7(?![^\\W\\d_])")
"""Middle dots that are not inside a word; inside they are letters there: col\u00b7lecci\u00f3."""
_WIDTHS = re.compile("[\uff00-\uffef]+")
_AM = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32|([\u0e48-\u0e4b])\u0e4d\u0e32")
_LAO_AM = re.compile("\u0ecd([\u0ec8-\u0ecb]?)\u0eb2|([\u0ec8-\u0ecb])\u0ecd\u0eb2")
_JOINERS = "\u200c\u200d"
_UNSPACED_SCRIPTS = {"Hans", "Hant", "Hani", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"}
_UNSPACED_LANGUAGES = {"ja", "th", "lo", "km", "my", "bo", "wuu", "hak", "gan", "hsn"}
_LATIN = ("LATIN ", "SUPERSCRIPT LATIN ", "MODIFIER LETTER ", "FULLWIDTH LATIN ")
_DOTLESS_LANGUAGES = {"tr", "az"}


class Syllable(NamedTuple):
    """A spoken syllable as scoring sees it."""

    base: str
    """Its spelling without tone."""
    tone: str
    """Its tone number, empty where none is written."""


@dataclass(frozen=True)
class Orthography:
    """How the text of one language is normalised and cut into units; characters by default.

    Keeps letters, combining marks and digits of every script, and apostrophes and joiners inside words;
    everything else separates words. Lower case where the script has case, NFC throughout.
    """

    tag: str
    """The BCP-47 tag in canonical case."""
    rules: str = field(default="", kw_only=True)
    """Language, script and variants, under the name that they have here; empty: the tag."""

    @property
    def folded_as(self) -> str:
        """The tag that `fold` writes; orthographies that can be told into one another have the same.

        It is that of the rules: a region, a private extension or another name of the language makes no
        difference to what is said.
        """
        return self.rules or self.tag

    @property
    def tones(self) -> bool:
        """Whether the spelling tells the tone."""
        return False

    @property
    def syllabic(self) -> bool:
        """Whether the text has a syllable grammar: initial, final, tone."""
        return False

    @property
    def words(self) -> bool:
        """Whether spaces separate words, so that a word error rate means something."""
        language, _, rest = self.tag.partition("-")
        script = rest[:4] if len(rest.partition("-")[0]) == 4 else ""
        return script not in _UNSPACED_SCRIPTS and (script != "" or language not in _UNSPACED_LANGUAGES)

    def normalise(self, text: str) -> str:
        """The canonical NFC form of a text; normalising twice changes nothing.

        Of several printed alternatives it is the first, which is the one trained on.
        """
        language = self.tag.partition("-")[0]
        if language in _DOTLESS_LANGUAGES:
            text = unicodedata.normalize("NFC", text).replace("\u0130", "i").replace("I", "\u0131")
        text = lower(unified(text)).translate(_APOSTROPHES)
        text = unicodedata.normalize("NFC", _LETTER_APOSTROPHES.sub("'", text))
        keep = "'"
        if language in _DOTTED_LANGUAGES:
            text, keep = _LOOSE_DOTS.sub(" ", text), "'\u00b7"
        words = (strip_word(word) for word in spaced(text, keep=keep).replace("''", " ").split())
        return unicodedata.normalize("NFC", " ".join(word for word in words if word))

    def alternatives(self, text: str) -> tuple[str, ...]:
        """Every reading that the text allows, normalised; the first is the one trained on."""
        return (self.normalise(text),)

    def fold(self, text: str) -> str:
        """The text as leakage is looked for: case, hyphens and Unicode form make no difference."""
        return unicodedata.normalize("NFC", self.normalise(text).casefold())

    def units(self, text: str) -> list[str]:
        """The label units of a text.

        Raises:
            ValueError: The text cannot be cut into units; the message names the part.
        """
        return list(self.normalise(text))

    def characters(self, text: str) -> list[str]:
        """What the character error counts in a normalised text: letters, each with its combining marks.

        A space counts as a letter where spaces separate words, otherwise it is ignored.
        """
        return letters(text if self.words else text.replace(" ", ""))

    def spell(self, units: Sequence[str]) -> str:
        """The normalised text that units spell; it never fails on an ill-formed sequence of known units."""
        return self.normalise("".join(units))

    def syllables(self, text: str) -> list[Syllable] | None:
        """The spoken syllables of a text, or None where the orthography does not tell them."""
        return None

    def follows(self, previous: str | None, unit: str | None) -> bool:
        """Whether `unit` may come after `previous`; None stands for the start and for the end."""
        return True


def letters(text: str) -> list[str]:
    """The characters of a text, each base letter with the marks and joiners that follow it.

    >>> [len(letter) for letter in letters("lo̍k")]
    [1, 2, 1]
    """
    clusters: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        attached = character in _JOINERS or unicodedata.category(character)[0] == "M"
        if attached and clusters and clusters[-1] != " ":
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def is_latin(text: str) -> bool:
    """Whether every letter of a text is Latin; marks, digits and signs are of no script."""
    return all(
        unicodedata.name(letter, "").startswith(_LATIN)
        for letter in text
        if unicodedata.category(letter)[0] == "L"
    )


def lower(text: str) -> str:
    """The text in lower case and NFC; unlike case folding it keeps the spelling (German ß, Greek ς)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def spaced(text: str, keep: str = "") -> str:
    """The text with a space for each character that is no letter, mark or digit, nor one to `keep`.

    Invisible format characters (soft hyphens, direction marks), variation selectors and enclosing marks
    vanish without a space.
    """
    return "".join(character if character in keep else _written(character) for character in text)


def _written(character: str) -> str:
    category = unicodedata.category(character)
    if character in _JOINERS:
        return character
    if category in {"Cf", "Me"} or "\ufe00" <= character <= "\ufe0f" or character >= "\U000e0100":
        return ""
    return character if category[0] in "LN" or category in {"Mn", "Mc"} else " "


def unified(text: str) -> str:
    """The text with one spelling of what looks alike in any script.

    Full-width and half-width forms become the ordinary ones, and the vowel am of Thai and Lao, which NFC
    leaves in two pieces, one character after its tone mark. Armenian and Hebrew marks that stand inside words
    do not cut them.

    >>> unified("１０ ｶﾞ"), unified("\u0e19\u0e4d\u0e49\u0e32") == "\u0e19\u0e49\u0e33"
    ('10 ガ', True)
    """
    text = _WIDTHS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _GERSHAYIM.sub("", text).translate(_INSIDE)
    text = _AM.sub(lambda found: (found[1] or found[2] or "") + "\u0e33", text)
    return _LAO_AM.sub(lambda found: (found[1] or found[2] or "") + "\u0eb3", text)


def strip_word(word: str) -> str:
    """A word without apostrophes and joiners at its edges (a final joiner is part of Malayalam letters)."""
    return word.lstrip("'" + _JOINERS).rstrip("'" + _JOINERS[0])
