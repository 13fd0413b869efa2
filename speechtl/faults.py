"""Faults of data, listed together, so that one run tells everything that has to be mended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow

LISTED = 20
"""Most faults of one kind that a message spells out."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a corpus."""

    kind: str
    """What a list is grouped by, such as `missing audio file`."""
    mend: str
    """What to do about it, such as `correct the path, or remove the row`."""
    where: str
    """A place such as `words.csv:12`, or an utterance's id."""
    detail: str = ""
    """The value found."""
    row: int | None = None
    """Index of the manifest's row, or of the utterance, that it belongs to; None: the whole corpus."""


def describe(faults: Sequence[Fault], subject: str, rows: int | None = None) -> str:
    """One message of all faults: how many, then each kind with its cure and the first 20 places.

    Args:
        faults: What is wrong.
        subject: What it is wrong with, such as the manifest's path.
        rows: How many rows there are; a fault of every one of them is then told in one line.
    """
    kinds: defaultdict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        kinds[f"{fault.kind}; {fault.mend}" if fault.mend else fault.kind].append(fault)
    lines = [f"{subject}: {counted(len(faults), 'fault')}"]
    for kind, found in kinds.items():
        is_everywhere = (
            rows is not None and len({fault.row for fault in found} - {None}) == rows > 1
        ) and not any(fault.detail for fault in found)
        places = [f"{fault.where} ({fault.detail})" if fault.detail else fault.where for fault in found]
        where = f"all {rows} rows" if is_everywhere else listed(places, separator="\n    ")
        lines += [f"- {kind} [{len(found)}]:", f"    {where}"]
    # Half a character, as JSON may hold, is no text that a terminal could show.
    return "\n".join(lines).encode("utf-8", "backslashreplace").decode()


def counted(number: int, noun: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def lasting(minutes: float) -> str:
    """How long speech is.

    >>> lasting(0.004), lasting(0.3), lasting(1), lasting(10)
    ('1 second', '18 seconds', '1.0 minutes', '10.0 minutes')
    """
    return f"{minutes:.1f} minutes" if minutes >= 1 else counted(max(1, round(60 * minutes)), "second")


def listed(items: Sequence[object], separator: str = ", ") -> str:
    """Up to 20 items, and how many more there are."""
    shown = separator.join(str(item) for item in items[:LISTED])
    return shown if len(items) <= LISTED else f"{shown}{separator}... and {len(items) - LISTED} more"


def repeated_ids(ids: pyarrow.ChunkedArray) -> list[str]:
    """One line about those that occur more than once; none where all are unique."""
    import pyarrow.compute as compute

    if compute.count_distinct(ids, mode="all").as_py() == len(ids):
        return []
    counts = compute.value_counts(ids)
    twice = counts.filter(compute.greater(counts.field("counts"), 1)).field("values").to_pylist()
    return [f"ids that occur more than once ({len(twice)}): {listed(twice)}; make them unique"]


def find_faults(table: pyarrow.Table, columns: Sequence[str]) -> list[str]:
    """What makes a corpus's table unusable, one line per kind of fault; none when it can be used.

    Args:
        table: The corpus as Arrow; nothing is held per row.
        columns: The columns that it must have.
    """
    import pyarrow.compute as compute

    if missing := [column for column in columns if column not in table.column_names]:
        return [f"missing columns: {', '.join(missing)}; it has {', '.join(table.column_names)}"]
    ids = table.column("id")
    faults = repeated_ids(ids)
    for column in ("id", "audio", "text", "language", "split"):
        trimmed = compute.utf8_trim_whitespace(table.column(column))
        empty = compute.fill_null(compute.equal(trimmed, ""), True)
        if where := ids.filter(empty).to_pylist():
            faults.append(f"an empty {column} ({len(where)}): {listed(where)}; fill it in or leave them out")
    lasting = compute.fill_null(compute.greater(table.column("duration"), 0), False)
    if where := ids.filter(compute.invert(lasting)).to_pylist():
        faults.append(f"a duration that is not above 0 s ({len(where)}): {listed(where)}; leave them out")
    return faults
