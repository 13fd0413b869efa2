"""English: the 26 letters and the apostrophe, in lower case.

The alphabet of LibriSpeech (Panayotov et al. 2015). Accents, which English writers use or leave out
(cafe, naive), are removed; apostrophes, and the signs that are typed for them, stay inside words (don't) and
go at their edges, where they cannot be told from quotation marks.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from speechtl.languages.base import Orthography

_TYPED_APOSTROPHES = re.compile("(?<=[A-Za-z])[`\u00b4\u2032](?=[A-Za-z])")


@dataclass(frozen=True)
class English(Orthography):
    """English without accents."""

    def normalise(self, text: str) -> str:
        """The canonical form; see `Orthography.normalise`."""
        letters = unicodedata.normalize("NFD", text)
        plain = "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")
        return super().normalise(_TYPED_APOSTROPHES.sub("'", plain))


ORTHOGRAPHY = English("en")
