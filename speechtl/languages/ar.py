"""Arabic in Arabic script: the consonantal skeleton that writers agree on.

Tatweel is a typographic stretch and is removed; so are the vowel and Koranic marks, which ordinary text
leaves out; the forms of alef (with hamza above or below, madda, wasla) become the bare alef, because
writers mix them freely (Larkey, Ballesteros and Connell 2002, section 3; Habash 2010, chapter 3). Final
ya, ta marbuta and hamza on other letters stay: they change the word.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from speechtl.languages.base import Orthography

_REMOVED = "\u0640\u0670\u06e7\u06e8" + "".join(
    chr(code)
    for first, last in (
        (0x0610, 0x061A),
        (0x064B, 0x0652),
        (0x06D6, 0x06DC),
        (0x06DF, 0x06E4),
        (0x06EA, 0x06ED),
    )
    for code in range(first, last + 1)
)
_SKELETON = str.maketrans(dict.fromkeys(_REMOVED, "") | dict.fromkeys("أإآٱ", "ا"))


@dataclass(frozen=True)
class Arabic(Orthography):
    """Arabic without tatweel, vowel marks and the variants of alef."""

    def normalise(self, text: str) -> str:
        """The canonical form; see `Orthography.normalise`."""
        bare = super().normalise(unicodedata.normalize("NFC", text).translate(_SKELETON))
        # Without what stood between them, an alef and its mark compose again.
        while (plain := unicodedata.normalize("NFC", bare.translate(_SKELETON))) != bare:
            bare = plain
        return bare


ORTHOGRAPHY = Arabic("ar")
