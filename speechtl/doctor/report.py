"""What the doctor found, for the terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from speechtl.faults import LISTED, Fault, counted
from speechtl.terminal import printable

if TYPE_CHECKING:
    from speechtl.doctor.examination import Examination


def report(found: Examination, subject: str) -> Iterator[Text]:
    """The faults, then the notices, each kind with its cure and the first 20 places, then the verdict.

    Args:
        found: What was found.
        subject: What was examined, as the user named it.
    """
    yield from _kinds(found.faults, "fault", "bold red", found.rows)
    yield from _kinds(found.notices, "notice", "bold yellow", found.rows)
    if found.cost is not None:
        yield Text.assemble(
            ("training: ", "bold"),
            f"about {_duration(found.cost.minutes)} and {found.cost.gigabytes:.1f} GB of memory",
        )
        yield Text(f"    {found.cost.account}")
    kinds = len({fault.kind for fault in found.faults})
    verdict = f"{counted(len(found.faults), 'fault')} of {counted(kinds, 'kind')}" if kinds else "no fault"
    notices = f", {counted(len(found.notices), 'notice')}" if found.notices else ""
    rows = f"{found.format}, {counted(found.rows, 'row')}"
    whole = printable(f"{subject} ({rows}): {verdict}{notices}")
    yield Text(whole, "bold red" if kinds else "bold green")


def _kinds(faults: Sequence[Fault], noun: str, style: str, rows: int) -> Iterator[Text]:
    kinds: defaultdict[tuple[str, str], list[Fault]] = defaultdict(list)
    for fault in faults:
        kinds[fault.kind, fault.mend].append(fault)
    for (kind, mend), places in kinds.items():
        yield Text.assemble((f"{noun}: {kind}", style), f" [{len(places)}]" + (f"; {mend}" if mend else ""))
        if len(places) == rows > 1 and not any(place.detail for place in places):
            yield Text(f"    all {rows} rows")
            continue
        for place in places[:LISTED]:
            shown = f"    {place.where}" + (f"  {place.detail}" if place.detail else "")
            yield Text(printable(shown))
        if len(places) > LISTED:
            yield Text(f"    ... and {len(places) - LISTED} more")


def _duration(minutes: float) -> str:
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
