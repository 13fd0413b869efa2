"""Taiwanese Hokkien in Pe̍h-ōe-jī (POJ), the church romanisation: diacritics, lower case, spaced syllables.

The syllables, and the units with their names, are those of Tâi-lô (`taiwanese.py`): a head for one can
serve the other. Sources: [B] C. W. Bradley, An Outline of the System Adopted for Romanizing the Dialect of
Amoy, JAOS 4 (1854); [M] J. MacGowan, A Manual of the Amoy Colloquial (1898); [D] C. Douglas, Chinese-English
Dictionary of the Vernacular or Spoken Language of Amoy (1873); [C] W. Campbell, A Dictionary of the Amoy
Vernacular (1913); [K] H. Klöter, The History of Peh-oe-ji (2002); [S] KeSi 1.6 (i3thuan5), the converter
that Taiwanese publishers use; [W] Common Voice, whose Taiwanese sentences mix both romanisations.

Spelling, against Tâi-lô:

- ch chh for ts tsh [B]; oa oe for ua ue; eng ek for ing ik; o͘ (o and U+0358) for oo [M].
- ⁿ for nn [B], after h: ahⁿ for annh [C]. Before m p k ng and ⁿ only one o is possible, and the dot is left
  out [B]: ong, ok, oⁿ.
- -er, -ere, -ir of the dialects have no letters that all agree on and are written as in Tâi-lô, the mark on
  the first vowel [S].
- Tones: 1 and 4 unmarked, 2 acute, 3 grave, 5 circumflex, 7 macron, 8 U+030D [M]; for 6 and 9, which the
  tradition lacks, caron and breve [S].
- The mark stands on the only vowel, or on the middle one of three (iau, oai); of two, on the one that is
  not i, of iu and ui on u; of au, oa, oe on the second before a consonant (oân, oa̍h, oe̍hⁿ), else on the
  first (góa, khòaⁿ, ōe); on the m or the n of a syllabic m or ng [S].
- `--` before the syllables in the neutral tone, hyphens, capitals, alternatives and the dictionary's marks
  of reading are as in Tâi-lô.

Read as the same syllables, because no other has these spellings:

- for o͘: o and a dot beside it (o· o• o‧ o∙ o⋅ o˙) or above it (ȯ), ou, oo; also before m p k ng and ⁿ [B];
- for ⁿ: nn, ᴺ, and N after a small letter [S]; before the h as well as after it [B];
- ts, and tsh, for ch [D, C before a, o and u; W]; ua ue ing ik as in Tâi-lô [W];
- ien iet for ian iat [D], ieng iek for eng ek [K]; a needless ⁿ after m n ng (miâⁿ) [D];
- 9 with a double acute, as in Tâi-lô [W]; 8 with an acute on an entering syllable (kút), of which no other
  tone than 4 and 8 is possible [B]; digits; a mark on any letter of the final.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

from speechtl.languages.nan_latn_tailo import ORTHOGRAPHY as TAILO
from speechtl.languages.respelling import respelled
from speechtl.languages.syllables import Parts, Scheme, SyllableOrthography, Table
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

_DOT = "\u0358"
_MARKS = {**MARKS, "9": "\u0306"}
_TONES = {mark: tone for tone, mark in _MARKS.items()} | {"\u030b": "9"}
_INITIALS = {"ts": ("ch", "ts"), "tsh": ("chh", "tsh")}
_FINALS = {
    "ing": ("eng", "ing", "ieng"),
    "ik": ("ek", "ik", "iek"),
    "ian": ("ian", "ien"),
    "iat": ("iat", "iet"),
}
_PARTS = {
    "open": (f"o{_DOT}", "oo", "ou"),
    "closed": ("o", f"o{_DOT}", "oo", "ou"),
    "medial": ("o", "u"),
    "nasal_stop": ("hⁿ", "ⁿh", "hnn", "nnh"),
    "nasal": ("ⁿ", "nn"),
}
"""Spellings of the parts of Tâi-lô's finals, the canonical one first."""
_PART = re.compile(
    "(?P<open>oo)|(?P<closed>o(?=[nmpk]))|(?P<medial>u(?=[ae]))|(?P<nasal_stop>nnh)|(?P<nasal>nn)|."
)
_DOTTED = re.compile("(?<=[oO])([\u0300-\u036f]*?)[\u00b7\u0387\u2022\u2027\u2219\u22c5\u02d9\u0307]")
_CAPITAL_N = re.compile("([a-z][\u0300-\u036f]*)N(?=h?[0-9]?(?![A-Za-z\u0300-\u036f]))")


