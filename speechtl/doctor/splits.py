"""What the doctor finds by comparing: the same sound twice, and what splits share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechtl.faults import Fault, counted

if TYPE_CHECKING:
    from speechtl.doctor.audio import Sounds
    from speechtl.doctor.subject import Subject
    from speechtl.doctor.texts import Texts


class Pairs(NamedTuple):
    """Utterances that have something in common with an earlier one."""

    later: NDArray[np.int64]
    """(pairs,) rows, each once."""
    earlier: NDArray[np.int64]
    """(pairs,) the row, of the first split that has the same, that each is like."""


def equal_pairs(
    values: NDArray[np.int64], rows: NDArray[np.int64], ranks: NDArray[np.int64], *, only_across: bool
) -> Pairs:
    """Every row with a value that an earlier one has, in the order of splits, then of rows.

    Args:
        values: (n,) what is compared.
        rows: (n,) the row that each value is of; a row may have several values.
        ranks: (utterances,) the split of each row.
        only_across: Whether rows of one split may have values in common.
    """
    order = np.lexsort((rows, ranks[rows], values))
    values, rows = values[order], rows[order]
    is_first = np.ones(len(values), dtype=bool)
    is_first[1:] = values[1:] != values[:-1]
    starts = np.flatnonzero(is_first)
    earlier = np.repeat(rows[starts], np.diff(starts, append=len(values)))
    is_like = ranks[rows] != ranks[earlier] if only_across else rows != earlier
    later, first = np.unique(rows[is_like], return_index=True)
    return Pairs(later, earlier[is_like][first])


def sound_faults(subject: Subject, sounds: Sounds) -> Iterator[Fault]:
    """The same sound in several utterances."""
    numbers = sounds.equal
    rows = np.flatnonzero(numbers >= 0)
    pairs = equal_pairs(numbers[rows], rows, subject.splits.ranks, only_across=False)
    for later, earlier in zip(pairs.later.tolist(), pairs.earlier.tolist(), strict=True):
        splits = [subject.value("split", row) for row in (later, earlier)]
        texts = [subject.value("text", row) for row in (later, earlier)]
        detail = f"the same sound as {subject.value('id', earlier)}"
        if texts[0] != texts[1]:
            detail += f", there with the text {texts[1]!r}, here {texts[0]!r}"
        if splits[0] == splits[1]:
            kind, mend = "duplicated audio", "remove one of the two"
        else:
            kind, mend = "duplicated audio across splits", "remove it from one: it makes the result untrue"
            detail += f"; that is in {splits[1]}, this in {splits[0]}"
        yield subject.fault(kind, mend, later, detail)


def shared_texts(subject: Subject, texts: Texts) -> tuple[list[Fault], list[Fault]]:
    """Texts in several splits: faults where the splits are said to share none, else a notice each."""
    usable = np.flatnonzero(texts.entries >= 0)
    entries = texts.entries[usable]
    counts = np.frombuffer(texts.key_counts, dtype=np.intc).astype(np.int64)
    starts = np.cumsum(counts) - counts
    rows = np.repeat(usable, counts[entries])
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts[entries]) - counts[entries], counts[entries])
    keys = np.frombuffer(texts.keys, dtype=np.int64)[np.repeat(starts[entries], counts[entries]) + within]
    return _shared(subject, "text", keys, rows)


def shared_speakers(subject: Subject) -> tuple[list[Fault], list[Fault]]:
    """Speakers in several splits: faults where the splits are said to share none, else a notice each."""
    numbers = subject.codes("speaker").numbers
    rows = np.flatnonzero(numbers >= 0)
    return _shared(subject, "speaker", numbers[rows], rows)


def _shared(
    subject: Subject, column: str, values: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[list[Fault], list[Fault]]:
    ranks = subject.splits.ranks
    later, earlier = equal_pairs(values, rows, ranks, only_across=True)
    if column in subject.claims:
        mend = f"split the corpus by {column} again, or remove the row"
        kind = f"{column} in several splits that are split by {column}"
        return [
            subject.fault(kind, mend, row, _both(subject, column, row, other))
            for row, other in zip(later.tolist(), earlier.tolist(), strict=True)
        ], []
    notices = []
    for rank, name in enumerate(subject.splits.names):
        here = later[ranks[later] == rank]
        if len(here):
            whole = counted(int((ranks == rank).sum()), "utterance")
            example = _both(subject, column, int(here[0]), int(earlier[ranks[later] == rank][0]))
            detail = f"{len(here)} of {whole} have a {column} of an earlier split, such as {example}"
            mend = f"hold out whole {column}s where results shall hold for new ones"
            notices.append(Fault(f"{column} in several splits", mend, name, detail))
    return [], notices


def _both(subject: Subject, column: str, row: int, other: int) -> str:
    values = [subject.value(column, one) for one in (row, other)]
    there = f"{subject.value('id', other)} in {subject.value('split', other)}"
    written = "" if values[0] == values[1] else f", written {values[1]!r}"
    return f"{values[0]!r}, also {there}{written}"
