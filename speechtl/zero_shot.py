"""Zero-shot: speech decoded through the head of another language, whose syllables stand for its own.

Nothing is trained. What a source knows of a language that it never heard is the floor under every method
that adapts it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SyllableTable:
    """What the syllables of other languages are in a language that the model has not heard."""

    language: str
    """The orthography of the texts that come of it."""
    heads: Mapping[str, Mapping[str, str]]
    """By the orthography of a head: each of its syllables, as it spells them, and the syllable to write."""

    def respelled(self, head: str, text: str) -> str:
        """A text of a head's language in the table's; what the table does not have stays, and is an error.

        >>> table = SyllableTable("nan-Latn-tailo", {"cmn-Latn-pinyin": {"ma3": "mà"}})
        >>> table.respelled("cmn-Latn-pinyin", "ma3 m03")
        'mà m03'
        """
        syllables = self.heads[head]
        return " ".join(syllables.get(syllable, syllable) for syllable in text.split())

    def require_heads(self, known: Collection[str]) -> None:
        """Refuse a model without the heads of the table.

        Raises:
            ValueError: It lacks some; names those that it has.
        """
        if missing := [head for head in self.heads if head not in known]:
            raise ValueError(
                f"the syllable table is for heads of {', '.join(self.heads)}, and the model has none for "
                f"{', '.join(missing)}; it has heads for {', '.join(known)}. Choose a source with these "
                "heads, or a table for those that it has"
            )
