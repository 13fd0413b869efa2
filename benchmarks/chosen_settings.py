"""Which setting of each method a study chooses: `python benchmarks/chosen_settings.py taiwanese/tuning`.

For studies whose rows are recipes with flags, such as `taiwanese/kl --train.lr 2e-3 --method.rho 0.4`: of the
rows of one recipe one is chosen, by what `--by` names: the lowest dev error; the most information in the
decisions on unlabelled speech, for which no label of the target is needed; or the lowest error on a test set,
where those whom it tests are only there to choose for others. Of equals the first is chosen, which is told.
A flag that makes other methods of a recipe is named by `--same`. With `--each-variant` variants choose for
themselves, since what one hears may be another's test; amounts always do. Trials are compared on the cells
that all of them have finished.

Beside the choice stands the test error of what was chosen, which chooses nothing, and a value at the edge of
what was tried is named: there the grid wants to be extended. Nothing is trained.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from speechtl.faults import counted
from speechtl.json_lines import written_lines
from speechtl.report import LABEL_FREE
from speechtl.study.cells import expand
from speechtl.study.choosing import chosen_study
from speechtl.study.negative import main_error
from speechtl.study.scores import Finished, Grid
from speechtl.study.settings import Amount, Study
from speechtl.tables import Column, Table

DEV, INFORMATION = "dev", "information"
Place = tuple[int, str]
"""Seed and variant of a cell."""


@dataclass(frozen=True)
class Trial:
    """A row of a study, at an amount, on the variants that choose together."""

    method: str
    """Its recipe, with the flags that make it another method."""
    flags: Mapping[str, str]
    """The others."""
    amount: Amount
    variant: str
    """Empty where all of them choose together."""
    scores: Mapping[Place, float]
    """What chooses, of each finished cell; the least is best."""
    tests: Mapping[Place, float]
    """The mean error over the sets that a cell is tested on by its kept weights."""
    diverged: frozenset[Place] = frozenset()
    """The cells whose training diverged."""

    @property
    def setting(self) -> str:
        """The flags as one types them."""
        return " ".join(f"{name} {value}".strip() for name, value in self.flags.items())


@dataclass(frozen=True)
class Choice:
    """The trials of one method, compared on the cells that all of them have."""

    trials: tuple[Trial, ...]
    common: tuple[Place, ...]

    @classmethod
    def among(cls, trials: Sequence[Trial]) -> Choice:
        """Trials without a finished cell take no part."""
        known = tuple(one for one in trials if one.scores)
        shared = (
            set[Place]().union(*(one.scores for one in known)).intersection(*(one.scores for one in known))
        )
        return cls(known, tuple(sorted(shared)))

    @property
    def best(self) -> Trial | None:
        """The trial that is chosen; None where the trials have no cell in common."""
        return min(self.trials, key=self.score) if self.common else None

    @property
    def ties(self) -> int:
        """Trials that are as good as the one that is chosen, which is the first of them."""
        best = self.best
        return 0 if best is None else sum(self.score(one) == self.score(best) for one in self.trials) - 1

    @property
    def worst(self) -> Trial | None:
        """The trial that comes last."""
        return max(self.trials, key=self.score) if self.common else None

    @property
    def is_partial(self) -> bool:
        """Whether some trial has a cell that others have not."""
        return any(set(one.scores) != set(self.common) for one in self.trials)

    def score(self, trial: Trial) -> float:
        """The mean over the common cells of what chooses."""
        return mean(trial.scores[place] for place in self.common)

    def test(self, trial: Trial) -> float | None:
        """The mean test error over the common cells."""
        known = [trial.tests[place] for place in self.common if place in trial.tests]
        return mean(known) if len(known) == len(self.common) else None


def trials(study: Study, runs: Path, by: str, same: Sequence[str], *, each_variant: bool) -> list[Trial]:
    """Every row at every amount, with what chooses of its finished cells.

    Raises:
        ValueError: no finished cell has it.
    """
    grid, found = Grid.of(study, expand(study, runs)), []
    variants = [variant.name for variant in study.variants] if each_variant else []
    for row in study.rows:
        recipe, flags = _parts(row)
        other = [f"{name} {flags.pop(name)}".strip() for name in same if name in flags]
        method = " ".join([recipe, *other])
        for amount in study.amounts:
            cells = grid.of_row(row, amount)
            for variant in variants or [""]:
                mine = {
                    (one.cell.seed, one.cell.variant): one
                    for one in cells
                    if variant in ("", one.cell.variant)
                }
                scores = {place: _score(one, by, study.metric) for place, one in mine.items()}
                tests = {place: _test(one, study.metric) for place, one in mine.items()}
                diverged = frozenset(place for place, one in mine.items() if one.diverged)
                found.append(Trial(method, flags, amount, variant, _known(scores), _known(tests), diverged))
    if not any(trial.scores for trial in found):
        raise ValueError(
            f"study {study.name}: no finished cell has {by!r}; choose by {DEV}, by {INFORMATION} where "
            "speech without labels was heard, or by one of the test sets, which are "
            f"{', '.join(sorted(grid.by_set)) or 'none'}"
        )
    return found


def _known(values: Mapping[Place, float | None]) -> dict[Place, float]:
    return {place: value for place, value in values.items() if value is not None}


def _score(finished: Finished, by: str, metric: str | None) -> float | None:
    """What chooses, the less the better."""
    if by == DEV:
        train = finished.report.train
        return None if train is None or "error" not in train.best else float(train.best["error"])
    if by == INFORMATION:
        told = information(finished.cell.folder.path)
        return None if told is None else -told
    entry = finished.report.sets.get(by)
    found = None if entry is None else main_error(entry, metric)
    return None if found is None else found[1]


def information(run: Path) -> float | None:
    """The last information of a run's decisions on unlabelled speech, in nats; None where it has none."""
    metrics = run / "metrics.jsonl"
    if not metrics.is_file():
        return None
    told = [json.loads(line).get("label_free") for line in written_lines(metrics)]
    last = [one["information"] for one in told if one]
    return None if not last or last[-1] is None else float(last[-1])


