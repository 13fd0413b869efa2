"""The flags of `speechtl quickstart`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechtl.decoding_arguments import Commands


def add_quickstart(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    """Add the command."""
    quickstart = commands.add_parser(
        "quickstart",
        parents=[common],
        allow_abbrev=False,
        help="see the whole idea work on synthetic speech, in minutes",
        description="Synthesises speech with espeak-ng, trains a multilingual source on it, adapts it to "
        "three minutes of a language that it has not heard, by several methods, and writes a report. Needs "
        "no data and no network. The same command goes on where it was stopped.",
        epilog="Only speech, as much as you like, docs/synthetic_speech.md: "
        "speechtl quickstart --corpus-only --out spoken --utterances 900 --language en nan-Latn-tailo",
    )
    quickstart.add_argument(
        "--language",
        nargs="+",
        metavar="TAG",
        help="the target (default: nan-Latn-tailo); with --corpus-only the languages (default: all)",
    )
    quickstart.add_argument(
        "--keep", type=Path, metavar="DIR", help="where it works (default: speechtl-quickstart)"
    )
    quickstart.add_argument(
        "--smoke", action="store_true", help="a minute's version, too small to learn much"
    )
    quickstart.add_argument(
        "--seed", type=int, default=0, metavar="K", help="of speech and training (default: 0)"
    )
    quickstart.add_argument("--corpus-only", action="store_true", help="only make a corpus")
    quickstart.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="--corpus-only: a new folder for it (default: synthetic-speech)",
    )
    quickstart.add_argument(
        "--utterances", type=int, metavar="N", help="--corpus-only: of each language (default: 400)"
    )
    quickstart.set_defaults(command="quickstart")
