"""Texts in Han characters, romanised words and foreign ones among them included.

Han writing marks no words, so an error rate over characters is the one that means something. Where other
scripts stand between the characters, recognisers of mixed speech are scored by the mixed error rate: a
character of the one, a word of the other language (Lyu et al. 2010, SEAME). Accordingly

- a Han character, a kana or a bopomofo is a token, and so is a digit;
- a word in Latin letters is one token (`iphone`, `don't`);
- in Taiwanese, where most such words are Taiwanese too (漢羅: `我 beh 去 Tâi-pak`), a romanised syllable is
  one token. Tâi-lô and Pe̍h-ōe-jī both are read, since texts mix them, and written as Tâi-lô: `chia̍h` is
  `tsia̍h`. Foreign words that happen to spell a syllable (`he`) are taken for it, which changes few.

Tokens are the units of a tokenizer and what the character error counts. In the normalised text a space
stands beside each token in letters, none between Han characters. Besides:

- Characters stay as they are written: no conversion between simplified and traditional ones, none between
  variants; full-width letters and digits become ordinary ones (Unicode's compatibility mapping).
- Punctuation separates words, letters become small, `--` and hyphens are spaces.
- A slash separates whole alternatives of as many tokens, as in Tâi-lô (`阿母/老母`); else (`姓名和/或電話`),
  and between digits (`5/20`), it is punctuation. The marks of reading of the Ministry's dictionary
  (`一【替】`) are removed.
- A bracket after Han characters that holds nothing but Taiwanese syllables says how they are read, as in
  Common Voice (`食飯（tsia̍h-pn̄g）`), and is removed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from speechtl.languages.base import Orthography, is_latin, letters
from speechtl.languages.nan_latn_pehoeji import ORTHOGRAPHY as PEHOEJI
from speechtl.languages.nan_latn_pehoeji import typed
from speechtl.languages.nan_latn_tailo import ORTHOGRAPHY as TAILO
from speechtl.languages.syllables import Token, dotted, whole_readings
from speechtl.languages.taiwanese import without_reading_marks

_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x200C: None, 0x200D: None}
"""Full-width forms to ordinary ones; joiners, which mean nothing here, to nothing."""
_ALTERNATIVES = re.compile("(?<![0-9])/|/(?![0-9])")
_BRACKET = re.compile(r"\(([^()]*)\)")
_HAN = ("CJK ", "IDEOGRAPHIC ", "BOPOMOFO ", "HIRAGANA ", "KATAKANA ")
_DIGITS = "0123456789"


@dataclass(frozen=True)
class HanOrthography(Orthography):
    """Han characters, each a unit, and what else stands among them."""

    is_taiwanese: bool = False
    """Whether words in Latin letters may be Taiwanese syllables."""

    @property
    def words(self) -> bool:
        """No: words are not marked."""
        return False

    def normalise(self, text: str) -> str:
        """The canonical form of the first reading; see the module."""
        return self.alternatives(text)[0]

    def alternatives(self, text: str) -> tuple[str, ...]:
        """Every printed reading, normalised, without repetition, in the printed order."""
        return tuple(dict.fromkeys(_joined(list(self._tokens(reading))) for reading in self._readings(text)))

    def units(self, text: str) -> list[str]:
        """Han characters, digits, words in letters and romanised syllables."""
        return list(self._tokens(self._readings(text)[0]))

    def characters(self, text: str) -> list[str]:
        """What the character error counts: the tokens."""
        return self.units(text)

    def spell(self, units: Sequence[str]) -> str:
        """The text of the tokens."""
        return self.normalise(" ".join(units))

    def _readings(self, text: str) -> list[str]:
        plain = without_reading_marks(unicodedata.normalize("NFC", text).translate(_PLAIN))
        if self.is_taiwanese:
            plain = _BRACKET.sub(lambda found: " " if _is_reading(found) else found[0], plain)
        parts = [part for part in _ALTERNATIVES.split(plain) if part.strip()] or [""]
        return whole_readings(parts, (len(list(self._tokens(part))) for part in parts))

    def _tokens(self, reading: str) -> Iterator[str]:
        if self.is_taiwanese:
            reading = typed(dotted(reading))
        for word in super().normalise(reading).split():
            for letters_, digits in _runs(word):
                yield from self._romanised(letters_, digits)

    def _romanised(self, word: str, digits: str) -> Iterator[str]:
        """The tokens of a word in letters, or of a character, with the digits after it."""
        if self.is_taiwanese and word:
            for number in (digits[:1], ""):
                if syllable := _syllable(word + number):
                    yield syllable
                    yield from digits[len(number) :]
                    return
        if word:
            yield word
        yield from digits


def _is_reading(bracket: re.Match[str]) -> bool:
    """Whether a bracket says how the Han characters before it are read."""
    follows_han = any(_is_han(character) for character in bracket.string[: bracket.start()])
    readings = [PEHOEJI.tokens(reading) for reading in re.split("[/,;]", bracket[1])]
    return follows_han and all(tokens and all(map(_is_syllable, tokens)) for tokens in readings)


@lru_cache(maxsize=10_000)
def _syllable(word: str) -> str | None:
    """A word as a syllable of Tâi-lô; None if it is none."""
    token, *more = PEHOEJI.tokens(word) or [Token(False, "", None)]
    return None if more or token.parts is None or not _is_syllable(token) else TAILO.canonical(token.parts)


def _is_syllable(token: Token) -> bool:
    return token.parts is not None and PEHOEJI.scheme.carries(token.parts.final, token.parts.tone)


def _runs(word: str) -> Iterator[tuple[str, str]]:
    """A word cut into words in Latin letters and single other characters, each with the digits after it.

    A mark or an apostrophe without a letter belongs to no word and vanishes.
    """
    run = digits = ""
    for letter in letters(word):
        if letter in _DIGITS:
            digits += letter
            continue
        if unicodedata.category(letter[0])[0] == "M" or (letter[0] == "'" and (digits or not _is_latin(run))):
            continue
        if _is_latin(letter) and _is_latin(run) and not digits:
            run += letter
            continue
        if run or digits:
            yield run.rstrip("'"), digits
        run, digits = letter, ""
    if run or digits:
        yield run.rstrip("'"), digits


def _joined(tokens: list[str]) -> str:
    """Tokens as a text: a space wherever one of the neighbours is in letters."""
    text = ""
    for before, token in zip(["", *tokens], tokens, strict=False):
        close = not before or (_is_han(before) and _is_han(token))
        text += token if close else f" {token}"
    return text


def has_han(text: str) -> bool:
    """Whether a text has a Han character, or one of the syllabaries that are written among them.

    >>> has_han("我食飯"), has_han("guá")
    (True, False)
    """
    return any(unicodedata.name(character, "").startswith(_HAN) for character in text)


@lru_cache(maxsize=10_000)
def _is_han(token: str) -> bool:
    return token[0] in _DIGITS or unicodedata.name(token[0], "").startswith(_HAN)


def _is_latin(run: str) -> bool:
    return run[:1] == "'" or (run[:1].isalpha() and is_latin(run[:1]))
