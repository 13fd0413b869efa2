"""The Arrow table that a corpus is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow
    from datasets import Dataset


def schema(columns: Sequence[str]) -> pyarrow.Schema:
    """Texts in every column but the duration."""
    import pyarrow

    kinds = {column: pyarrow.string() for column in columns} | {"duration": pyarrow.float64()}
    return pyarrow.schema(list(kinds.items()))


def dataset_of(table: pyarrow.Table) -> Dataset:
    """The table as a dataset, in memory."""
    from datasets import Dataset
    from datasets.table import InMemoryTable

    return Dataset(InMemoryTable(table.combine_chunks()))


def with_column(table: pyarrow.Table, name: str, values: Sequence[str | None]) -> pyarrow.Table:
    """The table with other values in one column."""
    import pyarrow

    return table.set_column(table.column_names.index(name), name, pyarrow.array(values, pyarrow.string()))
