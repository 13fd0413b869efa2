"""Pace: how long the cells that are still to come will take, by those that are finished."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import median

from speechtl.report import Report
from speechtl.study.cells import Cell

AROUND = 3.0
"""Seconds that a cell takes beside its training, to begin, be scored and be written: a small corpus's."""


class Pace:
    """Seconds that cells took, by row."""

    def __init__(self, cells: Iterable[Cell] = ()) -> None:
        self._took: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._training: set[str] = set()
        for cell in cells:
            if cell.is_finished and (train := Report.load(cell.folder.report).train) is not None:
                self.add(cell, train.wall_seconds)

    def add(self, cell: Cell, seconds: float) -> None:
        """Note what a cell took."""
        self._took[cell.row].append((cell.cost, seconds))
        if trains(cell):
            self._training.add(cell.row)

    def knows(self, row: str) -> bool:
        """Whether a cell of this row is finished."""
        return bool(self._took.get(row))

    def seconds(self, cell: Cell) -> float | None:
        """What a cell will take: in proportion to its cost, by its own row if that is known, else by all that
        train if it does; None if nothing is known. Cells without training say nothing of those with some. The
        median counts, as one cell may have lain on a machine that slept."""
        known = self._took.get(cell.row) or self._of_others(trains(cell))
        if not known:
            return None
        return cell.cost * median(seconds / cost for cost, seconds in known)

    def _of_others(self, is_training: bool) -> list[tuple[float, float]]:
        rows = self._training if is_training else self._took
        return [pair for row in rows for pair in self._took[row]]

    def left(self, cells: Iterable[Cell]) -> float | None:
        """What several cells will take; None where nothing is known."""
        each = [self.seconds(cell) for cell in cells]
        known = [seconds for seconds in each if seconds is not None]
        return sum(known) + AROUND * len(known) if len(known) == len(each) else None


def trains(cell: Cell) -> bool:
    """Whether a cell is more than a model that is scored as it is."""
    return cell.experiment.train.steps > 0


def duration(seconds: float | None) -> str:
    """A time as people say it.

    >>> duration(20), duration(600), duration(9000), duration(None)
    ('under a minute', '10 min', '2 h 30 min', 'an unknown time')
    """
    if seconds is None:
        return "an unknown time"
    minutes = round(seconds / 60)
    if minutes < 1:
        return "under a minute"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
