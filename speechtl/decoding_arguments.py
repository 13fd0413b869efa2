"""The flags of the commands that decode, and of `lm`; nothing heavy is imported for them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechtl.decode import DecodeSettings

Commands = argparse._SubParsersAction  # the type of add_subparsers(), which argparse keeps private


def add_transcribe(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    """Add the command `transcribe`."""
    transcribe = commands.add_parser(
        "transcribe",
        parents=[common],
        allow_abbrev=False,
        help="turn audio files into text",
        description="Prints a line for each file: its path, a tab, its text. Files may be hours long: these "
        "are heard in overlapping windows that are joined in pauses.",
    )
    transcribe.add_argument("model", type=Path, help="a run folder or a model folder")
    transcribe.add_argument(
        "files",
        nargs="+",
        metavar="FILE|DIR|PATTERN",
        help="audio of any rate and format; a folder stands for all that is in it and below, a quoted "
        "pattern such as 'clips/**/*.wav' for what it matches",
    )
    transcribe.add_argument(
        "--language",
        help="orthography of the head, or one that it converts to (Tâi-lô and Pe̍h-ōe-jī); needed where there "
        "are several",
    )
    add_decoding(transcribe)
    _add_hearing(transcribe)
    transcribe.set_defaults(command="transcribe")


def _add_hearing(transcribe: argparse.ArgumentParser) -> None:
    transcribe.add_argument(
        "--format",
        choices=("text", "jsonl", "srt"),
        default="text",
        help="jsonl: file, text and phrases with their times in seconds; srt: subtitles",
    )
    transcribe.add_argument(
        "--out",
        type=Path,
        metavar="FILE|DIR",
        help="where to write (default: print); in a folder that is there, and for subtitles of several "
        "files, each recording has a file of its own",
    )
    transcribe.add_argument("--speaker", help="who speaks, for models with parts for some speakers")
    transcribe.add_argument(
        "--domain", help="the recordings' domain, for models with inputs for some domains"
    )
    transcribe.add_argument(
        "--skip-bad", action="store_true", help="leave out files that cannot be used, and name them"
    )
    transcribe.add_argument(
        "--window", type=float, default=30.0, help="longest part heard at once, in seconds (default: 30)"
    )
    transcribe.add_argument(
        "--overlap", type=float, default=4.0, help="what windows share, in seconds (default: 4)"
    )
    transcribe.add_argument(
        "--pause", type=float, default=0.5, help="seconds without speech that end a phrase (default: 0.5)"
    )


def add_lm(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    """Add the command `lm`."""
    lm = commands.add_parser(
        "lm",
        parents=[common],
        allow_abbrev=False,
        help="estimate an n-gram language model",
        description="Estimates a model of syllables, Han characters or words, as the orthography has them, "
        "by modified Kneser-Ney smoothing, and writes it as an ARPA file for --lm. Prints how well it "
        "foresees texts that it has not seen.",
    )
    lm.add_argument(
        "source",
        metavar="CORPUS|TEXTFILE",
        help="a corpus, of which only what a run trains on is read, or a .txt file with a text on each line",
    )
    lm.add_argument(
        "--language", help="the orthography; needed for a text file, and for a corpus of several languages"
    )
    lm.add_argument("--order", type=int, default=3, help="length of the longest n-grams (default: 3)")
    lm.add_argument("--out", type=Path, required=True, metavar="FILE.arpa", help="the file to write")
    lm.add_argument(
        "--text",
        metavar="CORPUS|TEXTFILE",
        help="what to measure the model on: a .txt file, or a corpus's dev split (default: that of CORPUS)",
    )
    lm.add_argument(
        "--split-as",
        metavar="RUN",
        help="leave out what this run carved out of CORPUS (default: of a corpus without dev or test, what a "
        "run from scratch carves out)",
    )
    lm.set_defaults(command="lm")


def add_decoding(command: argparse.ArgumentParser) -> None:
    """Add the flags that say how to decode."""
    decoding = command.add_argument_group("decoding")
    decoding.add_argument(
        "--decode",
        choices=("constrained", "greedy", "beam", "lexicon"),
        default="constrained",
        help="constrained: the best path of well-formed syllables (default); greedy: the best unit of every "
        "frame; beam: the likeliest text, with --lm if given; lexicon: listed words only",
    )
    decoding.add_argument("--closed", action="store_true", help="choose the best of the model's listed words")
    decoding.add_argument("--lm", metavar="FILE.arpa", help="beam, lexicon: an n-gram language model")
    decoding.add_argument("--lm-weight", type=float, help="what it counts beside the acoustic model")
    decoding.add_argument("--insertion-bonus", type=float, help="added for each token of the text, in nats")
    decoding.add_argument(
        "--lexicon", metavar="FILE", help="lexicon: words, one a line (default: those of --lm)"
    )
    decoding.add_argument("--beam-width", type=int, help="beam, lexicon: hypotheses kept after every frame")
    decoding.add_argument("--beam-threshold", type=float, help="how far below the best they may be, in nats")
    decoding.add_argument(
        "--no-grammar", action="store_true", help="beam: let syllables be ill-formed, as greedy does"
    )


def decode_settings(options: argparse.Namespace) -> DecodeSettings:
    """The decoding that the flags ask for; those not given have the defaults of the settings."""
    from speechtl.decode import DecodeSettings

    given = {
        "beam_width": options.beam_width,
        "beam_threshold": options.beam_threshold,
        "lm": options.lm,
        "lm_weight": options.lm_weight,
        "insertion_bonus": options.insertion_bonus,
        "lexicon": options.lexicon,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    _refuse_without_effect(options.decode, chosen)
    return DecodeSettings(options.decode, options.closed, grammar=not options.no_grammar, **chosen)


def _refuse_without_effect(method: str, chosen: Mapping[str, object]) -> None:
    """Refuse flags that this decoding passes over.

    Raises:
        ValueError: there are some; names them.
    """
    from speechtl.decode.settings import SEARCHES

    searching = ("beam_width", "beam_threshold", "insertion_bonus")
    idle = [name for name in searching if name in chosen and method not in SEARCHES]
    if "lm_weight" in chosen and "lm" not in chosen:
        raise ValueError("--lm-weight is given without a language model; name one by --lm FILE.arpa")
    if idle:
        flags = ", ".join("--" + name.replace("_", "-") for name in idle)
        raise ValueError(f"{flags}: only for --decode beam or lexicon; {method} searches nothing")
