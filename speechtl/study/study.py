"""run_study(): every cell of a study, and then its tables and pictures."""

from __future__ import annotations

from pathlib import Path

from speechtl.study.alike import refuse_unlike
from speechtl.study.cells import expand, refuse_others
from speechtl.study.files import Outcome, write_outcome
from speechtl.study.running import run_cells
from speechtl.study.settings import Study


def run_study(study: Study, runs: str | Path = Path("runs")) -> Outcome:
    """Run the cells of a study that are not finished, the cheapest first, and write its results.

    A cell that fails is told and named in the outcome; the others go on.

    Args:
        study: The study.
        runs: Where runs are kept; the study's are in the folder of its name there.

    Raises:
        FileNotFoundError: there is no such recipe or source.
        ValueError: a recipe makes no sense, rows would be tested on unlike speech, or there are runs with
            other settings in the place of cells; nothing is run or written then.
        OSError: the disk is full or not writable.
        speechtl.train.Interrupted: the user asked to stop; the same call resumes.
    """
    runs = Path(runs)
    cells = expand(study, runs)
    refuse_others(cells)
    refuse_unlike(study, cells)
    failures = run_cells(study, cells, runs)
    return write_outcome(study, cells, failures, runs / study.name)
