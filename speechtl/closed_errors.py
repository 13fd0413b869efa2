"""Errors of closed decisions, as they come and balanced over the words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from speechtl.metrics import Counts

CLOSED, BALANCED = "closed", "closed_balanced"
SCALE = 1000
"""Weight of an utterance whose word is as frequent as words are on average."""


def closed_counts(words: Sequence[Hashable], are_wrong: Sequence[bool]) -> list[dict[str, Counts]]:
    """The counts `closed` of each utterance, and `closed_balanced` where words are unequally frequent.

    The balanced error is the mean over the words of the error on each, so that a frequent word counts no more
    than another, and always deciding for it is no help. It is a ratio of sums as all errors are: an utterance
    of a word that comes n times, among N utterances of K words, counts N / (K n) errors of as many, in whole
    thousandths. So it can be pooled, bootstrapped and compared; in resampled sets, where words come more or
    less often than in the whole, it is the balanced error nearly.

    >>> counts = closed_counts(["one", "one", "one", "eight"], [False, False, True, True])
    >>> sum(each["closed"].errors for each in counts) / 4
    0.5
    >>> balanced = [each["closed_balanced"] for each in counts]
    >>> round(sum(one.errors for one in balanced) / sum(one.total for one in balanced), 3)
    0.667

    Args:
        words: What each utterance is, (utterances,).
        are_wrong: Whether something else was decided, (utterances,).
    """
    frequencies = Counter(words)
    mean = len(words) / max(1, len(frequencies))
    is_balanced = len(set(frequencies.values())) <= 1
    found = []
    for word, is_wrong in zip(words, are_wrong, strict=True):
        counts = {CLOSED: _counts(is_wrong, 1)}
        if not is_balanced:
            counts[BALANCED] = _counts(is_wrong, max(1, round(SCALE * mean / frequencies[word])))
        found.append(counts)
    return found


def _counts(is_wrong: bool, weight: int) -> Counts:
    errors = weight * is_wrong
    return Counts(errors=errors, total=weight, sub=errors)
