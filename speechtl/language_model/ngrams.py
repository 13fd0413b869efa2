"""An n-gram model with back-off: the probability of a token after those before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

START, END, UNKNOWN = "<s>", "</s>", "<unk>"
_NEVER = -100.0
"""log10 of an unknown token's probability in a model without one for it, as KenLM has it."""

Ngram = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class NgramModel:
    """Probabilities of n-grams, and what is left for those that were not seen (Katz 1987, ARPA's form).

    p(w | h) is that of the n-gram h w where it is listed, else backoff(h) · p(w | h without its first token).
    """

    order: int
    """Length of the longest n-grams."""
    probabilities: Mapping[Ngram, float]
    """log10 p of the last token after the others."""
    backoffs: Mapping[Ngram, float]
    """log10 of the factor for what was not seen after these tokens; 0 for those that are absent."""

    @property
    def vocabulary(self) -> list[str]:
        """The known tokens in code point order, without the marks of start, end and the unknown."""
        special = {START, END, UNKNOWN}
        return sorted(ngram[0] for ngram in self.probabilities if len(ngram) == 1 and ngram[0] not in special)

    @property
    def counts(self) -> list[int]:
        """Numbers of n-grams of length 1, 2, ... up to the order."""
        numbers = [0] * self.order
        for ngram in self.probabilities:
            numbers[len(ngram) - 1] += 1
        return numbers

    @property
    def start(self) -> Ngram:
        """What stands before the first token."""
        return (START,)

    def knows(self, token: str) -> bool:
        """Whether a token is in the vocabulary."""
        return (token,) in self.probabilities

    def step(self, history: Ngram, token: str) -> tuple[float, Ngram]:
        """log10 p(token | history), and the history after it.

        Args:
            history: `start`, or what the last step gave.
            token: the next one, or END.
        """
        known = token if self.knows(token) else UNKNOWN
        left_out = 0.0
        following = (*history, known)[-(self.order - 1) :]
        for first in range(len(history) + 1):
            context = history[first:]
            if (listed := self.probabilities.get((*context, known))) is not None:
                return left_out + listed, following
            left_out += self.backoffs.get(context, 0.0)
        return left_out + _NEVER, following

    def perplexity(self, sentences: Iterable[Sequence[str]]) -> Perplexity:
        """How well the model foresees sentences of tokens."""
        known = unknown = 0
        total = total_known = 0.0
        for sentence in sentences:
            history = self.start
            for token in (*sentence, END):
                is_known = self.knows(token)
                value, history = self.step(history, token)
                total += value
                total_known += value if is_known else 0.0
                known, unknown = known + is_known, unknown + (not is_known)
        return Perplexity(known, unknown, total, total_known)


@dataclass(frozen=True)
class Perplexity:
    """How well a model foresees a text; sentence ends count as known tokens."""

    known: int
    unknown: int
    log10: float
    """Of the whole text."""
    log10_known: float
    """Of its known tokens."""

    @property
    def value(self) -> float:
        """Over the known tokens, as is customary: 10^(-log10 p / tokens)."""
        return _perplexity(self.log10_known, self.known)

    @property
    def with_unknown(self) -> float:
        """Over all tokens, the unknown ones at the probability of `<unk>`."""
        return _perplexity(self.log10, self.known + self.unknown)


def _perplexity(log10: float, count: int) -> float:
    return 10 ** (-log10 / count) if count else float("nan")
