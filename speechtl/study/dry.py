"""A study's dry run: its cells in order, what is done of them, and what the rest will take."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from speechtl.dry_run import dry_run
from speechtl.sets import Sets
from speechtl.study.cells import Cell, dev_lines, refuse_others, untrained_sources
from speechtl.study.labels import shared_notes, table_labels
from speechtl.study.pace import Pace, duration, trains
from speechtl.study.settings import Study
from speechtl.tables import Column, Table
from speechtl.training_state import saved_step

logger = logging.getLogger(__name__)

MOST = 60
"""Cells that are listed one by one; of more there is a line for each recipe and amount."""


def planned(study: Study, cells: Sequence[Cell], runs: Path) -> tuple[Table, list[str]]:
    """The cells in the order in which they would be run, and the time that they would take; and which of them
    cannot be run, and why.

    The time is that of finished cells of the same recipe; where there is none, a few steps on noise tell it.
    """
    sources = untrained_sources(cells, runs)
    pace, faults = _measured([*sources.values(), *cells], runs)
    try:
        refuse_others(cells)
    except ValueError as error:
        faults.append(str(error))
    named, meant = table_labels(study.rows)
    title = f"study {study.name}: {len(cells)} cells in {runs / study.name}, the cheapest first"
    if len(cells) <= MOST:
        table = _one_by_one(title, cells, runs / study.name, pace, named)
    else:
        table = _by_row(title, cells, pace, named)
    waiting = [cell for cell in cells if not cell.is_finished]
    left = duration(pace.left([*sources.values(), *waiting]))
    total = f"{left} for what is left" if waiting else "nothing is left to run"
    table.notes.append(f"{total}; {len(cells) - len(waiting)} of {len(cells)} cells are finished")
    if waiting and not all(Pace(cells).knows(cell.row) for cell in waiting):
        table.notes.append(
            "where no cell is finished yet, measured over a few steps: too long if the machine is busy now"
        )
    table.notes += meant + shared_notes(study.rows)
    table.notes += [
        f"trained before: {cell.row} in {path}, {_minutes(pace, cell)}" for path, cell in sources.items()
    ]
    table.notes += dev_lines(cells)
    return table, faults


def _one_by_one(title: str, cells: Sequence[Cell], home: Path, pace: Pace, named: Mapping[str, str]) -> Table:
    headings = {"": True, "cell": False, "run": False, "state": False, "takes about": True}
    table = Table(title, [Column(heading, is_number=is_number) for heading, is_number in headings.items()])
    for place, cell in enumerate(cells, start=1):
        takes = "" if cell.is_finished else _minutes(pace, cell)
        run = cell.folder.path.relative_to(home)
        name = str(replace(cell, row=named[cell.row]))
        table.rows.append((str(place), name, str(run), _state(cell), takes))
    return table


def _by_row(title: str, cells: Sequence[Cell], pace: Pace, named: Mapping[str, str]) -> Table:
    """A line for all variants and seeds of a recipe with an amount of speech."""
    headings = {"recipe": False, "amount": False, "cells": True, "state": False, "left": True}
    table = Table(title, [Column(heading, is_number=is_number) for heading, is_number in headings.items()])
    alike: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        alike.setdefault((cell.row, str(cell.amount)), []).append(cell)
    for (row, amount), group in alike.items():
        states = Counter(_state(cell).split(" at step")[0] for cell in group)
        told = ", ".join(f"{count} {state}" for state, count in states.items())
        waiting = [cell for cell in group if not cell.is_finished]
        left = duration(pace.left(waiting)) if waiting else ""
        table.rows.append((named[row], amount, str(len(group)), told, left))
    return table


def _state(cell: Cell) -> str:
    if not cell.is_its_own:
        return "is refused: a run with other settings is there"
    if cell.is_finished:
        return "finished"
    step = saved_step(cell.folder.path / "checkpoints")
    if step is not None:
        return f"resumes at step {step} of {cell.experiment.train.steps}"
    return "is begun" if cell.folder.path.exists() else "to be run"


def _minutes(pace: Pace, cell: Cell) -> str:
    return duration(pace.seconds(cell)) if pace.knows(cell.row) else "?"


def _measured(cells: Sequence[Cell], runs: Path) -> tuple[Pace, list[str]]:
    """The pace of every row, and what is wrong with rows that could not be measured, or lack some speech."""
    pace, faults = Pace(cells), []
    opened: set[tuple[str, str]] = set()
    for cell in cells:
        if cell.is_finished or (cell.row, str(cell.amount)) in opened:
            continue
        opened.add((cell.row, str(cell.amount)))
        try:
            if pace.knows(cell.row):
                Sets.of(cell.experiment, cell.source.experiment if cell.source else None)
                continue
            # Of a cell that is half done as of a new one, since the pace is that of whole cells.
            cost = dry_run(cell.experiment, cell.runs, fresh=True, sources=runs).cost
        except (ValueError, OSError, ImportError) as error:
            faults.append(f"{cell}: cannot be run: {error}")
        else:
            if cost is not None:
                pace.add(cell, 60 * cost.minutes)
            elif not trains(cell):
                pace.add(cell, 0.0)
    return pace, faults
