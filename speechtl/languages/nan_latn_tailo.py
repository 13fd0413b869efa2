"""Taiwanese Hokkien in Tâi-lô: diacritics, lower case, spaced syllables.

The source of every rule that names no other is the Ministry of Education (Taiwan), 臺灣台語羅馬字拼音方案
使用手冊 (before 2024 臺灣閩南語羅馬字拼音方案使用手冊).

- Reading: diacritics and digits (`tsi̍t`, `tsit8`), composed or decomposed, also mixed in one text. A mark
  may stand on any letter of the final; a syllable with two marks, or with mark and digit, is none.
- Tones: 1 and 4 unmarked, 2 acute, 3 grave, 5 circumflex, 6 caron, 7 macron, 8 U+030D (no letter has a
  composed form with it), 9 double acute.
- Entering tones: finals on -p -t -k -h carry 4 (written unmarked) and 8 only, all other finals the rest:
  1 2 3 5 6 7 9. Digits against this stay digits (`ka4`) and are no units.
- The mark stands on a; else on the first letter of oo; else on e or o, of ere on the last; else on the last
  of i and u (iu: ú, ui: í); else on the m or the n of a syllabic m or ng.
- Neutral tone: `--` before the syllables that have it; they keep the spelling of their own tone, so there
  is no tone 0. `--` is kept and is a unit. Other hyphens join syllables of a word and equal spaces.
- Syllabic m and ng: m and mh stand alone or after h or, of mh, m; ng and ngh alone or after an initial
  other than b l g ng.
- Nasal vowels: after m n ng they are not written (má, not mánn), b l g do not stand before them.
- Finals -er, -ere, -ir (with -h) are the handbook's letters for dialects.
- Capitals, which begin names and sentences, become small.
- Alternatives (`pat-jī-kha/pat-lī-kha`): the Ministry's dictionary prints each in full, so a slash separates
  whole readings; the first is the one trained on. Its marks of reading (【白】 colloquial, 【文】 literary,
  【俗】 popular, 【替】 substitute character) are not spoken and are removed.
"""

from __future__ import annotations

import re
import unicodedata

from speechtl.languages.syllables import (
    NEUTRAL,
    Parts,
    Scheme,
    SyllableOrthography,
    Table,
    inventory,
    joined,
    slashed,
)

INITIALS = inventory("p ph b m t th n l k kh g ng h ts tsh j s")
_OPEN = inventory("a e i o oo u ai au ia io iu iau ua ue ui uai er ere ir")
_NASAL = inventory("ann enn inn onn ainn aunn iann iaunn iunn ionn uann uenn uinn uainn")
_CODAS = inventory("am im om iam an in un ian uan ang ing ong iang iong uang")
_STOPS = inventory("ap ip op iap at it ut iat uat ak ik ok iak iok uak")
_GLOTTAL = tuple(f"{final}h" for final in (*_OPEN, *_NASAL))
_SYLLABIC = inventory("m ng mh ngh")
FINALS = (*_OPEN, *_NASAL, *_CODAS, *_STOPS, *_GLOTTAL, *_SYLLABIC)

_MARKS = {
    "2": "\u0301",
    "3": "\u0300",
    "5": "\u0302",
    "6": "\u030c",
    "7": "\u0304",
    "8": "\u030d",
    "9": "\u030b",
}
_TONES = {mark: tone for tone, mark in _MARKS.items()}
_SYLLABLE = re.compile(r"([a-z]+)([1-9]?)")
_READING_MARK = re.compile("【[白文俗替]】")


def to_digits(text: str) -> str:
    """A text in canonical form, but with every tone as a digit (`tsit8`, `ka1`).

    >>> to_digits("Tâi-lô"), to_digits("khuànn--lâi")
    ('tai5 lo5', 'khuann3 --lai5')
    """
    return " ".join(_with_digit(token) for token in ORTHOGRAPHY.normalise(text).split())


def to_diacritics(text: str) -> str:
    """A text in canonical form; tones that their final cannot carry stay digits.

    >>> to_diacritics("tai5-lo5"), to_diacritics("ka4")
    ('tâi lô', 'ka4')
    """
    return ORTHOGRAPHY.normalise(text)


def _with_digit(token: str) -> str:
    syllable = token.removeprefix(NEUTRAL)
    read = _read(syllable, ORTHOGRAPHY.table)
    if read is None:
        return token
    initial, final, tone = read[0]
    return token.removesuffix(syllable) + initial + final + tone


def _joins(initial: str, final: str) -> bool:
    if final in {"m", "mh"}:
        return initial in {"", "h"} or (initial, final) == ("m", "mh")
    if final in {"ng", "ngh"}:
        return initial not in {"b", "l", "g", "ng"}
    return "nn" not in final or initial not in {"b", "l", "g", "m", "n", "ng"}


def _carries(final: str, tone: str) -> bool:
    return (tone in "48") == (final[-1] in "ptkh")


def _mark(base: str, tone: str) -> str:
    if tone in "14":
        return base
    place = _place(base) + 1
    return unicodedata.normalize("NFC", base[:place] + _MARKS[tone] + base[place:])


def _place(base: str) -> int:
    """Where the tone mark stands; initials have no vowels."""
    for letter in ("a", "oo"):
        if letter in base:
            return base.index(letter)
    for letters in ("eo", "iu"):
        if found := [index for index, letter in enumerate(base) if letter in letters]:
            return found[-1]
    return base.rindex("ng") if "ng" in base else base.rindex("m")


def _read(piece: str, table: Table) -> tuple[Parts, ...] | None:
    letters = unicodedata.normalize("NFD", piece)
    marks = [(index, _TONES[letter]) for index, letter in enumerate(letters) if letter in _TONES]
    matched = _SYLLABLE.fullmatch("".join(letter for letter in letters if letter not in _TONES))
    if matched is None or matched[1] not in table or len(marks) + len(matched[2]) > 1:
        return None
    initial, final = table[matched[1]]
    if marks and not len(initial) < marks[0][0] <= len(matched[1]):
        return None
    tone = marks[0][1] if marks else matched[2] or ("4" if final[-1] in "ptkh" else "1")
    return (Parts(initial, final, tone),)


def _readings(text: str) -> list[str]:
    return slashed(_READING_MARK.sub("", text))


ORTHOGRAPHY = SyllableOrthography(
    "nan-Latn-tailo",
    Scheme(
        name="Tâi-lô",
        example="tsi̍t-puànn or tsit8 puann3",
        initials=INITIALS,
        finals=FINALS,
        tone_numbers="123456789",
        tone_rule="finals on p t k h carry 4 and 8 only, others the rest",
        joins=_joins,
        carries=_carries,
        base=joined,
        mark=_mark,
        read=_read,
        readings=_readings,
        neutral_mark=True,
    ),
)
