"""What a language model counts: syllables, Han characters or words, as the orthography has them."""

from __future__ import annotations

from speechtl.languages.base import Orthography


def tokens(rules: Orthography, text: str) -> list[str]:
    """The tokens of a text, of its first reading where several are printed.

    They are what the orthography's main error counts, in canonical spelling:

    - Where spaces separate words (English, Arabic, ...), words.
    - In romanisations of spaced syllables (Tâi-lô, Pe̍h-ōe-jī, pinyin, jyutping), syllables with their tone.
      Hyphens join syllables to words there, but speech tells nothing of them, recognised text has none, and
      people set them differently; words would also be too many for minutes of text. A syllable in the
      neutral tone (`--lâi`) is a token of its own, since its mark is a unit of the recogniser.
    - In Han texts, characters, digits, words in Latin letters and romanised syllables.
    - In other scripts without spaces between words (Thai, ...), letters with their marks.

    >>> from speechtl.text import orthography
    >>> tokens(orthography("nan-Latn-tailo"), "Tâi-uân--lâng!")
    ['tâi', 'uân', '--lâng']
    >>> tokens(orthography("cmn-Hans"), "我有 iPhone。")
    ['我', '有', 'iphone']
    """
    normal = rules.normalise(text)
    return normal.split() if rules.words else rules.characters(normal)
