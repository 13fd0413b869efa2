"""The command line: prepare, cache, run, evaluate, compare, transcribe."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechtl.experiment import Experiment
    from speechtl.report import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0, 2 for a mistake of the user, 130 for an interruption."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command is not _run:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    _log_to_terminal()
    try:
        options.command(options)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError) as error:
        if options.debug:
            traceback.print_exc()
        print(f"speechtl: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="speechtl",
        description="Take an acoustic model from where speech is plentiful to where it is scarce, "
        "and prove that it helped.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    _add_prepare(commands, common)
    _add_cache(commands, common)
    _add_run(commands, common)
    _add_evaluate(commands, common)
    _add_compare(commands, common)
    _add_transcribe(commands, common)
    return parser


Commands = argparse._SubParsersAction  # the type of add_subparsers(), which argparse keeps private


def _add_prepare(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    prepare = commands.add_parser("prepare", parents=[common], help="read a corpus into the data folder")
    prepare.add_argument("name", nargs="?", help="a corpus of --list")
    prepare.add_argument("--list", action="store_true", help="the corpora that can be prepared")
    prepare.add_argument(
        "--root", type=Path, help="the publisher's folder (default: NAME under $SPEECHTL_CORPORA)"
    )
    prepare.add_argument("--out", type=Path, help="the data folder (default: $SPEECHTL_DATA, else data)")
    prepare.set_defaults(command=_prepare)


def _add_cache(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    cache = commands.add_parser("cache", parents=[common], help="list or clear the decoded audio")
    cache.add_argument("--clear", action="store_true", help="delete it; it is decoded again when needed")
    cache.add_argument("--corpus", help="only that of one corpus")
    cache.set_defaults(command=_cache)


def _add_run(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    run = commands.add_parser(
        "run",
        parents=[common],
        add_help=False,
        help="train and evaluate a recipe, or resume it, or print its report",
        description="Any field of the recipe is a flag: `speechtl run taiwanese/finetune --seed 2 "
        "--target.minutes 3 --train.lr 1e-3`. `speechtl run RECIPE --help` lists them.",
    )
    run.add_argument(
        "recipe",
        nargs="?",
        help="a recipe's name (such as taiwanese/finetune), a Python file, or a run's experiment.json",
    )
    run.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: runs)")
    run.add_argument("--fresh", action="store_true", help="move an existing run aside and start anew")
    run.add_argument("-h", "--help", action="store_true", help="show this, or a recipe's flags")
    run.set_defaults(command=_run, parser=run)


def _add_evaluate(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    evaluate = commands.add_parser("evaluate", parents=[common], help="score a model on a corpus")
    evaluate.add_argument("model", type=Path, help="a run folder or a model folder")
    evaluate.add_argument("corpus", help="a prepared corpus, or a manifest (.jsonl, .csv, .tsv)")
    evaluate.add_argument("--split", default="test", help="the split to score, or `all` (default: test)")
    evaluate.add_argument("--language", help="orthography of a manifest that names none")
    evaluate.add_argument("--decode", choices=("constrained", "greedy"), default="constrained")
    evaluate.add_argument(
        "--closed", action="store_true", help="also choose the best of the model's listed words"
    )
    evaluate.add_argument("--out", type=Path, help="folder for report.json and hyp/")
    evaluate.set_defaults(command=_evaluate)


def _add_compare(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    compare = commands.add_parser("compare", parents=[common], help="errors of runs side by side")
    compare.add_argument("runs", nargs="+", type=Path, help="runs/<name> (all seeds) or single seeds")
    compare.add_argument("--markdown", action="store_true", help="print Markdown instead of a table")
    compare.set_defaults(command=_compare)


def _add_transcribe(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    transcribe = commands.add_parser("transcribe", parents=[common], help="turn audio files into text")
    transcribe.add_argument("model", type=Path, help="a run folder or a model folder")
    transcribe.add_argument("files", nargs="+", type=Path, help="audio of any rate and format")
    transcribe.add_argument("--language", help="orthography of the head; needed where there are several")
    transcribe.add_argument("--decode", choices=("constrained", "greedy"), default="constrained")
    transcribe.set_defaults(command=_transcribe)


def _run(options: argparse.Namespace) -> None:
    if options.recipe is None:
        options.parser.print_help()
        if not options.help:
            raise ValueError("no recipe given: `speechtl run RECIPE`, such as `speechtl run multilingual`")
        return
    experiment = _parse_recipe(options.recipe, options.rest + (["--help"] if options.help else []))
    from speechtl.run import run

    _print_report(run(experiment, options.runs, fresh=options.fresh))


def _parse_recipe(name: str, flags: list[str]) -> Experiment:
    """A recipe with flags for its fields, named after those that were changed."""
    import tyro

    from speechtl.experiment import Experiment, load_recipe

    recipe = load_recipe(name)
    chosen = tyro.cli(Experiment, default=recipe, args=flags, prog=f"speechtl run {name}")
    return chosen.with_overrides_in_name(recipe)


def _prepare(options: argparse.Namespace) -> None:
    from speechtl.corpus_spec import available, prepare_named

    if options.list:
        for entry in available():
            print(f"{entry.name:28} {'found' if entry.found else 'not found':10} {entry.description}")
        return
    if options.name is None:
        raise ValueError("no corpus given: `speechtl prepare NAME`, or `speechtl prepare --list`")
    corpus = prepare_named(options.name, options.root, options.out)
    from speechtl.tables import summary_table

    _print(summary_table(corpus))


def _print(renderable: object) -> None:
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 120).print(renderable)


def _print_report(report: Report) -> None:
    from speechtl.report import kaldi_lines, render

    _print(render(report))
    for line in kaldi_lines(report):
        print(line)


def _log_to_terminal() -> None:
    logging.basicConfig(level=os.environ.get("SPEECHTL_LOG", "INFO"), format="%(message)s", stream=sys.stderr)
    for library in ("datasets", "accelerate", "torch", "matplotlib"):
        logging.getLogger(library).setLevel(logging.WARNING)
