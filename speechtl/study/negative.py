"""Negative transfer: a cell that does worse than its own control from scratch, or without adaptation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from speechtl.compare import candidates
from speechtl.report import Report, SetReport
from speechtl.study.cells import Cell
from speechtl.study.settings import Study
from speechtl.transfer.base import Transfer


def main_error(entry: SetReport, metric: str | None) -> tuple[str, float] | None:
    """The metric that counts on a set, and its value; None where the set has none of them."""
    name = next((choice for choice in candidates(metric) if choice in entry.metrics), None)
    return None if name is None else (name, entry.metrics[name].value)


def controls(study: Study, cells: Sequence[Cell]) -> dict[Path, Cell]:
    """By the folder of each cell that transfers something, its own control: same amount, variant and seed.

    From a source, from speech without labels, or from other targets that are trained along.

    To be worse than what was itself adapted is no negative transfer, nor is what is trained from scratch on
    labels alone: such controls and cells are left out.
    """
    by_place = {
        (c.amount, c.variant, c.seed): c
        for c in cells
        if c.row == study.reference and _is_without_transfer(c)
    }
    return {
        cell.folder.path: by_place[place]
        for cell in cells
        if cell.row != study.reference
        and (place := (cell.amount, cell.variant, cell.seed)) in by_place
        and _has_transfer(cell, by_place[place])
    }


def _has_transfer(cell: Cell, control: Cell) -> bool:
    experiment = cell.experiment
    has_more = len(experiment.targets) > len(control.experiment.targets)
    return experiment.source is not None or experiment.method.hears_unlabelled or has_more


def _is_without_transfer(cell: Cell) -> bool:
    """Whether a cell is trained from scratch, or is the source as it was.

    Some methods, such as AdaBN, adapt the source without a step of training.
    """
    experiment = cell.experiment
    return experiment.source is None or (experiment.train.steps == 0 and type(experiment.method) is Transfer)


def differences(report: Report, control: Report, metric: str | None) -> dict[str, float]:
    """A report's error less its control's, on the target's sets that both have with a common metric.

    Sets that were carved differently have the same name and other references: they are not compared.
    """
    found = {}
    for name in sorted(report.sets.keys() & control.sets.keys()):
        if report.sets[name].references != control.sets[name].references:
            continue
        own, other = report.sets[name].metrics, control.sets[name].metrics
        shared = next((choice for choice in candidates(metric) if choice in own and choice in other), None)
        if shared is not None:
            found[name] = own[shared].value - other[shared].value
    return found


def worse_on(report: Report, control: Report, metric: str | None) -> dict[str, float]:
    """By how much a report is worse than its control's, on the target's sets where it is."""
    return {name: points for name, points in differences(report, control, metric).items() if points > 0}


def new_negatives(study: Study, cells: Sequence[Cell], told: set[Path]) -> list[str]:
    """A line for each cell that is worse than its control, as far as both are finished and it is not told."""
    control_of = controls(study, cells)
    lines = []
    for cell in cells:
        path = cell.folder.path
        control = control_of.get(path)
        if control is None or path in told or not (cell.is_finished and control.is_finished):
            continue
        told.add(path)
        worse: Mapping[str, float] = worse_on(
            Report.load(cell.folder.report), Report.load(control.folder.report), study.metric
        )
        for name, points in worse.items():
            lines.append(f"NEGATIVE TRANSFER: {cell}: {100 * points:+.1f} points on {name} against control")
    return lines
