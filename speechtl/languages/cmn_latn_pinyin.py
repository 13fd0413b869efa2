"""Mandarin in Hanyu Pinyin: small letters, each syllable with its tone digit, spaced, ü as v.

The source of every rule that names no other is 汉语拼音方案 (1958, ISO 7098:2015) and 汉语拼音正词法基本规则
(GB/T 16159-2012).

- Reading: digits (`ni3 hao3`) and diacritics (`nǐhǎo`), composed or decomposed; a breve counts as the caron
  of tone 3. Tones are 1 to 4; 5 is the neutral tone, which diacritics leave unmarked. So a syllable without
  digit and mark is neutral, but a run of syllables must have a mark somewhere.
- Canonical: digits; v for ü after n and l (`nv3`, `lve4`), u for ü after j q x y, as pinyin writes it. Read
  are also ü everywhere, `jv`, and `nue`, `lue` (there is no other).
- Runs of syllables are cut so that none but the first begins with a, e or o, which an apostrophe would have
  to separate (`Xī'ān`, but `xiān`); where no cut does so, in the only way that there is (`nǚér`). A run with
  one digit at its end is no text: each syllable needs its own.
- Units go by sound, so that y and w are no initials: yi = -i, you = -iu as in liu, wei = -ui, wen = -un,
  yu = -v as in ju, weng = -ueng. The vowel of zhi chi shi ri zi ci si, no [i], is the final -ii.
- The syllables are those of 现代汉语词典, dialectal and colloquial ones included, and fe, which syllabaries
  speak; every one may carry every tone. Syllabic m, n, ng, hm, hng (interjections) are read on their own
  only, with their tone. An r-coloured ending is no syllable.
- Hyphens and apostrophes separate as spaces do, capitals become small, a slash separates whole
  readings of as many syllables.
"""

from __future__ import annotations

import re
import unicodedata

from speechtl.languages.syllables import (
    Parts,
    Scheme,
    SyllableOrthography,
    Table,
    digits_after,
    inventory,
    slashed,
)

INITIALS = inventory("b p m f d t n l g k h j q x zh ch sh r z c s")
_AFTER = {
    "a": "- b p m f d t n l g k h zh ch sh z c s",
    "o": "- b p m f l",
    "e": "- m f d t n l g k h zh ch sh r z c s",
    "ai": "- b p m d t n l g k h zh ch sh z c s",
    "ei": "- b p m f d t n l g k h zh sh z c s",
    "ao": "- b p m d t n l g k h zh ch sh r z c s",
    "ou": "- p m f d t n l g k h zh ch sh r z c s",
    "an": "- b p m f d t n l g k h zh ch sh r z c s",
    "en": "- b p m f d t n l g k h zh ch sh r z c s",
    "ang": "- b p m f d t n l g k h zh ch sh r z c s",
    "eng": "- b p m f d t n l g k h zh ch sh r z c s",
    "ong": "d t n l g k h zh ch r z c s",
    "er": "-",
    "ii": "zh ch sh r z c s",
    "i": "- b p m d t n l j q x",
    "ia": "- d n l j q x",
    "io": "-",
    "ie": "- b p m d t n l j q x",
    "iai": "-",
    "iao": "- b p m f d t n l j q x",
    "iu": "- m d n l j q x",
    "ian": "- b p m d t n l j q x",
    "in": "- b p m n l j q x",
    "iang": "- b n l j q x",
    "ing": "- b p m d t n l j q x",
    "iong": "- j q x",
    "u": "- b p m f d t n l g k h zh ch sh r z c s",
    "ua": "- g k h zh ch sh r",
    "uo": "- d t n l g k h zh ch sh r z c s",
    "uai": "- g k h zh ch sh",
    "ui": "- d t g k h zh ch sh r z c s",
    "uan": "- d t n l g k h zh ch sh r z c s",
    "un": "- d t n l g k h zh ch sh r z c s",
    "uang": "- g k h zh ch sh",
    "ueng": "-",
    "v": "- n l j q x",
    "ve": "- n l j q x",
    "van": "- l j q x",
    "vn": "- j q x",
    "m": "- h",
    "n": "-",
    "ng": "- h",
}
"""The initials, "-" for none, that stand before each final."""
_SYLLABLES = {(initial.strip("-"), final) for final, after in _AFTER.items() for initial in after.split()}
FINALS = tuple(_AFTER)
_ALONE = {"i": "yi", "in": "yin", "ing": "ying", "iu": "you", "u": "wu", "ui": "wei", "un": "wen", "ii": "ii"}
"""Finals whose spelling without initial is no other's with a glide; -ii alone stays no syllable."""
_GLIDES = {"i": "y", "u": "w", "v": "yu"}
_TONES = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0306": "3", "\u0300": "4"}
_DIAERESIS = "\u0308"
_CONSONANTS = "bpmfdtnlgkhjqxzcsryw"
_LONGEST = 6
_NUMBERED = re.compile(r"([a-z]+)([1-5])")


