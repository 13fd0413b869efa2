"""Running the cells of a study, one after the other; those that are finished are kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from speechtl.faults import counted
from speechtl.interruption import Interrupted
from speechtl.report import Report
from speechtl.run import run
from speechtl.run_folder import BusyError
from speechtl.study.cells import Cell, untrained_sources
from speechtl.study.keeping import clear
from speechtl.study.negative import new_negatives
from speechtl.study.pace import Pace, duration
from speechtl.study.settings import Study
from speechtl.terminal import console

logger = logging.getLogger(__name__)


@dataclass
class Failures:
    """What went wrong, by the run's folder."""

    messages: dict[Path, str] = field(default_factory=dict)

    def add(self, cell: Cell, message: str) -> None:
        """Note and tell that a cell failed; the others go on."""
        self.messages[cell.folder.path] = message
        logger.error("FAILED: %s: %s", cell, message)

    def of_source(self, cell: Cell) -> str | None:
        """Why a cell's source cannot be used, if it failed."""
        if cell.source is None or cell.source.run is None:
            return None
        message = self.messages.get(cell.source.run.path)
        return None if message is None else f"its source {cell.source.name} failed: {message}"


def run_cells(study: Study, cells: tuple[Cell, ...], runs: Path) -> Mapping[Path, str]:
    """Run what is not finished, sources just before the first cell that starts from them.

    Of the study's own cells, also those that were finished before, only what it keeps stays; of sources all.

    Returns:
        What failed, and why, by the run's folder.

    Raises:
        speechtl.train.Interrupted: the user asked to stop; the same call resumes.
    """
    failures, pace = Failures(), Pace(cells)
    queue = _queue(cells, runs)
    told: set[Path] = set()
    own = {cell.folder.path for cell in cells}
    for cell in cells:
        if cell.is_finished:
            clear(cell.folder, study.keep)
    new_negatives(study, cells, told)
    with _progress(study.name, len(queue)) as show:
        for place, cell in enumerate(queue):
            left = duration(pace.left(queue[place:]))
            show(place, left, len(failures.messages))
            logger.info("%d of %d: %s; %s left in all", place + 1, len(queue), cell, left)
            if (why := failures.of_source(cell)) is not None:
                failures.add(cell, why)
                continue
            _run_cell(cell, runs, failures, pace)
            if cell.folder.path in own:
                clear(cell.folder, study.keep)
            for line in new_negatives(study, cells, told):
                logger.warning("%s", line)
        show(len(queue), "nothing", len(failures.messages))
    return failures.messages


def _queue(cells: tuple[Cell, ...], runs: Path) -> list[Cell]:
    waiting = untrained_sources(cells, runs)
    queue: list[Cell] = []
    for cell in cells:
        if cell.is_finished:
            continue
        if cell.source is not None and cell.source.run is not None:
            source = waiting.pop(cell.source.run.path, None)
            queue += [source] if source is not None else []
        queue.append(cell)
    return queue


def _run_cell(cell: Cell, runs: Path, failures: Failures, pace: Pace) -> None:
    is_new = not cell.folder.path.exists()
    began = time.monotonic()
    try:
        report = run(cell.experiment, cell.runs, sources=runs)
    except Interrupted:
        raise
    except BusyError:
        logger.warning("%s: another process runs it, and it is left to that", cell)
    except (ValueError, OSError, ImportError) as error:
        is_of_cell = "--fresh" in str(error) and str(cell.folder.path) in str(error)
        elsewhere = f" (in a study: move {cell.folder.path} away)" if is_of_cell else ""
        failures.add(cell, f"{error}{elsewhere}")
    except Exception as error:  # a fault of one method must not cost the others' night
        logger.debug("%s", cell, exc_info=error)
        failures.add(cell, f"{type(error).__name__}: {error}; `speechtl run` shows where it comes from")
    else:
        pace.add(cell, time.monotonic() - began if is_new else _trained(report))


def _trained(report: Report) -> float:
    return 0.0 if report.train is None else report.train.wall_seconds


class Show(Protocol):
    """Shows how far a study is."""

    def __call__(self, done: int, left: str, failed: int) -> None:
        """So many cells done, so much time left, so many failed."""
        ...


@contextmanager
def _progress(name: str, total: int) -> Iterator[Show]:
    """A bar over all cells, above that of the training that runs; only on a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("study {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]} left{task.fields[failed]}"),
        console=console(),
        disable=not console().is_terminal,
    ) as bar:
        task = bar.add_task(name, total=total, left="", failed="")

        def show(done: int, left: str, failed: int) -> None:
            told = f", {counted(failed, 'cell')} failed" if failed else ""
            bar.update(task, completed=done, left=left, failed=told)

        yield show
