"""Which settings a study chooses: `python benchmarks/tuned.py english/to_commands_tuning --runs runs`.

For each variant, and each recipe of a study whose rows are its settings: the row with the most information
in its decisions on unlabelled speech, for which no label of the target is needed, and the row with the lowest
error on the dev of the study, which needs some. Variants choose for themselves, since what one hears may be
another's test. Beside them every row's error on the test set, which chooses nothing. Nothing is trained.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from speechtl.study import Study
from speechtl.study.cells import Cell, expand
from speechtl.study.choosing import chosen_study
from speechtl.study.negative import main_error
from speechtl.study.scores import Finished, Grid
from speechtl.tables import Column, Table


@dataclass(frozen=True)
class Trial:
    """One setting of one recipe on one variant, the mean over its finished cells."""

    row: str
    variant: str
    cells: int
    information: float | None
    """Of the kept weights' decisions on unlabelled speech, in nats; None where it was not measured."""
    dev: float | None
    test: float

    @property
    def recipe(self) -> str:
        """What it is a setting of."""
        return self.row.split()[0]


def information(run: Path) -> float | None:
    """The last information of a run's decisions on unlabelled speech; None where it was not measured."""
    metrics = run / "metrics.jsonl"
    if not metrics.is_file():
        return None
    told = [json.loads(line).get("label_free") for line in metrics.read_text(encoding="utf-8").splitlines()]
    last = [one["information"] for one in told if one]
    return None if not last or last[-1] is None else float(last[-1])


def trials(study: Study, cells: Sequence[Cell]) -> list[Trial]:
    """The finished rows of a study."""
    grid = Grid.of(study, cells)
    found = []
    for name in [variant.name for variant in study.variants] or [""]:
        for row in study.rows:
            cells_of_row = grid.of_row(row, study.amounts[0])
            mine = [one for one in cells_of_row if name in ("", one.cell.variant)]
            if mine:
                told = [information(one.cell.folder.path) for one in mine]
                dev = [_dev(one) for one in mine]
                tests = [error for one in mine if (error := _test(one, study.metric)) is not None]
                found.append(Trial(row, name, len(mine), _mean(told), _mean(dev), mean(tests)))
    return found


def _dev(finished: Finished) -> float | None:
    train = finished.report.train
    return None if train is None or "error" not in train.best else float(train.best["error"])


def _test(finished: Finished, metric: str | None) -> float | None:
    """The mean error over the sets that a run is tested on by its kept weights."""
    sets = [entry for name, entry in finished.report.sets.items() if not name.endswith(".label-free")]
    errors = [found[1] for entry in sets if (found := main_error(entry, metric)) is not None]
    return mean(errors) if errors else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known and len(known) == len(values) else None


def chosen(found: Sequence[Trial]) -> tuple[set[Trial], set[Trial]]:
    """What is chosen without labels, and what is chosen by dev, one of each recipe on each variant."""
    free: set[Trial] = set()
    by_dev: set[Trial] = set()
    for variant, recipe in dict.fromkeys((trial.variant, trial.recipe) for trial in found):
        mine = [trial for trial in found if (trial.variant, trial.recipe) == (variant, recipe)]
        told = [(trial.information, trial.row, trial) for trial in mine if trial.information is not None]
        dev = [(trial.dev, trial.row, trial) for trial in mine if trial.dev is not None]
        free |= {max(told)[2]} if told else set()
        by_dev |= {min(dev)[2]} if dev else set()
    return free, by_dev


def table_of(study: Study, found: Sequence[Trial]) -> Table:
    """All rows, with marks where they are chosen."""
    free, by_dev = chosen(found)
    headings = ("variant", "recipe", "cells", "information", "dev", "test", "chosen")
    texts = ("variant", "recipe", "chosen")
    table = Table(study.name, [Column(heading, is_number=heading not in texts) for heading in headings])
    for trial in found:
        marks = {"without labels": trial in free, "by dev": trial in by_dev}
        table.rows.append(
            (
                trial.variant,
                trial.row,
                f"{trial.cells}",
                "" if trial.information is None else f"{trial.information:.3f}",
                "" if trial.dev is None else f"{100 * trial.dev:.1f} %",
                f"{100 * trial.test:.1f} %",
                ", ".join(mark for mark, is_chosen in marks.items() if is_chosen),
            )
        )
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("study", help="a study by name or path")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where its runs are")
    parser.add_argument("--variants", nargs="+", default=[], help="only these, by globs; all by default")
    options = parser.parse_args(arguments)
    study = chosen_study(options.study, {"variants": options.variants})
    print(table_of(study, trials(study, expand(study, options.runs))).markdown())


if __name__ == "__main__":
    main()
