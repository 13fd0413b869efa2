"""The command line's commands and flags; nothing heavy is imported for them."""

from __future__ import annotations

import argparse
from pathlib import Path

from speechtl import __version__
from speechtl.decoding_arguments import Commands, add_decoding, add_lm, add_transcribe
from speechtl.quickstart_arguments import add_quickstart
from speechtl.study_arguments import add_study


def parser() -> argparse.ArgumentParser:
    """All commands; `command` of the parsed options is the name of one."""
    whole = argparse.ArgumentParser(
        prog="speechtl",
        allow_abbrev=False,
        description="Take an acoustic model from where speech is plentiful to where it is scarce, "
        "and prove that it helped.",
        epilog="Mistakes exit with status 2 and one message; $SPEECHTL_LOG=WARNING says less on the way.",
    )
    whole.add_argument("--debug", action="store_true", help="show the traceback of an error")
    whole.add_argument("--version", action="version", version=f"speechtl {__version__}")
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    # Suppressed, so that a --debug before the command is not unset after it.
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
    )
    for add in (
        add_quickstart,
        _add_prepare,
        _add_doctor,
        _add_cache,
        _add_plan,
        _add_run,
        add_study,
        _add_evaluate,
        _add_compare,
        add_transcribe,
        add_lm,
    ):
        add(commands, common)
    return whole


