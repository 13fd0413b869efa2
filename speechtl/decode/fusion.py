"""The language model's part in a search: what the tokens of a hypothesis add to its score."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from speechtl.language_model import NgramModel, read_arpa, tokens
from speechtl.language_model.ngrams import END, Ngram
from speechtl.languages.base import Orthography
from speechtl.text import Tokenizer, orthography
from speechtl.units import SPACE

Complete = Callable[[tuple[str, ...], str], tuple[list[str], tuple[str, ...]]]
"""From what is open and the next unit: the tokens that it finishes, and what is open then."""

_MOST_READS = 500_000
"""Steps that are remembered before all are forgotten, some 200 MB."""


class Reading(NamedTuple):
    """How far the language model has read a hypothesis."""

    history: Ngram
    open: tuple[str, ...]
    """The token that is not finished, in units or letters."""
    score: float
    """Weighted log-probability, with the bonus, of the finished tokens, in nats."""


@dataclass(eq=False)
class Fusion:
    """Scores of token sequences, weight · ln p + bonus for each token (Hannun et al. 2014, equation 3)."""

    tokenizer: Tokenizer
    model: NgramModel | None
    weight: float
    bonus: float
    _reads: dict[tuple[Ngram, tuple[str, ...], int], tuple[float, Ngram, tuple[str, ...]]] = field(
        default_factory=dict, repr=False
    )
    """What is known of a history, what is open and the next unit: gain, history and what is open then."""

    def __post_init__(self) -> None:
        self._complete = _completion(self.tokenizer)

    @property
    def start(self) -> Reading:
        """Nothing read."""
        return Reading(self.model.start if self.model else (), (), 0.0)

    def read(self, before: Reading, unit: int) -> Reading:
        """The reading after one more unit id."""
        gain, history, left_open = self._read(before.history, before.open, unit)
        return Reading(history, left_open, before.score + gain)

    def gain(self, before: Reading, unit: int) -> float:
        """What one more unit id adds to the score."""
        return self._read(before.history, before.open, unit)[0]

    def _read(
        self, history: Ngram, left_open: tuple[str, ...], unit: int
    ) -> tuple[float, Ngram, tuple[str, ...]]:
        key = (history, left_open, unit)
        if (known := self._reads.get(key)) is None:
            finished, open_then = self._complete(left_open, self.tokenizer.units[unit - 1])
            gain, history = self._scored(history, finished)
            if len(self._reads) >= _MOST_READS:
                self._reads.clear()
            known = self._reads[key] = (gain, history, open_then)
        return known

    def finish(self, before: Reading) -> float:
        """The score of a hypothesis that ends here: its open token is finished, and the text too."""
        return before.score + self._ended(before.history, self._rest(before.open))

    def score(self, tokens: Sequence[str]) -> float:
        """The score of a whole text of tokens."""
        return self._ended(self.start.history, tokens)

    def _ended(self, history: Ngram, finished: Sequence[str]) -> float:
        """What the last tokens of a text and its end add."""
        gain, history = self._scored(history, finished)
        return gain + (self.weight * self._step(history, END)[0] if self.model else 0.0)

    def _rest(self, left_open: tuple[str, ...]) -> list[str]:
        if not left_open:
            return []
        rules = orthography(self.tokenizer.language)
        if self.tokenizer.has_grammar:
            return rules.spell(left_open).split()
        return tokens(rules, "".join(left_open))

    def _scored(self, history: Ngram, finished: Sequence[str]) -> tuple[float, Ngram]:
        """What finished tokens add, and the history after them."""
        gain = 0.0
        for token in finished:
            gain += self.bonus
            if self.model is not None:
                value, history = self._step(history, token)
                gain += self.weight * value
        return gain, history

    def _step(self, history: Ngram, token: str) -> tuple[float, Ngram]:
        """ln p(token | history) and the next history."""
        assert self.model is not None
        value, following = self.model.step(history, token)
        return value * math.log(10), following


def language_model(path: str) -> NgramModel:
    """The model in an ARPA file, which is read once as long as it does not change.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no whole ARPA file.
    """
    changed = Path(path).stat().st_mtime_ns if Path(path).is_file() else 0
    return _read(path, changed)


@lru_cache(maxsize=4)
def _read(path: str, changed: int) -> NgramModel:
    return read_arpa(path)


def _completion(tokenizer: Tokenizer) -> Complete:
    """When a token of the language model is finished.

    A syllable is finished by its tone, a unit that is a whole token at once, a word by the space before the
    next one, and a letter of an unspaced script by the next letter, since marks may follow it.
    """
    rules = orthography(tokenizer.language)
    if tokenizer.has_grammar:
        return lambda left_open, unit: _syllable(rules, (*left_open, unit))
    if tokenizer.kind == "syllables" or (tokenizer.kind != "sentencepiece" and _has_spaced_units(rules)):
        return lambda left_open, unit: ([unit], ())
    if rules.words:
        return lambda left_open, unit: _words(rules, "".join(left_open) + unit.replace(SPACE, " "))
    return lambda left_open, unit: _letters(rules, "".join(left_open) + unit.replace(SPACE, " "))


def _has_spaced_units(rules: Orthography) -> bool:
    """Whether units are tokens whatever stands beside them, as in Han texts."""
    return not rules.words and rules.spell(["a", "b"]) == "a b"


def _syllable(rules: Orthography, units: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    return ([rules.spell(units)], ()) if rules.follows(units[-1], None) else ([], units)


def _words(rules: Orthography, text: str) -> tuple[list[str], tuple[str, ...]]:
    *finished, left_open = text.split(" ")
    return [token for word in finished for token in tokens(rules, word)], (left_open,) * bool(left_open)


def _letters(rules: Orthography, text: str) -> tuple[list[str], tuple[str, ...]]:
    *finished, left_open = rules.characters(text) or [""]
    return finished, (left_open,) * bool(left_open)
