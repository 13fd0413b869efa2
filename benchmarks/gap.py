"""How much of the gap each method closes: `python benchmarks/gap.py english/to_commands --runs runs`.

The gap lies between the row of the source alone and the row that is trained on the target's labels. Looks at
the finished cells of a study that has both; nothing is trained.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from speechtl.study.cells import expand
from speechtl.study.choosing import chosen_study
from speechtl.study.gap import gap_of, gap_table
from speechtl.study.scores import Grid


def row_named(rows: Sequence[str], name: str) -> str:
    """The row that is meant by its whole text, or by its recipe's last name.

    Raises:
        ValueError: None is, or several are.
    """
    meant = [row for row in rows if name in (row, row.rpartition("/")[2])]
    if len(meant) != 1:
        raise ValueError(f"{name!r} is {'no row' if not meant else 'several rows'} of: {', '.join(rows)}")
    return meant[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each set and amount; of those that have none, why."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("study", help="a study by name or path")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where its runs are")
    parser.add_argument("--source", default="unadapted", help="the row of the source alone")
    parser.add_argument("--bound", default="target", help="the row that is trained on the target's labels")
    parser.add_argument("--variants", nargs="+", default=[], help="only these, by globs; all by default")
    options = parser.parse_args(arguments)
    study = chosen_study(options.study, {"variants": options.variants})
    grid = Grid.of(study, expand(study, options.runs))
    if not grid.by_set:
        sys.exit(
            f"{options.study} has no finished cell under {options.runs}: run it with `speechtl study "
            f"{options.study}`, or say by --runs where its runs are"
        )
    try:
        source, bound = (row_named(study.rows, name) for name in (options.source, options.bound))
    except ValueError as error:
        sys.exit(str(error))
    for name, amount in product(sorted(grid.by_set), study.amounts):
        try:
            found = gap_of(grid, name, source, bound, amount)
        except ValueError as error:
            print(error, file=sys.stderr)
        else:
            print(gap_table(study, name, found, source, bound, amount).markdown(), end="\n\n")


if __name__ == "__main__":
    main()