@dataclass(frozen=True)
class Pehoeji(SyllableOrthography):
    """Pe̍h-ōe-jī; leakage is looked for in Tâi-lô, where the same words have the same texts."""

    def fold(self, text: str) -> str:
        """The text as Tâi-lô folds it."""
        return TAILO.fold(respelled(text, self, TAILO))


@cache
def _spellings() -> dict[str, tuple[str, str, int]]:
    """Initial, final and the letters of the initial by every toneless spelling that is read."""
    found = {}
    for initial in ("", *INITIALS):
        for final in (final for final in FINALS if joins(initial, final)):
            written = [*_written(final), *(_nasal(final) if initial in {"m", "n", "ng"} else ())]
            for start, rest in product(_INITIALS.get(initial, (initial,)), written):
                found[unicodedata.normalize("NFC", start + rest)] = (initial, final, len(start))
    return found


@cache
def _written(final: str) -> tuple[str, ...]:
    """How a final of Tâi-lô is written, the canonical spelling first."""
    if final in _FINALS:
        return _FINALS[final]
    parts = [_PARTS[part.lastgroup] if part.lastgroup else (part[0],) for part in _PART.finditer(final)]
    return tuple("".join(spelling) for spelling in product(*parts))


def _nasal(final: str) -> Iterator[str]:
    """How a final is written with the needless ⁿ of old texts."""
    oral, stop = (final[:-1], "h") if final.endswith("h") else (final, "")
    nasal = f"{'o' if oral == 'oo' else oral}nn{stop}"
    if nasal in FINALS and oral != "o":
        yield from _written(nasal)


def _base(initial: str, final: str) -> str:
    return _INITIALS.get(initial, (initial,))[0] + _written(final)[0]


def _mark(base: str, tone: str) -> str:
    return marked(base, tone, _place(base), _MARKS)


def _place(base: str) -> int:
    """Where the tone mark stands; initials have no vowels."""
    vowels = [index for index, letter in enumerate(base) if letter in "aeiou"]
    if not vowels:
        return base.rindex("ng") if "ng" in base else base.rindex("m")
    if len(vowels) != 2:
        return vowels[len(vowels) // 2]
    first, second = vowels
    if base[first] == "i":
        return second
    if base[second] == "i" or second > first + 1:
        return first
    return first if base[second + 1 :] in {"", "ⁿ"} else second


def _read(piece: str, table: Table) -> tuple[Parts, ...] | None:
    found = toned(piece, _TONES)
    if found is None or found.letters not in _spellings():
        return None
    initial, final, start = _spellings()[found.letters]
    if found.place is None:
        return (Parts(initial, final, found.tone or ("4" if is_entering(final) else "1")),)
    if found.place <= start:
        return None
    old = found.tone == "2" and is_entering(final)
    return (Parts(initial, final, "8" if old else found.tone),)


def typed(text: str) -> str:
    """The text with o͘ and ⁿ for the signs that are typed in their place (`o·`, `aN`)."""
    letters = unicodedata.normalize("NFD", text)
    return _CAPITAL_N.sub(r"\1ⁿ", _DOTTED.sub(rf"\1{_DOT}", letters)).replace("ᴺ", "ⁿ")


def _readings(text: str) -> list[str]:
    return readings(typed(text))


ORTHOGRAPHY = Pehoeji(
    "nan-Latn-pehoeji",
    Scheme(
        name="Pe̍h-ōe-jī",
        example="chi̍t-pòaⁿ or chit8 poaⁿ3",
        initials=INITIALS,
        finals=FINALS,
        tone_numbers=TONE_NUMBERS,
        tone_rule=TONE_RULE,
        joins=joins,
        carries=carries,
        base=_base,
        mark=_mark,
        read=_read,
        readings=_readings,
        neutral_mark=True,
        folded_as=TAILO.tag,
    ),
)