def _add_prepare(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    prepare = commands.add_parser(
        "prepare",
        parents=[common],
        allow_abbrev=False,
        help="read a corpus into the data folder",
        description="Reads a published corpus by its name, or your own by its path, decodes its audio and "
        "prints what it holds. All that is wrong with rows or audio is named at once; nothing is saved then.",
    )
    prepare.add_argument(
        "name",
        nargs="?",
        metavar="NAME|PATH",
        help="a corpus of --list; or a manifest (.jsonl, .csv, .tsv), a Kaldi directory, a Common Voice "
        "release, a Hugging Face dataset (saved, Parquet, audio folder, or hf:NAME[:CONFIG] of the hub)",
    )
    prepare.add_argument("--list", action="store_true", help="the corpora that can be prepared")
    prepare.add_argument(
        "--root", type=Path, help="the publisher's folder (default: NAME under $SPEECHTL_CORPORA)"
    )
    prepare.add_argument(
        "--orthography",
        help="NAME: which of the texts to take, where they are printed in several, e.g. nan-Hant",
    )
    prepare.add_argument(
        "--language",
        help="PATH: the orthography of rows that name none, or only a code of what is spoken, e.g. "
        "nan-Latn-tailo; NAME: that of a corpus whose publisher does not tell it",
    )
    prepare.add_argument(
        "--audio-root",
        type=Path,
        help="PATH: where relative audio paths start (default: the manifest's folder)",
    )
    prepare.add_argument("--ignore-columns", metavar="A,B", help="PATH: columns to pass over")
    prepare.add_argument(
        "--skip-bad", action="store_true", help="PATH: leave bad rows out, and list them beside the corpus"
    )
    prepare.add_argument(
        "--streaming", action="store_true", help="hf:NAME: read it without keeping a copy of the download"
    )
    prepare.add_argument(
        "--out",
        type=Path,
        help="the prepared corpus's folder (default: its name under $SPEECHTL_DATA, else data)",
    )
    prepare.set_defaults(command="prepare")


def _add_doctor(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    doctor = commands.add_parser(
        "doctor",
        parents=[common],
        allow_abbrev=False,
        help="find every fault of a corpus at once",
        description="Looks at every row, text and recording, and writes nothing. Exits with 0 when nothing "
        "is wrong, with 2 otherwise; notices are no faults.",
    )
    doctor.add_argument(
        "corpus",
        metavar="NAME|PATH",
        help="a prepared corpus by name or folder, anything that `prepare` reads, or a name of its --list",
    )
    doctor.add_argument(
        "--recipe", help="use its units, speeds and features, and tell what its training will take"
    )
    doctor.add_argument("--language", help="the orthography of rows that name none, e.g. nan-Latn-tailo")
    doctor.add_argument(
        "--audio-root", type=Path, help="where relative audio paths start (default: the manifest's folder)"
    )
    doctor.add_argument("--ignore-columns", metavar="A,B", help="columns to pass over")
    doctor.add_argument(
        "--split-by",
        action="append",
        default=[],
        choices=("text", "speaker"),
        help="what the splits are meant not to share (a prepared corpus says so itself); may be repeated",
    )
    doctor.add_argument(
        "--without-texts",
        action="store_true",
        help="a manifest or folder that is heard without labels: rows may lack a text, and sound files alone "
        "will do",
    )
    doctor.set_defaults(command="doctor")


def _add_cache(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    cache = commands.add_parser(
        "cache", parents=[common], allow_abbrev=False, help="list or clear the decoded audio"
    )
    cache.add_argument("--clear", action="store_true", help="delete it; it is decoded again when needed")
    cache.add_argument("--corpus", help="only that of one corpus")
    cache.set_defaults(command="cache")


def _add_plan(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    plan = commands.add_parser(
        "plan",
        parents=[common],
        allow_abbrev=False,
        add_help=False,
        help="what a recipe copies, freezes and trains, or the proof of what a run did",
        description="Of a recipe, with any of its flags: block by block where it starts from, what is "
        "trained and how fast, without training. Of a run: how far each block drifted, and the check by "
        "digests that what was frozen did not move; exits with 2 where that fails.",
    )
    plan.add_argument(
        "subject",
        nargs="?",
        metavar="RECIPE|RUN",
        help="before its flags: a recipe's name or file; or a run's folder, such as "
        "runs/taiwanese-upper/seed-0",
    )
    plan.add_argument("--tensors", action="store_true", help="every tensor, not only every block")
    plan.add_argument(
        "--runs", type=Path, default=Path("runs"), help="where sources' runs are (default: runs)"
    )
    plan.add_argument("-h", "--help", action="store_true", help="show this, or after a recipe its flags")
    plan.set_defaults(command="plan", parser=plan)


def _add_run(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    run = commands.add_parser(
        "run",
        parents=[common],
        allow_abbrev=False,
        add_help=False,
        help="train and evaluate a recipe, or resume it, or print its report",
        description="Any field of the recipe is a flag: `speechtl run taiwanese/finetune --seed 2 "
        "--target.minutes 3 --train.lr 1e-3`. `speechtl run RECIPE --help` lists them.",
    )
    run.add_argument(
        "recipe",
        nargs="?",
        help="before its flags: a recipe's name (such as taiwanese/finetune), a Python file, or a run's "
        "experiment.json",
    )
    run.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: runs)")
    run.add_argument("--fresh", action="store_true", help="move an existing run aside and start anew")
    run.add_argument(
        "--dry",
        action="store_true",
        help="only show settings, data, model, and what the run would do and take; nothing is trained",
    )
    run.add_argument("-h", "--help", action="store_true", help="show this, or a recipe's flags")
    run.set_defaults(command="run", parser=run)


def _add_evaluate(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    evaluate = commands.add_parser(
        "evaluate",
        parents=[common],
        allow_abbrev=False,
        help="score a model on a corpus",
        description="Prints every error with its 95 % interval; refuses speech the model was trained on.",
    )
    evaluate.add_argument("model", type=Path, help="a run folder or a model folder")
    evaluate.add_argument(
        "corpus", help="a prepared corpus by name or folder, or a manifest or dataset that `prepare` reads"
    )
    evaluate.add_argument(
        "--split",
        help="the split to score, or `all` (default: test, be it the corpus's own or what the run carved out "
        "of it; all of another corpus with one split)",
    )
    evaluate.add_argument(
        "--language",
        help="one of the corpus's languages, or one that they convert to (Tâi-lô and Pe̍h-ōe-jī), or that of "
        "a manifest that names none",
    )
    evaluate.add_argument(
        "--speaker",
        help="who all utterances are heard as, for models with parts for some speakers (default: as whom the "
        "corpus names)",
    )
    evaluate.add_argument(
        "--domain", help="the domain that all are heard as being of (default: as the corpus says)"
    )
    evaluate.add_argument(
        "--trim-db",
        type=float,
        metavar="DB",
        help="cut silence off as `trim_db` of a recipe does (default: as it was for training)",
    )
    add_decoding(evaluate)
    evaluate.add_argument("--out", type=Path, help="folder for report.json and hyp/ (default: only print)")
    evaluate.set_defaults(command="evaluate")


def _add_compare(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    compare = commands.add_parser(
        "compare",
        parents=[common],
        allow_abbrev=False,
        help="errors of runs side by side",
        description="Every run is compared with the first one, on every test set that runs share, their "
        "sources' sets too: intervals, differences and paired tests, over seeds where there are several.",
    )
    compare.add_argument(
        "runs",
        nargs="+",
        type=Path,
        help="runs/<name> (all seeds), single seeds, or folders of `evaluate`",
    )
    compare.add_argument(
        "--metric",
        help="the error to compare, e.g. closed_balanced (default: closed where all have it, else syllable, "
        "else cer)",
    )
    compare.add_argument("--set", action="append", help="compare on this set only; may be repeated")
    compare.add_argument("--markdown", action="store_true", help="print Markdown instead of a table")
    compare.set_defaults(command="compare")
