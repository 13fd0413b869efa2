"""Which setting of each method a study chooses: `python benchmarks/chosen_settings.py taiwanese/tuning`.

For studies whose rows are recipes with flags, such as `taiwanese/kl --train.lr 2e-3 --method.rho 0.4`: of the
rows of one recipe the one with the lowest dev error is chosen, mean over its cells. A flag that makes other
methods of a recipe is named by `--same`. `--by SET` asks for the error on that test set instead, where those
whom it tests are only there to choose for others. A value at the edge of what was tried is named: there the
grid wants to be extended. Nothing is trained.
"""

from __future__ import annotations

import argparse
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from speechtl.study.cells import expand
from speechtl.study.choosing import chosen_study
from speechtl.study.results import results
from speechtl.study.settings import Study
from speechtl.tables import Column, Table


@dataclass(frozen=True)
class Trial:
    """A row of a study."""

    method: str
    """Its recipe, with the flags that make it another method."""
    flags: Mapping[str, str]
    """The others."""
    error: float

    @property
    def setting(self) -> str:
        """The flags as one types them."""
        return " ".join(f"{name} {value}" for name, value in self.flags.items())


def trials(study: Study, runs: Path, by: str | None, same: Sequence[str]) -> list[Trial]:
    """The rows that have finished cells, with the error that chooses.

    Raises:
        ValueError: the study has no finished cells that tell it.
    """
    sets = results(study, expand(study, runs))
    wanted = [one for one in sets if by in (None, one.name)]
    if not wanted:
        names = ", ".join(one.name for one in sets) or "none"
        raise ValueError(f"study {study.name}: no finished cell has the set {by}; there are {names}")
    found = []
    for row in wanted[0].rows:
        error = row.dev_error if by is None else row.measured.error
        if error is not None:
            recipe, flags = _parts(row.measured.run)
            other = [f"{name} {flags.pop(name)}" for name in same if name in flags]
            found.append(Trial(" ".join([recipe, *other]), flags, error))
    return found


def _parts(row: str) -> tuple[str, dict[str, str]]:
    """A row's recipe, and its flags with their values."""
    recipe, *words = shlex.split(row)
    flags: dict[str, str] = {}
    for word, after in pairwise([*words, "--"]):
        if word.startswith("--"):
            flags[word] = "" if after.startswith("--") else after
    return recipe, flags


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


def table_of(title: str, found: Sequence[Trial]) -> Table:
    """The chosen setting of each method."""
    by_method: dict[str, list[Trial]] = defaultdict(list)
    for trial in found:
        by_method[trial.method].append(trial)
    headings = ("method", "trials", "chosen", "error", "worst", "at the edge")
    table = Table(title, [Column(name, is_number=name in ("trials", "error", "worst")) for name in headings])
    for method, mine in by_method.items():
        best, worst = (pick(mine, key=lambda one: one.error) for pick in (min, max))
        edge = " ".join(at_edge(best, mine)) if len(mine) > 1 else ""
        errors = (f"{100 * one.error:.1f} %" for one in (best, worst))
        table.rows.append((method, f"{len(mine)}", best.setting, *errors, edge))
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("study", help="a study by name or path")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where its runs are")
    parser.add_argument("--by", metavar="SET", help="choose by the error on this test set (default: on dev)")
    parser.add_argument("--same", nargs="+", default=[], metavar="FLAG", help="such as method.retrain")
    options = parser.parse_args(arguments)
    study = chosen_study(options.study, {})
    same = [name if name.startswith("--") else f"--{name}" for name in options.same]
    chosen_by = f"by the error on {options.by or 'dev'}"
    found = trials(study, options.runs, options.by, same)
    print(table_of(f"{study.name}: settings chosen {chosen_by}", found).markdown())


if __name__ == "__main__":
    main()
