"""Whether all rows of a study hold out the same speech, told before hours are spent on rows that do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechtl.checkpoint import known_by
from speechtl.leakage import Fingerprints
from speechtl.sets import Sets
from speechtl.study.cells import Cell
from speechtl.study.settings import Study


def refuse_unlike(study: Study, cells: Sequence[Cell]) -> None:
    """Refuse rows that would carve other tests out of their corpus than the control does.

    Methods by speaker hold out texts where others hold out speakers, and what a source knows is not held out
    from a run that starts from it. Of a source that is not trained yet nobody can tell.

    Raises:
        ValueError: there are such rows; names them, how each carves, and what makes them alike.
        FileNotFoundError: a corpus is missing.
    """
    firsts: dict[str, Cell] = {}
    for cell in cells:
        if not cell.experiment.tests:
            firsts.setdefault(cell.row, cell)
    control = firsts.pop(study.reference, None)
    if control is None or all(cell.is_finished for cell in cells):
        return
    known: dict[Path, Fingerprints] = {}
    tests, account = _tests(control, known)
    faults = []
    for row, cell in firsts.items():
        others, how = _tests(cell, known)
        if others != tests:
            faults.append(f"  {row}: {how}")
    if faults:
        raise ValueError(
            f"study {study.name}: these rows would be tested on other utterances than the control "
            f"{study.reference}:\n  the control: {account}\n"
            + "\n".join(faults)
            + "\nWhere a method trains parts of its own for the speakers of its tests, give the other rows "
            "--target.split-by text; or let all rows hold out what one run did: --target.split-as "
            "runs/NAME/seed-0"
        )


def _tests(cell: Cell, known: dict[Path, Fingerprints]) -> tuple[dict[str, list[str]], str]:
    """The utterances of a cell's tests, and where they come from."""
    source = cell.source
    heard = None
    if source is not None and source.is_ready:
        if source.model not in known:
            known[source.model] = known_by(source.model)
        heard = known[source.model]
    found = Sets.of(cell.experiment, source.experiment if source else None, heard)
    return {name: sorted(corpus.column("id")) for name, corpus in found.tests.items()}, "; ".join(
        found.account
    )
