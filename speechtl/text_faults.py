"""What makes a text unusable, found before anything is trained or scored on it."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from speechtl.conversion import converts
from speechtl.orthographies import KNOWN, orthography, regionless


class TextFault(NamedTuple):
    """Why a text cannot be trained or scored on."""

    kind: Literal["no text", "text not understood"]
    message: str


@lru_cache(maxsize=4096)
def text_fault(language: str, text: str) -> TextFault | None:
    """What is wrong with a text under its orthography; None when it can be cut into units.

    Raises:
        ValueError: The tag does not choose an orthography.
    """
    rules = orthography(language)
    try:
        units = rules.units(text)
    except ValueError as error:
        hint = _declared_otherwise(language, text) or _written_otherwise(language, text)
        return TextFault("text not understood", f"{error}{hint}")
    return None if units else TextFault("no text", f"{text!r}: nothing in it is spoken")


def _declared_otherwise(language: str, text: str) -> str:
    """A hint where the text is well-formed in another romanisation of the same language."""
    for tag in KNOWN:
        if regionless(language) != tag and converts(tag, language):
            try:
                orthography(tag).units(text)
            except ValueError:
                continue
            return f"; it is well-formed {tag}: give that as its language (of some rows: a column `language`)"
    return ""


def _written_otherwise(language: str, text: str) -> str:
    """A hint where only the form of some characters is strange, such as full-width letters and digits."""
    usual = unicodedata.normalize("NFKC", text)
    if unicodedata.normalize("NFC", text) != usual:
        try:
            orthography(language).units(usual)
        except ValueError:
            return ""
        return f"; it has full-width or other compatibility characters: {usual!r} would be read"
    return ""
