"""Taiwanese Hokkien in Tâi-lô: diacritics, lower case, spaced syllables.

The source of every rule that names no other is the Ministry of Education (Taiwan), 臺灣台語羅馬字拼音方案
使用手冊 (before 2024 臺灣閩南語羅馬字拼音方案使用手冊). Which syllables there are stands in `taiwanese.py`.

- Reading: diacritics and digits (`tsi̍t`, `tsit8`), composed or decomposed, also mixed in one text. A mark
  may stand on any letter of the final; a syllable with two marks, or with mark and digit, is none.
- Tones: 1 and 4 unmarked, 2 acute, 3 grave, 5 circumflex, 6 caron, 7 macron, 8 U+030D (no letter has a
  composed form with it), 9 double acute.
- Entering tones: an unmarked final on -p -t -k -h carries 4, any other 1. Digits against the rule of the
  entering tones stay digits (`ka4`) and are no units.
- The mark stands on a; else on the first letter of oo; else on e or o, of ere on the last; else on the last
  of i and u (iu: ú, ui: í); else on the m or the n of a syllabic m or ng.
- Neutral tone: `--` before the syllables that have it; they keep the spelling of their own tone, so there
  is no tone 0. `--` is kept and is a unit. Other hyphens join syllables of a word and equal spaces.
- Capitals, which begin names and sentences, become small.
- Alternatives (`pat-jī-kha/pat-lī-kha`) are whole readings, the first is the one trained on; the
  dictionary's marks of reading are removed (see `taiwanese.readings`).
"""

from __future__ import annotations

from speechtl.languages.syllables import NEUTRAL, Parts, Scheme, SyllableOrthography, Table, joined
from speechtl.languages.taiwanese import (
    FINALS,
    INITIALS,
    MARKS,
    TONE_NUMBERS,
    TONE_RULE,
    carries,
    is_entering,
    joins,
    marked,
    readings,
    toned,
)

_MARKS = {**MARKS, "9": "\u030b"}
_TONES = {mark: tone for tone, mark in _MARKS.items()}


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


def _mark(base: str, tone: str) -> str:
    return marked(base, tone, _place(base), _MARKS)


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
    found = toned(piece, _TONES)
    if found is None or found.letters not in table:
        return None
    initial, final = table[found.letters]
    if found.place is not None and not len(initial) < found.place <= len(found.letters):
        return None
    return (Parts(initial, final, found.tone or ("4" if is_entering(final) else "1")),)


ORTHOGRAPHY = SyllableOrthography(
    "nan-Latn-tailo",
    Scheme(
        name="Tâi-lô",
        example="tsi̍t-puànn or tsit8 puann3",
        initials=INITIALS,
        finals=FINALS,
        tone_numbers=TONE_NUMBERS,
        tone_rule=TONE_RULE,
        joins=joins,
        carries=carries,
        base=joined,
        mark=_mark,
        read=_read,
        readings=readings,
        neutral_mark=True,
    ),
)
