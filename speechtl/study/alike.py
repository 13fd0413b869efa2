"""Whether all rows of a study hold out the same speech, told before hours are spent on rows that do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

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
    """
    if all(cell.is_finished for cell in cells):
        return
    firsts: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        if not cell.experiment.tests:
            firsts.setdefault(cell.variant, {}).setdefault(cell.row, cell)
    known: dict[Path, Fingerprints] = {}
    faults = []
    for variant, rows in firsts.items():
        control = rows.pop(study.reference, None)
        expected = None if control is None else _tests(control, known)
        if expected is None:
            continue
        for row, cell in rows.items():
            found = _tests(cell, known)
            if found is not None and found.ids != expected.ids:
                where = ", ".join(filter(None, (row, variant)))
                faults.append(f"  {where}: {found.account}\n    the control: {expected.account}")
    if faults:
        lines = "\n".join(faults)
        raise ValueError(
            f"study {study.name}: these rows would be tested on other utterances than the control "
            f"{study.reference}:\n{lines}\nWhere a method trains parts of its own for the speakers of its "
            "tests, give the other rows --target.split-by text; where a source knows all, give all rows "
            "--target.split-by none; or let all rows hold out what one run did: "
            "--target.split-as runs/NAME/seed-0. In a study with variants their targets have these fields"
        )


class _Tests(NamedTuple):
    """What a cell is tested on, and where it comes from."""

    ids: dict[str, list[str]]
    account: str


def _tests(cell: Cell, known: dict[Path, Fingerprints]) -> _Tests | None:
    """The tests of a cell; None where they cannot be opened, which its run will tell."""
    source = cell.source
    models = [Path(path) for path in cell.experiment.method.other_models] if source is not None else []
    models += [source.model] if source is not None and source.is_ready else []
    try:
        for model in models:
            if model not in known:
                known[model] = known_by(model)
        heard = Fingerprints.union([known[model] for model in models]) if models else None
        found = Sets.of(cell.experiment, source.experiment if source else None, heard)
    except (ValueError, OSError):
        return None
    return _Tests(
        {name: sorted(corpus.column("id")) for name, corpus in found.tests.items()}, "; ".join(found.account)
    )
