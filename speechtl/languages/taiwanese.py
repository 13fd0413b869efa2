"""What the two romanisations of Taiwanese Hokkien, Tâi-lô and Pe̍h-ōe-jī, have in common: the syllables.

Both write the same initials, finals and tones, so that their units are the same, under the names that they
have in Tâi-lô. The source is the Ministry of Education (Taiwan), 臺灣台語羅馬字拼音方案使用手冊 (before 2024
臺灣閩南語羅馬字拼音方案使用手冊).

- Entering tones: finals on -p -t -k -h carry 4 and 8 only, all other finals the rest: 1 2 3 5 6 7 9.
- Syllabic m and ng: m and mh stand alone or after h or, of mh, m; ng and ngh alone or after an initial
  other than b l g ng.
- Nasal vowels: after m n ng they are not written (má, not mánn), b l g do not stand before them.
- Finals -er, -ere, -ir (with -h) are the handbook's letters for dialects.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from speechtl.languages.syllables import inventory, slashed

INITIALS = inventory("p ph b m t th n l k kh g ng h ts tsh j s")
_OPEN = inventory("a e i o oo u ai au ia io iu iau ua ue ui uai er ere ir")
_NASAL = inventory("ann enn inn onn ainn aunn iann iaunn iunn ionn uann uenn uinn uainn")
_CODAS = inventory("am im om iam an in un ian uan ang ing ong iang iong uang")
_STOPS = inventory("ap ip op iap at it ut iat uat ak ik ok iak iok uak")
_GLOTTAL = tuple(f"{final}h" for final in (*_OPEN, *_NASAL))
_SYLLABIC = inventory("m ng mh ngh")
FINALS = (*_OPEN, *_NASAL, *_CODAS, *_STOPS, *_GLOTTAL, *_SYLLABIC)
TONE_NUMBERS = "123456789"
TONE_RULE = "finals on p t k h carry 4 and 8 only, others the rest"

MARKS = {
    "2": "\u0301",
    "3": "\u0300",
    "5": "\u0302",
    "6": "\u030c",
    "7": "\u0304",
    "8": "\u030d",
}
"""Tone marks that both have; 1 and 4 have none, and 9 is written differently."""
_READING_MARK = re.compile("【[白文俗替]】")


class Toned(NamedTuple):
    """A syllable's letters apart from its tone."""

    letters: str
    """Without tone, NFC."""
    tone: str
    """Its number, empty where none is written."""
    place: int | None
    """How many letters stand before the mark, that under it included; None without a mark."""


def joins(initial: str, final: str) -> bool:
    """Whether an initial (or the empty one) goes with a final."""
    if final in {"m", "mh"}:
        return initial in {"", "h"} or (initial, final) == ("m", "mh")
    if final in {"ng", "ngh"}:
        return initial not in {"b", "l", "g", "ng"}
    return "nn" not in final or initial not in {"b", "l", "g", "m", "n", "ng"}


def is_entering(final: str) -> bool:
    """Whether a final ends in a stop."""
    return final[-1] in "ptkh"


def carries(final: str, tone: str) -> bool:
    """Whether a final carries a tone."""
    return (tone in "48") == is_entering(final)


def toned(piece: str, tones: Mapping[str, str]) -> Toned | None:
    """Take the tone, a mark or a digit, off a syllable; None where it has several.

    Args:
        piece: A lower-case piece of text without spaces.
        tones: Combining mark to tone number.
    """
    decomposed = unicodedata.normalize("NFD", piece)
    marks = [(index, tones[letter]) for index, letter in enumerate(decomposed) if letter in tones]
    plain = unicodedata.normalize("NFC", "".join(letter for letter in decomposed if letter not in tones))
    letters = plain.rstrip(TONE_NUMBERS)
    digits = plain[len(letters) :]
    if len(marks) + len(digits) > 1:
        return None
    place, tone = marks[0] if marks else (None, digits)
    return Toned(letters, tone, place)


def marked(base: str, tone: str, place: int, marks: Mapping[str, str]) -> str:
    """A toneless syllable with a tone's mark on the letter at a place; tones 1 and 4 have none."""
    if tone in "14":
        return base
    return unicodedata.normalize("NFC", base[: place + 1] + marks[tone] + base[place + 1 :])


def readings(text: str) -> list[str]:
    """What stands between the slashes of a text (`pat-jī-kha/pat-lī-kha`), without the dictionary's marks.

    The Ministry's dictionary prints each in full, so a slash separates whole readings. Its marks of reading
    (【白】 colloquial, 【文】 literary, 【俗】 popular, 【替】 substitute character) are not spoken.
    """
    return slashed(without_reading_marks(text))


def without_reading_marks(text: str) -> str:
    """The text without the dictionary's marks of reading."""
    return _READING_MARK.sub("", text)
