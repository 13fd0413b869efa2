"""Faults of data, listed together, so that one run tells everything that has to be mended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow

LISTED = 20
"""Most faults of one kind that a message spells out."""


def counted(number: int, noun: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(items: Sequence[object], separator: str = ", ") -> str:
    """Up to 20 items, and how many more there are."""
    shown = separator.join(str(item) for item in items[:LISTED])
    return shown if len(items) <= LISTED else f"{shown}{separator}... and {len(items) - LISTED} more"


def find_faults(table: pyarrow.Table, columns: Sequence[str]) -> list[str]:
    """What makes a corpus's table unusable, one line per kind of fault; none when it can be used.

    Args:
        table: The corpus as Arrow; nothing is held per row.
        columns: The columns that it must have.
    """
    import pyarrow.compute as compute

    if missing := [column for column in columns if column not in table.column_names]:
        return [f"missing columns: {', '.join(missing)}; it has {', '.join(table.column_names)}"]
    faults = []
    ids = table.column("id")
    if compute.count_distinct(ids, mode="all").as_py() < len(ids):
        counts = compute.value_counts(ids)
        twice = counts.filter(compute.greater(counts.field("counts"), 1)).field("values").to_pylist()
        faults.append(f"ids that occur more than once ({len(twice)}): {listed(twice)}; make them unique")
    for column in ("id", "audio", "text", "language", "split"):
        trimmed = compute.utf8_trim_whitespace(table.column(column))
        empty = compute.fill_null(compute.equal(trimmed, ""), True)
        if where := ids.filter(empty).to_pylist():
            faults.append(f"an empty {column} ({len(where)}): {listed(where)}; fill it in or leave them out")
    lasting = compute.fill_null(compute.greater(table.column("duration"), 0), False)
    if where := ids.filter(compute.invert(lasting)).to_pylist():
        faults.append(f"a duration that is not above 0 s ({len(where)}): {listed(where)}; leave them out")
    return faults
