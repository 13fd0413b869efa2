"""Which units of the source languages each Tâi-lô unit starts from: those that sound alike.

Initials and finals are paired by their phonetic value in the Ministry of Education's description of
Taiwanese (臺灣台語羅馬字拼音方案), in the Hanyu Pinyin scheme and in Bauer and Benedict 1997, Modern
Cantonese Phonology: Tâi-lô p, ph, b are [p], [pʰ], [b], so p pairs with pinyin b, and the voiced b with an
English or Arabic letter. Finals that no source has start from the nearest one: nasal vowels from the vowel
with a nasal coda, the glottal stop -h from the bare vowel. Tones are paired by pitch contour, since their
numbers do not correspond: Taiwanese 2 falls from high as Mandarin 4 does (Chao 1930 letters stand beside
each). Several sources are averaged.
"""

from __future__ import annotations

LANGUAGES = ("nan-Latn-tailo", "nan-Latn-pehoeji")
MANDARIN, CANTONESE, ENGLISH, ARABIC = "cmn-Latn-pinyin", "yue-Latn-jyutping", "en", "ar"

_INITIALS = {
    # Tâi-lô: (Mandarin, Cantonese, English, Arabic), blanks in between for several
    "p": ("b", "b", "", ""),
    "ph": ("p", "p", "", ""),
    "b": ("", "", "b", "ب"),
    "m": ("m", "m", "", ""),
    "t": ("d", "d", "", ""),
    "th": ("t", "t", "", ""),
    "n": ("n", "n", "", ""),
    "l": ("l", "l", "", ""),
    "k": ("g", "g", "", ""),
    "kh": ("k", "k", "", ""),
    "g": ("", "", "g", ""),
    "ng": ("", "ng", "", ""),
    "h": ("h", "h", "", ""),
    "ts": ("z j", "z", "", ""),
    "tsh": ("c q", "c", "", ""),
    "s": ("s x", "s", "", ""),
    "j": ("", "", "z", "ز"),
}
_FINALS = {
    # Tâi-lô: (Mandarin, Cantonese)
    "a": ("a", "aa"),
    "e": ("ie", "e"),
    "i": ("i", "i"),
    "o": ("o uo", "o"),
    "oo": ("", "o"),
    "u": ("u", "u"),
    "ai": ("ai", "aai"),
    "au": ("ao", "aau"),
    "ia": ("ia", ""),
    "io": ("", "o"),
    "iu": ("iu", "iu"),
    "iau": ("iao", ""),
    "ua": ("ua", ""),
    "ue": ("ui", ""),
    "ui": ("ui", "ui"),
    "uai": ("uai", ""),
    "er": ("e", "oe"),
    "ere": ("", "oe"),
    "ir": ("ii", ""),
    "am": ("", "aam"),
    "im": ("", "im"),
    "om": ("", "om"),
    "iam": ("", "im"),
    "an": ("an", "aan"),
    "in": ("in", "in"),
    "un": ("un", "un"),
    "ian": ("ian", "in"),
    "uan": ("uan", "un"),
    "ang": ("ang", "aang"),
    "ing": ("ing", "ing"),
    "ong": ("ong", "ong"),
    "iang": ("iang", "oeng"),
    "iong": ("iong", "ung"),
    "uang": ("uang", ""),
    "ap": ("", "aap"),
    "ip": ("", "ip"),
    "op": ("", "op"),
    "iap": ("", "ip"),
    "at": ("", "aat"),
    "it": ("", "it"),
    "ut": ("", "ut eot"),
    "iat": ("", "it"),
    "uat": ("", "ut"),
    "ak": ("", "aak"),
    "ik": ("", "ik"),
    "ok": ("", "ok"),
    "iak": ("", "ek"),
    "iok": ("", "uk"),
    "uak": ("", "ok"),
    "ann": ("ang", "aang"),
    "enn": ("eng", "eng"),
    "inn": ("ing", "ing"),
    "onn": ("ong", "ong"),
    "ainn": ("ai", "aai"),
    "aunn": ("ao", "aau"),
    "iann": ("iang", ""),
    "iunn": ("iu", "iu"),
    "iaunn": ("iao", ""),
    "ionn": ("iong", ""),
    "uann": ("uang", ""),
    "uenn": ("ui", ""),
    "uinn": ("ui", "ui"),
    "uainn": ("uai", ""),
    "m": ("", "m"),
    "ng": ("", "ng"),
}
_TONES = {
    # Tâi-lô: (Mandarin, Cantonese)
    "1": ("1", "1"),  # 55
    "2": ("4", ""),  # 51
    "3": ("3", "4"),  # 21, in Mandarin the low tone without its rise
    "4": ("", "3"),  # 3 on a stop
    "5": ("2", "2"),  # 24; Mandarin 35, Cantonese 25
    "6": ("4", ""),  # pronounced as 2
    "7": ("", "3 6"),  # 33; Cantonese 33 and 22
    "8": ("1", "1"),  # 5 on a stop
    "9": ("2", "2"),  # 35
}


def _pairs(languages: tuple[str, ...], names: tuple[str, ...], form: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (language, unit if language in (ENGLISH, ARABIC) else form.format(unit))
        for language, units in zip(languages, names, strict=True)
        for unit in units.split()
    )


def _glottal(finals: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Every final that does not end in a consonant, also with the glottal stop."""
    consonants = ("am", "im", "om", "an", "in", "un", "ang", "ing", "ong", "p", "t", "k")
    return {f"{final}h": pair for final, pair in finals.items() if not final.endswith(consonants)}


UNITS = (
    {
        f"{unit}-": _pairs((MANDARIN, CANTONESE, ENGLISH, ARABIC), names, "{}-")
        for unit, names in _INITIALS.items()
    }
    | {
        f"-{unit}": _pairs((MANDARIN, CANTONESE), names, "-{}")
        for unit, names in (_FINALS | _glottal(_FINALS)).items()
    }
    | {unit: _pairs((MANDARIN, CANTONESE), names, "{}") for unit, names in _TONES.items()}
)
"""Tâi-lô unit to the (language, unit) pairs whose rows it starts from."""
