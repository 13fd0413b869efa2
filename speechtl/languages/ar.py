"""Arabic in Arabic script: the consonantal skeleton that writers agree on.

Tatweel is a typographic stretch and is removed; so are the vowel and Koranic marks, which ordinary text
leaves out, but for hamza above and below; presentation forms are letters in one shape and become them; the
forms of alef (with hamza above or below, madda, wasla) become the bare alef, because writers mix them freely
(Larkey, Ballesteros and Connell 2002, section 3; Habash 2010, chapter 3). Final ya, ta marbuta and hamza on
other letters stay: they change the word.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from speechtl.languages.base import Orthography

_HAMZAS = "\u0654\u0655"
_MADDA = "\u0653"
_BLOCKS = (range(0x0600, 0x0700), range(0x0750, 0x0780), range(0x0870, 0x0900))
_REMOVED = "\u0640\u06e5\u06e6" + "".join(
    chr(code)
    for block in _BLOCKS
    for code in block
    if unicodedata.category(chr(code)) == "Mn" and chr(code) not in _HAMZAS + _MADDA
)
_SHAPES = re.compile("[\ufb50-\ufdff\ufe80-\ufefc]+")
_ISOLATED_MARKS = re.compile("[\ufe70-\ufe7f]")
_SKELETON = str.maketrans(dict.fromkeys(_REMOVED, "") | dict.fromkeys("أإآٱ", "ا"))


@dataclass(frozen=True)
class Arabic(Orthography):
    """Arabic without tatweel, vowel marks and the variants of alef."""

    def normalise(self, text: str) -> str:
        """The canonical form; see `Orthography.normalise`."""
        text = _ISOLATED_MARKS.sub("", _SHAPES.sub(_plain, text))
        bare = super().normalise(unicodedata.normalize("NFC", text).translate(_SKELETON))
        # Without what stood between them, an alef and its mark compose again; a madda that does not is none.
        while (plain := _composed(bare)) != bare or (plain := _composed(bare.replace(_MADDA, ""))) != bare:
            bare = plain
        return bare


def _plain(shapes: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", shapes[0])


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text.translate(_SKELETON))


ORTHOGRAPHY = Arabic("ar")
