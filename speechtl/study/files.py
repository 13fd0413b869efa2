"""A study's files: study.json, study.md and its pictures, written whole beside its runs."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speechtl.study.cells import Cell, dev_lines
from speechtl.study.negative import main_error, worse_on
from speechtl.study.plots import PICTURES, draw
from speechtl.study.results import SetResult, results, unmeasured
from speechtl.study.scores import Finished, Grid, source_score
from speechtl.study.settings import Study
from speechtl.study.tables import result_table
from speechtl.tables import Table
from speechtl.whole_files import explained, replaced, write_json

_DOCUMENT, _TABLES = "study.json", "study.md"
EARLIER = "earlier"
"""Folder of results that a later call of the study does not hold."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What a study found."""

    tables: tuple[Table, ...]
    """One per test set."""
    results: tuple[SetResult, ...]
    notices: tuple[str, ...]
    """Sets without a table, and why."""
    failures: Mapping[Path, str]
    """What failed, and why, by the run's folder."""
    unfinished: int
    """Cells without a result."""
    folder: Path


def write_outcome(study: Study, cells: Sequence[Cell], failures: Mapping[Path, str], folder: Path) -> Outcome:
    """Read the finished cells, and write tables and pictures; results that these do not hold are put aside.

    Raises:
        OSError: the disk is full or not writable.
    """
    grid = Grid.of(study, cells)
    found, notices = results(grid), tuple(unmeasured(grid))
    dev = dev_lines(cells)
    unfinished = [cell for cell in cells if not cell.is_finished]
    tables = tuple(result_table(study, one, dev) for one in found)
    for table in tables:
        if unfinished:
            table.notes.append(f"{len(unfinished)} of {len(cells)} cells are not finished")
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "study": asdict(study),
        "dev": dev,
        "cells": [_cell(grid, cell, failures) for cell in cells],
        "sets": [asdict(one) for one in found],
    }
    with explained("the results of the study", folder):
        _put_aside(folder, document)
        write_json(folder / _DOCUMENT, document)
        with replaced(folder / _TABLES) as beside:
            text = "\n\n".join([*_headed(study, tables), *notices])
            beside.write_text(text + "\n", encoding="utf-8")
    draw(study, cells, found, folder)
    return Outcome(tables, found, notices, failures, len(unfinished), folder)


def _put_aside(folder: Path, document: Mapping[str, Any]) -> None:
    """Keep an earlier call's results of other cells, against another control or by another metric."""
    try:
        earlier = json.loads((folder / _DOCUMENT).read_text(encoding="utf-8"))
        found = _told(earlier)
    except (OSError, ValueError, KeyError, TypeError):
        return
    now = {cell["folder"] for cell in document["cells"]}
    is_held = found["told"] == _told(document)["told"] and set(found["cells"]) <= now
    if is_held or not found["cells"]:
        return
    name = hashlib.sha256(json.dumps(found).encode()).hexdigest()[:8]
    place = folder / EARLIER / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for pattern in (_DOCUMENT, _TABLES, *PICTURES):
        for path in folder.glob(pattern):
            path.rename(place / path.name)
    logger.info(
        "the results of an earlier call, of other cells or against another control, are now in %s", place
    )


def _told(document: Mapping[str, Any]) -> dict[str, Any]:
    """What results are about: how they are told, and of which cells."""
    study = document["study"]
    return {
        "told": [study["control"], study["metric"]],
        "cells": sorted(cell["folder"] for cell in document["cells"] if "errors" in cell),
    }


def _headed(study: Study, tables: Sequence[Table]) -> list[str]:
    return [f"# {study.name}", *(_spaced(table.markdown()) for table in tables)]


def _spaced(markdown: str) -> str:
    """Notes as a list, so that they do not run into one paragraph."""
    lines = markdown.split("\n")
    last = max(place for place, line in enumerate(lines) if line.startswith("|"))
    return "\n".join([*lines[: last + 1], "", *(f"- {line}" for line in lines[last + 1 :] if line)])


def _cell(grid: Grid, cell: Cell, failures: Mapping[Path, str]) -> dict[str, Any]:
    """A cell for study.json."""
    path = cell.folder.path
    values: dict[str, Any] = {
        "recipe": cell.row,
        "amount": str(cell.amount),
        "variant": cell.variant,
        "seed": cell.seed,
        "folder": str(path.relative_to(cell.runs.parent if cell.variant else cell.runs)),
        "failure": failures.get(path),
    }
    finished = grid.finished.get(path)
    return values if finished is None else values | _scores(grid, finished)


def _scores(grid: Grid, finished: Finished) -> dict[str, Any]:
    metric, report = grid.study.metric, finished.report
    control = grid.control(finished)
    cost = source_score(finished, metric)
    train = report.train
    return {
        "errors": {
            name: dict([one])
            for name, entry in report.sets.items()
            if (one := main_error(entry, metric)) is not None
        },
        "worse_than_control": None if control is None else worse_on(report, control.report, metric),
        "source": None if cost is None else asdict(cost),
        "steps": None if train is None else train.best.get("step"),
        "wall_seconds": None if train is None else train.wall_seconds,
        "dev": None if train is None else train.dev,
        "diverged": finished.diverged,
    }
