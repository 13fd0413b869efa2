"""The scripts that a text is written in, by the names that Unicode gives its letters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_NAMES = {"CJK": "Han", "IDEOGRAPHIC": "Han", "HIRAGANA": "Kana", "KATAKANA": "Kana"}
_STYLES = frozenset({"FULLWIDTH", "HALFWIDTH", "MATHEMATICAL", "DOUBLE-STRUCK", "BLACK-LETTER", "SCRIPT"})


def scripts_of(text: str) -> frozenset[str]:
    """The scripts of a text's letters; marks, digits and raised letters belong to any.

    >>> sorted(scripts_of("tsi̍t 石頭 1"))
    ['Han', 'Latin']
    """
    return frozenset(name for character in set(text) if (name := _script(character)))


@lru_cache(maxsize=8192)
def _script(character: str) -> str:
    """The script of one letter, empty for what is no letter or belongs to several."""
    if unicodedata.category(character) not in {"Lu", "Ll", "Lt", "Lo"}:
        return ""
    words = unicodedata.name(character, "").split()
    while words and words[0] in _STYLES:
        words.pop(0)
    if len(words) < 2 or words[1] == "ORDINAL":  # ª and º
        return ""
    first = words[0].split("-")[0]
    return _NAMES.get(first, first.capitalize())
