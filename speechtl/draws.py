"""Draw some of a corpus's utterances by hashes of their ids, so that the same ones come everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speechtl.partition import hash_fraction

if TYPE_CHECKING:
    import pyarrow


def at_least(
    seconds: float,
    ids: pyarrow.ChunkedArray,
    durations: NDArray[np.float64],
    seed: int,
    languages: Sequence[str] = (),
) -> NDArray[np.int64]:
    """Sorted positions of utterances that last so long together, by one utterance at most more.

    They are taken in the order of the hash of seed and id, so fewer seconds lie inside more. With the
    languages of the utterances the first one of each comes before all others.
    """
    order = np.argsort(_keys(ids, f"{seed} "), kind="stable")
    if languages:
        order = np.array(_one_of_each_first(order.tolist(), languages), dtype=np.int64)
    reached = np.cumsum(durations[order])
    count = int(np.searchsorted(reached, seconds - 1e-6)) + 1
    return np.sort(order[:count])


def spread(
    count: int, ids: pyarrow.ChunkedArray, texts: Sequence[str], seed: int, languages: Sequence[str] = ()
) -> list[int]:
    """Sorted positions of so many utterances, no text again before every text has come.

    Within that they are taken in the order of the hash of seed and id, so fewer lie inside more. With the
    languages of the utterances the first one of each comes before all others.
    """
    taken: Counter[str] = Counter()
    turns = []
    for place, index in enumerate(np.argsort(_keys(ids, f"{seed} "), kind="stable").tolist()):
        taken[texts[index]] += 1
        turns.append((taken[texts[index]], place, index))
    order = [index for _, _, index in sorted(turns)]
    return sorted((_one_of_each_first(order, languages) if languages else order)[:count])


def _one_of_each_first(order: Sequence[int], languages: Sequence[str]) -> list[int]:
    """Positions in their order, but the first one of each language before all others."""
    first: dict[str, int] = {}
    for index in order:
        first.setdefault(languages[index], index)
    chosen = set(first.values())
    return [*first.values(), *(index for index in order if index not in chosen)]


def first_per_group(ids: pyarrow.ChunkedArray, groups: Sequence[str], count: int) -> list[int]:
    """Sorted positions of at most so many utterances of each group, in the order of the hash of their ids."""
    taken: Counter[str] = Counter()
    kept = []
    for index in np.argsort(_keys(ids), kind="stable").tolist():
        taken[groups[index]] += 1
        if taken[groups[index]] <= count:
            kept.append(index)
    return sorted(kept)


def _keys(ids: pyarrow.ChunkedArray, salt: str = "") -> NDArray[np.float64]:
    """(utterances,) hashes in [0, 1); ids become Python's a few at a time."""
    from speechtl.corpus_table import pieces

    keys = (hash_fraction(f"{salt}{id_}") for piece in pieces(ids) for id_ in piece)
    return np.fromiter(keys, float, len(ids))