def _test(finished: Finished, metric: str | None) -> float | None:
    sets = [entry for name, entry in finished.report.sets.items() if not name.endswith(LABEL_FREE)]
    errors = [found[1] for entry in sets if (found := main_error(entry, metric)) is not None]
    return mean(errors) if errors else None


def _parts(row: str) -> tuple[str, dict[str, str]]:
    """A row's recipe, and its flags with their values."""
    recipe, *typed = shlex.split(row)
    words = [part for word in typed for part in (word.split("=", 1) if word.startswith("--") else [word])]
    flags: dict[str, list[str]] = {}
    values: list[str] = []
    for word in words:
        if word.startswith("--"):
            values = flags[word] = []
        else:
            values.append(word)
    return recipe, {flag: " ".join(values) for flag, values in flags.items()}


def at_edge(best: Trial, others: Sequence[Trial]) -> list[str]:
    """The flags whose chosen value is the least or the most that was tried, of three values or more."""
    found = []
    for name, value in best.flags.items():
        tried = {number for one in others if (number := _number(one.flags.get(name))) is not None}
        if len(tried) > 2 and _number(value) in (min(tried), max(tried)):
            found.append(name)
    return found


def _number(value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def table_of(study: Study, found: Sequence[Trial], by: str) -> Table:
    """The chosen setting of each method."""
    groups: dict[tuple[str, str, Amount], list[Trial]] = defaultdict(list)
    for trial in found:
        groups[trial.variant, trial.method, trial.amount].append(trial)
    shows_test = by in (DEV, INFORMATION)
    headings = {
        "variant": any(variant for variant, _, _ in groups),
        "method": True,
        "amount": len(study.amounts) > 1,
        "trials": True,
        "cells": True,
        "chosen": True,
        by: True,
        "worst": True,
        "test": shows_test,
        "at the edge": True,
    }
    texts = ("variant", "method", "amount", "chosen", "at the edge")
    shown = [heading for heading, is_shown in headings.items() if is_shown]
    table = Table(f"{study.name}: settings chosen by {by}", [Column(one, one not in texts) for one in shown])
    places = list(dict.fromkeys(variant for variant, _, _ in groups))
    for (variant, method, amount), mine in sorted(groups.items(), key=lambda one: places.index(one[0][0])):
        choice = Choice.among(mine)
        cells = {
            "variant": variant,
            "method": method,
            "amount": str(amount),
            "trials": f"{len(choice.trials)}",
            "cells": f"{len(choice.common)}",
            **_outcome(choice, by),
        }
        table.rows.append(tuple(cells[heading] for heading in shown))
        where = ", ".join(filter(None, (variant, method, str(amount))))
        if missing := len(mine) - len(choice.trials):
            table.notes.append(
                f"{where}: {counted(missing, 'trial')} without a finished cell with {by} took no part"
            )
        if choice.ties:
            table.notes.append(f"{where}: {counted(choice.ties, 'other trial')} as good; the first is named")
        if choice.best is not None and choice.best.diverged:
            table.notes.append(
                f"{where}: of what is chosen {counted(len(choice.best.diverged), 'cell')} diverged; look at "
                "its report before it is used"
            )
        if choice.is_partial:
            table.notes.append(f"{where}: some trials have more finished cells, which were not looked at")
    return table


def _outcome(choice: Choice, by: str) -> dict[str, str]:
    best, worst = choice.best, choice.worst
    if best is None or worst is None:
        return {"chosen": "", by: "", "worst": "", "test": "", "at the edge": ""}
    test = choice.test(best)
    return {
        "chosen": best.setting,
        by: _text(choice.score(best), by),
        "worst": _text(choice.score(worst), by),
        "test": "" if test is None else f"{100 * test:.1f} %",
        "at the edge": " ".join(at_edge(best, choice.trials)) if len(choice.trials) > 1 else "",
    }


def _text(score: float, by: str) -> str:
    return f"{-score:.3f}" if by == INFORMATION else f"{100 * score:.1f} %"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("study", help="a study by name or path")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where its runs are")
    parser.add_argument("--by", default=DEV, help=f"{DEV} (by default), {INFORMATION}, or a test set's name")
    parser.add_argument("--same", nargs="+", default=[], metavar="FLAG", help="such as method.retrain")
    parser.add_argument("--variants", nargs="+", default=[], help="only these, by globs; all by default")
    parser.add_argument("--each-variant", action="store_true", help="each chooses for itself")
    options = parser.parse_args(arguments)
    study = chosen_study(options.study, {"variants": options.variants})
    same = [name if name.startswith("--") else f"--{name}" for name in options.same]
    try:
        found = trials(study, options.runs, options.by, same, each_variant=options.each_variant)
    except ValueError as error:
        sys.exit(str(error))
    print(table_of(study, found, options.by).markdown())


if __name__ == "__main__":
    main()
