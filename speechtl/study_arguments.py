"""The flags of `speechtl study`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechtl.decoding_arguments import Commands


def add_study(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    """Add the command."""
    study = commands.add_parser(
        "study",
        parents=[common],
        allow_abbrev=False,
        help="recipes x amounts of speech x seeds, against a control",
        description="Runs every cell of a grid, the cheapest first; finished cells are kept, and the same "
        "command resumes. Prints errors with intervals against the control, and writes tables and plots. "
        "Flags change a study that is given, or make one. Exits with 1 where a cell failed.",
        epilog="speechtl study --name mine --control taiwanese/scratch --recipes taiwanese/finetune "
        "'taiwanese/finetune --train.lr 1e-3' --minutes 3 10 --seeds 0 1 2",
    )
    study.add_argument("study", nargs="?", metavar="NAME|PATH", help="a recipe file that holds a `study`")
    study.add_argument("--name", help="name of the study's folder (default: the study's own; else `study`)")
    study.add_argument(
        "--recipes",
        nargs="+",
        metavar="RECIPE",
        help="a row each: recipes by name or file; in quotes with flags after them",
    )
    study.add_argument("--control", help="the recipe that the others are compared with (default: the first)")
    study.add_argument(
        "--minutes", nargs="+", metavar="N", help="minutes of the target to train on, or `all`"
    )
    study.add_argument("--utterances", nargs="+", metavar="N", help="utterances in place of minutes")
    study.add_argument("--seeds", nargs="+", type=int, metavar="K", help="seeds (default: 0 1 2)")
    study.add_argument(
        "--sources", nargs="+", help="base models: seed k starts from the k-th, or all from the only one"
    )
    study.add_argument(
        "--variants", nargs="+", metavar="GLOB", help="only the variants of these names, such as '*-first'"
    )
    study.add_argument(
        "--dev",
        choices=("fold", "none"),
        help="fold: carve dev out of the target's own minutes, then train on all of it; none: keep the last "
        "weights",
    )
    study.add_argument("--metric", help="the error to compare (default: closed, else syllable, else cer)")
    study.add_argument(
        "--keep",
        choices=("all", "model", "report"),
        help="what stays of finished cells: all, all but checkpoints (default), or neither these nor models",
    )
    study.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: runs)")
    study.add_argument("--dry", action="store_true", help="only list the cells and the time they would take")
    study.set_defaults(command="study")
