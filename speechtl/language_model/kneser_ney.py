"""Estimation of n-gram models by interpolated modified Kneser-Ney smoothing.

Chen and Goodman 1998, section 3, in the form of Heafield et al. 2013, section 3 (KenLM's lmplz): the longest
n-grams have their counts, shorter ones the number of different tokens that stand before them (those that
begin a sentence, before which nothing stands, keep their counts); from each count a discount of its size
class is taken and given to the next shorter model, and at the end to all tokens alike, the unknown one too.

The discounts are estimated from the numbers of n-grams that were counted once, twice, three and four times
(Chen and Goodman 1998, equation 26). Minutes of text may have none of a class, or estimates outside
0 ... class; an order for which that happens has the fixed discounts ½, 1 and 1½, as KenLM's fallback does.
Kneser-Ney rather than Witten-Bell, since the texts of this project are short: most tokens begin or end one,
and counting what a token follows keeps those that are frequent only there from being likely everywhere.
"""

from __future__ import annotations

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from speechtl.faults import listed
from speechtl.language_model.ngrams import END, START, UNKNOWN, Ngram, NgramModel

FALLBACK = (0.5, 1.0, 1.5)
"""Discounts of n-grams counted once, twice, and three times or more, where they cannot be estimated."""
_IMPOSSIBLE = -99.0
"""ARPA's log10 of zero: no text has a start inside."""
_log = logging.getLogger(__name__)


class _Context(NamedTuple):
    total: int
    """Sum of the counts of all that follows."""
    backoff: float
    """Share of the probability that is left for the shorter model."""


def estimate(sentences: Iterable[Sequence[str]], order: int = 3) -> NgramModel:
    """The model of some sentences of tokens.

    Where no sentence is long enough for an n-gram of the order, the model has the highest that there is.

    Args:
        sentences: tokens of each; empty ones count for nothing.
        order: length of the longest n-grams, at least 2; a sentence's start and end count as tokens.

    Raises:
        ValueError: the order is below 2, there are no sentences, or some have a token that is reserved.
    """
    if order < 2:
        raise ValueError(f"a language model of order {order}; at least 2 is needed")
    padded = [(START, *sentence, END) for sentence in sentences if sentence]
    if not padded:
        raise ValueError("no texts to estimate a language model from")
    _refuse_reserved(padded)
    longest = max(map(len, padded))
    if longest < order:
        _log.warning("no text is long enough for order %d: the language model has order %d", order, longest)
        order = longest
    counts = _adjusted(padded, order)
    vocabulary = {ngram[0] for ngram in counts[0]} | {UNKNOWN}
    probabilities: dict[Ngram, float] = {(): 1 / len(vocabulary)}
    backoffs: dict[Ngram, float] = {}
    for numbers in counts:
        discounts = _discounts(numbers)
        contexts = _contexts(numbers, discounts)
        for ngram, count in numbers.items():
            context = contexts[ngram[:-1]]
            shorter = probabilities[ngram[1:]]
            kept = (count - discounts[min(count, 3) - 1]) / context.total
            probabilities[ngram] = kept + context.backoff * shorter
        backoffs |= {context: entry.backoff for context, entry in contexts.items()}
        if len(next(iter(numbers))) == 1:
            probabilities[(UNKNOWN,)] = backoffs[()] * probabilities[()]
    del probabilities[()], backoffs[()]
    listed_ = {ngram: math.log10(value) for ngram, value in probabilities.items()}
    listed_[(START,)] = _IMPOSSIBLE
    return NgramModel(order, listed_, {ngram: math.log10(value) for ngram, value in backoffs.items()})


def _refuse_reserved(padded: Iterable[Ngram]) -> None:
    reserved = {START, END, UNKNOWN}
    bad = sorted({token for sentence in padded for token in sentence[1:-1] if token in reserved})
    spaced = sorted({token for s in padded for token in s if not token or token.split() != [token]})
    if bad or spaced:
        raise ValueError(
            f"tokens that a language model cannot have: {listed([repr(token) for token in bad + spaced])}; "
            "they are reserved, empty or hold spaces"
        )


def _adjusted(padded: Sequence[Ngram], order: int) -> list[Mapping[Ngram, int]]:
    """Counts of n-grams of length 1 ... order, the start alone left out; see the module."""
    counts: list[Mapping[Ngram, int]] = [
        Counter(
            sentence[first : first + order]
            for sentence in padded
            for first in range(len(sentence) - order + 1)
        )
    ]
    for length in range(order - 1, 0, -1):
        shorter: Counter[Ngram] = Counter(ngram[1:] for ngram in counts[0])
        shorter.update(sentence[:length] for sentence in padded if length > 1 and len(sentence) >= length)
        counts.insert(0, shorter)
    return counts


def _discounts(counts: Mapping[Ngram, int]) -> tuple[float, float, float]:
    """What is taken from counts of 1, 2, and 3 or more."""
    once, twice, thrice, four_times = (Counter(counts.values())[number] for number in (1, 2, 3, 4))
    if not (once and twice and thrice and four_times):
        return FALLBACK
    share = once / (once + 2 * twice)
    estimated = (
        1 - 2 * share * twice / once,
        2 - 3 * share * thrice / twice,
        3 - 4 * share * four_times / thrice,
    )
    possible = all(0 < discount < size for size, discount in enumerate(estimated, start=1))
    return estimated if possible else FALLBACK


def _contexts(counts: Mapping[Ngram, int], discounts: Sequence[float]) -> dict[Ngram, _Context]:
    totals: dict[Ngram, int] = defaultdict(int)
    taken: dict[Ngram, float] = defaultdict(float)
    for ngram, count in counts.items():
        totals[ngram[:-1]] += count
        taken[ngram[:-1]] += discounts[min(count, 3) - 1]
    return {context: _Context(total, taken[context] / total) for context, total in totals.items()}
