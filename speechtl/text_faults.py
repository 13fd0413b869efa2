"""What makes a text unusable, found before anything is trained or scored on it."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from speechtl.text import orthography


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
        return TextFault("text not understood", str(error))
    return None if units else TextFault("no text", f"{text!r}: nothing in it is spoken")
