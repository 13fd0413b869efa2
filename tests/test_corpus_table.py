from dataclasses import dataclass

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.corpus_table import (
    canonical_languages,
    columns_of,
    dataset_of,
    pieces,
    schema,
    table_of,
    values_of,
)

CHUNKS = st.lists(st.lists(st.none() | st.sampled_from(["", "a", "臺"]), max_size=5), max_size=4)


@dataclass(frozen=True)
class Row:
    id: str
    duration: float


@settings(deadline=None)
@given(CHUNKS)
def test_values_come_back_whatever_their_chunks_and_equal_ones_are_one_object(
    chunks: list[list[str | None]],
) -> None:
    column = pyarrow.chunked_array(chunks, pyarrow.string())
    values = values_of(column)
    assert values == column.to_pylist()
    assert len(set(map(id, values))) == len(set(values))


def test_numbers_come_back() -> None:
    assert values_of(pyarrow.chunked_array([[1.5], [2.5]])) == [1.5, 2.5]


@pytest.mark.parametrize("count", [0, 1, 10_000, 25_001])
def test_a_table_is_made_of_an_iterator_and_read_in_pieces(count: int) -> None:
    table = table_of((Row(str(number), number) for number in range(count)), ("id", "duration"))
    assert table.schema.equals(schema(("id", "duration")))
    assert max((len(chunk) for chunk in table.column("id").chunks), default=0) <= 10_000
    rows = [row for piece in pieces(table) for row in piece]
    assert rows == [{"id": str(number), "duration": number} for number in range(count)]


def test_columns_of_selected_rows_are_few_chunks_in_the_order_of_the_selection() -> None:
    table = table_of((Row(str(number), number) for number in range(30_000)), ("id", "duration"))
    chosen = dataset_of(table).select(range(29_999, 0, -3)).select(range(5, 9_000))
    columns = columns_of(chosen, ["duration"])
    assert columns.column_names == ["duration"]
    assert columns.column("duration").to_pylist() == [29_999 - 3 * number for number in range(5, 9_000)]
    assert columns.column("duration").num_chunks < 100


def test_a_table_with_canonical_tags_stays_itself() -> None:
    table = pyarrow.table({"language": ["en", "nan-Hant", "?"]})
    assert canonical_languages(table) is table
    changed = canonical_languages(pyarrow.table({"language": ["EN", "nan-hant", "?", "en"]}))
    assert changed.column("language").to_pylist() == ["en", "nan-Hant", "?", "en"]
