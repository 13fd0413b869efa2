"""The Arrow table that a corpus is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow
    from datasets import Dataset

_AT_ONCE = 10_000
"""Rows that are Python objects at the same time, and rows of a record batch."""


def schema(columns: Sequence[str]) -> pyarrow.Schema:
    """Texts in every column but the duration."""
    import pyarrow

    kinds = {column: pyarrow.string() for column in columns} | {"duration": pyarrow.float64()}
    return pyarrow.schema(list(kinds.items()))


def table_of(rows: Iterable[object], columns: Sequence[str]) -> pyarrow.Table:
    """The attributes of objects as a table, taken from an iterator a few at a time."""
    import pyarrow

    left, kinds = iter(rows), schema(columns)
    batches = []
    while part := list(islice(left, _AT_ONCE)):
        values = [[getattr(row, column) for row in part] for column in columns]
        batches.append(pyarrow.table(values, schema=kinds))
    return pyarrow.concat_tables(batches) if batches else kinds.empty_table()


def dataset_of(table: pyarrow.Table) -> Dataset:
    """The table as a dataset; what of it is memory-mapped stays so."""
    from datasets import Dataset
    from datasets.table import InMemoryTable

    return Dataset(InMemoryTable(table))


def columns_of(dataset: Dataset, columns: Sequence[str]) -> pyarrow.Table:
    """Columns of all rows; memory-mapped ones stay so unless rows are selected.

    Indexing a dataset of selected rows makes a slice of each one, which takes seconds and half a gigabyte for
    a million; Arrow's own selection takes neither.
    """
    table = dataset.data.table.select(list(columns))
    chosen = dataset._indices
    return table if chosen is None else table.take(chosen.column(0).combine_chunks())


def with_column(
    table: pyarrow.Table, name: str, values: Sequence[str | None] | pyarrow.ChunkedArray
) -> pyarrow.Table:
    """The table with other values in one column."""
    import pyarrow

    if not isinstance(values, pyarrow.ChunkedArray):
        values = pyarrow.array(values, pyarrow.string())
    return table.set_column(table.column_names.index(name), name, values)


def with_qualified_speakers(table: pyarrow.Table, corpus: str) -> pyarrow.Table:
    """The table with its speakers' names behind their corpus's, unique over corpora."""
    import pyarrow.compute as compute

    named = compute.binary_join_element_wise(corpus, table.column("speaker"), "/")
    return with_column(table, "speaker", named)


def canonical_languages(table: pyarrow.Table) -> pyarrow.Table:
    """The table with every language tag in its canonical case; itself where nothing is to be done.

    Tags that do not choose an orthography stay as they are: whoever asks for their rules names them.
    """
    import pyarrow
    import pyarrow.compute as compute

    column = table.column("language")
    written = column.unique().to_pylist()
    canonical = [_canonical(tag) for tag in written]
    if canonical == written:
        return table
    places = compute.index_in(column, value_set=pyarrow.array(written, column.type))
    return with_column(table, "language", compute.take(pyarrow.chunked_array([canonical]), places))


def pieces(table: pyarrow.Table | pyarrow.ChunkedArray) -> Iterator[list[Any]]:
    """The values of a column, or the rows of a table as dictionaries, a few thousand at a time."""
    for start in range(0, len(table), _AT_ONCE):
        yield table.slice(start, _AT_ONCE).to_pylist()


def values_of(column: pyarrow.ChunkedArray) -> list[Any]:
    """The values of a column; equal texts are one object, so a million rows of one language hold it once."""
    import pyarrow

    if not pyarrow.types.is_string(column.type):
        return list(column.to_pylist())
    encoded = column.dictionary_encode().unify_dictionaries()
    if not encoded.num_chunks:
        return []
    distinct = np.array([*encoded.chunk(0).dictionary.to_pylist(), None], dtype=object)
    values: list[Any] = []
    for chunk in encoded.chunks:
        values += distinct[chunk.indices.fill_null(len(distinct) - 1).to_numpy()].tolist()
    return values


def _canonical(tag: str) -> str:
    from speechtl.text import orthography

    try:
        return orthography(tag).tag
    except ValueError:
        return tag
