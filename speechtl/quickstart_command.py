"""The command quickstart: the whole way on synthetic speech, or only a corpus of it."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from speechtl import corpus_commands
from speechtl.terminal import show

PLACE = Path("speechtl-quickstart")
"""Where it works unless another folder is named."""


def quickstart(options: argparse.Namespace) -> int:
    """Run a quickstart, or only make a corpus; 130 where it was stopped."""
    if options.corpus_only:
        _refuse(options, ("keep", "smoke"), "not with --corpus-only, whose folder is named by --out")
        corpus_commands.synthesise(options)
        return 0
    _refuse(options, ("out", "utterances"), "only with --corpus-only; elsewhere --keep names the folder")
    from speechtl.quickstart import FULL, SMOKE, Quickstart, quickstart
    from speechtl.train import Interrupted

    languages = options.language or [Quickstart.language]
    if len(languages) > 1:
        raise ValueError(f"--language {' '.join(languages)}: a quickstart has one target; name one")
    chosen = Quickstart(languages[0], options.seed, SMOKE if options.smoke else FULL)
    try:
        with _headlines("speechtl.quickstart"):
            outcome = quickstart(options.keep or PLACE, chosen)
    except Interrupted as message:
        print(f"{message}\nWhat is finished is kept: the same command goes on.", file=sys.stderr)
        return 130
    show(outcome.table.rich())
    show(outcome.learned)
    print(f"the report, with pictures, is {outcome.report}", file=sys.stderr)
    print("next, hear a model, and go on to a corpus of your own (docs/tutorial.md):", file=sys.stderr)
    for command in outcome.next:
        print(f"  {command}", file=sys.stderr)
    return 0


def _refuse(options: argparse.Namespace, names: Sequence[str], why: str) -> None:
    if given := [f"--{name}" for name in names if getattr(options, name) not in (None, False)]:
        raise ValueError(f"{', '.join(given)}: {why}")


@contextmanager
def _headlines(part: str) -> Iterator[None]:
    """Only a part's own lines, unless $SPEECHTL_LOG is set: advice about flags is for commands with flags."""
    levels = {} if "SPEECHTL_LOG" in os.environ else {"speechtl": logging.ERROR, part: logging.INFO}
    before = {name: logging.getLogger(name).level for name in levels}
    try:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