def _joins(initial: str, final: str) -> bool:
    return (initial, final) in _SYLLABLES


def _carries(final: str, tone: str) -> bool:
    return True


def _base(initial: str, final: str) -> str:
    if initial:
        return initial + (final.replace("v", "u") if initial in {"j", "q", "x"} else final.replace("ii", "i"))
    spelled = _GLIDES.get(final[0], final[0]) + final[1:]
    return _ALONE.get(final, spelled)


def _read(piece: str, table: Table) -> tuple[Parts, ...] | None:
    letters, tones = _split_marks(piece)
    if numbered := _NUMBERED.fullmatch(letters):
        known = numbered[1] in table and not any(tones)
        return (Parts(*table[numbered[1]], numbered[2]),) if known else None
    cuts = _cuts(letters, tones, table, _CONSONANTS) or _cuts(letters, tones, table, _CONSONANTS + "aeo")
    if len(cuts) != 1 or (len(cuts[0]) > 1 and not any(tones)):
        return None
    return tuple(Parts(*table[letters[i:j]], "".join(tones[i:j]) or "5") for i, j in cuts[0])


def _split_marks(piece: str) -> tuple[str, list[str]]:
    """The letters with ü as this file writes it, and for each the tone of its mark, or nothing."""
    letters, tones = "", [""]
    for character in unicodedata.normalize("NFD", piece):
        if character in _TONES and letters:
            tones[-1] += _TONES[character]
        elif character == _DIAERESIS and letters.endswith("u"):
            letters = letters[:-1] + "v"
        else:
            letters += character
            tones = [*tones, ""] if len(letters) > 1 else tones
    letters = re.sub("(?<=[jqxy])v", "u", letters)
    return re.sub("(?<=[nl])ue", "ve", letters), tones


def _cuts(
    letters: str, tones: list[str], table: Table, begins: str, start: int = 0
) -> list[tuple[tuple[int, int], ...]]:
    """Every way to cut the letters from `start`; all syllables but the first begin with one of `begins`."""
    if start == len(letters):
        return [()] if start else []
    if start and letters[start] not in begins:
        return []
    cuts = []
    for end in range(start + 1, min(start + _LONGEST, len(letters)) + 1):
        marks = len("".join(tones[start:end]))
        spoken = re.search("[aeiouv]", letters[start:end]) or (marks and end - start == len(letters))
        if letters[start:end] in table and marks < 2 and spoken:
            cuts += [((start, end), *rest) for rest in _cuts(letters, tones, table, begins, end)]
    return cuts


ORTHOGRAPHY = SyllableOrthography(
    "cmn-Latn-pinyin",
    Scheme(
        name="pinyin",
        example="ni3 hao3 or nǐhǎo",
        initials=INITIALS,
        finals=FINALS,
        tone_numbers="12345",
        tone_rule="any final carries 1 to 5",
        joins=_joins,
        carries=_carries,
        base=_base,
        mark=digits_after,
        read=_read,
        readings=slashed,
    ),
)
