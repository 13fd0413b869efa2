"""Cantonese in jyutping: small letters, each syllable with its tone digit, spaced.

The source of the rules is the Linguistic Society of Hong Kong, 粵語拼音方案 (1993), with the finals of its
additions for rare and colloquial syllables.

- Tones are 1 to 6, always written; a syllable without its digit is none. Syllables that run together are
  cut after their digits (`jyut6ping3`).
- Finals on -p -t -k carry 1 3 6 in words and 2 in changed tones (`dek2`), but recorded syllabaries hold all
  six, so every final may carry every tone.
- Syllabic m and ng stand alone or after h.
- yu is a vowel: alone (`yu1`), or after any initial; `jyu` is the initial j and the final yu. Both are
  kept as they are written.
- Hyphens and apostrophes separate as spaces do, capitals become small, a slash separates whole
  readings of as many syllables.
"""

from __future__ import annotations

import re

from speechtl.languages.syllables import (
    Parts,
    Scheme,
    SyllableOrthography,
    Table,
    digits_after,
    inventory,
    joined,
    slashed,
)

INITIALS = inventory("b p m f d t n l g k ng h gw kw w z c s j")
FINALS = inventory(
    "aa aai aau aam aan aang aap aat aak a ai au am an ang ap at ak "
    "e ei eu em en eng ep et ek i iu im in ing ip it ik o oi ou om on ong op ot ok "
    "u ui um un ung up ut uk oe oeng oet oek eoi eon eot yu yun yut m ng"
)
_SYLLABLE = re.compile(r"([a-z]+)([1-6])")


def _joins(initial: str, final: str) -> bool:
    return final not in {"m", "ng"} or initial in {"", "h"}


def _carries(final: str, tone: str) -> bool:
    return True


def _read(piece: str, table: Table) -> tuple[Parts, ...] | None:
    matched = _SYLLABLE.fullmatch(piece)
    if matched is None or matched[1] not in table:
        return None
    return (Parts(*table[matched[1]], matched[2]),)


ORTHOGRAPHY = SyllableOrthography(
    "yue-Latn-jyutping",
    Scheme(
        name="jyutping",
        example="jyut6 ping3",
        initials=INITIALS,
        finals=FINALS,
        tone_numbers="123456",
        tone_rule="any final carries 1 to 6",
        joins=_joins,
        carries=_carries,
        base=joined,
        mark=digits_after,
        read=_read,
        readings=slashed,
    ),
)
