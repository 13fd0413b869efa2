"""What the doctor examines, whatever it was read from: one table, and the faults met while reading it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechtl.faults import Fault

if TYPE_CHECKING:
    import pyarrow

    from speechtl.formats.listing import Recorded

_USUAL = ("train", "dev", "test")


class Codes(NamedTuple):
    """A column as numbers of its distinct values."""

    numbers: NDArray[np.int64]
    """(utterances,), -1 where there is no value."""
    values: pyarrow.Array
    """The distinct values, as Arrow: there may be as many as utterances."""


@dataclass(frozen=True)
class Subject:
    """Utterances to be examined, one row of the table each."""

    name: str
    format: str
    rows: int
    """All that were met, those included that are no utterances."""
    table: pyarrow.Table
    """The columns of a corpus; a language may be absent."""
    faults: Sequence[Fault] = ()
    """What was found wrong by reading alone."""
    claims: frozenset[str] = frozenset()
    """What the splits are said not to share: text, speaker."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What its preparation could not use, counted by reason."""
    places: Sequence[str] = ()
    """Where each utterance stands; its id where this is empty."""
    numbers: Sequence[int] = ()
    """The manifest's row of each utterance; its own place where this is empty."""
    others: Sequence[Recorded] = ()
    """Recordings of rows that are no utterances, since something else is wrong with them."""
    needs_text: bool = True
    """Whether an utterance without a text is a fault."""
    clips: str = ""
    """The folder of files that exist only while this is examined."""

    def __len__(self) -> int:
        return len(self.table)

    def where(self, row: int) -> str:
        """Where an utterance stands."""
        return self.places[row] if self.places else self.value("id", row)

    def fault(self, kind: str, mend: str, row: int, detail: str = "") -> Fault:
        """Something wrong with an utterance."""
        return Fault(kind, mend, self.where(row), detail, self.numbers[row] if self.numbers else row)

    def value(self, column: str, row: int) -> str:
        """One value of a column."""
        return str(self.table.column(column)[row].as_py())

    def codes(self, column: str) -> Codes:
        """A column as numbers."""
        import pyarrow

        encoded = self.table.column(column).dictionary_encode().unify_dictionaries()
        if not encoded.num_chunks:
            return Codes(np.zeros(0, dtype=np.int64), pyarrow.array([], pyarrow.string()))
        numbers = [chunk.indices.fill_null(-1).to_numpy() for chunk in encoded.chunks]
        return Codes(np.concatenate(numbers).astype(np.int64), encoded.chunk(0).dictionary)

    @cached_property
    def splits(self) -> Splits:
        """Which split each utterance is in."""
        numbers, values = self.codes("split")
        names = [str(value) for value in values.to_pylist()]
        order = sorted(range(len(names)), key=lambda number: split_key(names[number]))
        rank = np.empty(len(names), dtype=np.int64)
        rank[order] = np.arange(len(names))
        return Splits(rank[numbers], tuple(names[number] for number in order))


@dataclass(frozen=True)
class Splits:
    """The split of each utterance."""

    ranks: NDArray[np.int64]
    """(utterances,) which of the names."""
    names: tuple[str, ...]
    """Train, dev and test first, then others by name."""

    def is_in(self, name: str) -> NDArray[np.bool_]:
        """Which utterances (utterances,) are in a split, none if there is no such split."""
        number = self.names.index(name) if name in self.names else -1
        inside: NDArray[np.bool_] = self.ranks == number
        return inside


def split_key(split: str) -> tuple[int, str]:
    """Sorts train, dev and test first, then others by name."""
    return (_USUAL.index(split) if split in _USUAL else len(_USUAL)), split
