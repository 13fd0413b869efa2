"""The command line: prepare, doctor, cache, plan, run, study, evaluate, compare, transcribe, lm."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from speechtl.arguments import parser
from speechtl.decoding_arguments import decode_settings

if TYPE_CHECKING:
    from speechtl.experiment import Experiment
    from speechtl.report import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status.

    0; 1 where cells of a study failed; 2 for a mistake of the user; 130 for an interruption.
    """
    options, rest = parser().parse_known_args(arguments)
    if rest and options.command not in ("run", "plan"):
        parser().error(f"unrecognized arguments: {' '.join(rest)}; `speechtl COMMAND --help` lists the flags")
    options.rest = rest
    try:
        _log_to_terminal()
        status: int = COMMANDS[options.command](options) or 0
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError) as error:
        if options.debug:
            traceback.print_exc()
        print(f"speechtl: {error}", file=sys.stderr)
        return 2
    return status


def _run(options: argparse.Namespace) -> int:
    if options.recipe is None:
        options.parser.print_help()
        if not options.help:
            raise ValueError(
                "no recipe given: `speechtl run RECIPE [FLAGS]`, such as `speechtl run multilingual`"
            )
        return 0
    experiment = _parse_recipe(options.recipe, options.rest + (["--help"] if options.help else []))
    if options.dry:
        return _dry_run(experiment, options)
    from speechtl.run import run
    from speechtl.run_folder import RunFolder
    from speechtl.train import Interrupted

    try:
        report = run(experiment, options.runs, fresh=options.fresh)
    except Interrupted as message:
        print(message, file=sys.stderr)
        return 130
    _print_report(report)
    print(
        f"the report, hypotheses and model are in {RunFolder.of(experiment, options.runs).path}",
        file=sys.stderr,
    )
    return 0


def _dry_run(experiment: Experiment, options: argparse.Namespace) -> int:
    from speechtl.dry_run import dry_run
    from speechtl.experiment import load_recipe
    from speechtl.tables import dry_run_parts

    found = dry_run(experiment, options.runs, load_recipe(options.recipe), fresh=options.fresh)
    for part in dry_run_parts(found):
        _print(part, is_wrapped=not isinstance(part, str))
    return 2 if found.is_refused else 0


def _plan(options: argparse.Namespace) -> int:
    from speechtl.plan_tables import planned_table, receipt_table
    from speechtl.planning import check_run, is_run, plan_of

    if options.subject is None:
        options.parser.print_help()
        if not options.help:
            raise ValueError("nothing to plan: `speechtl plan RECIPE [FLAGS]`, or `speechtl plan RUN`")
        return 0
    if not is_run(options.subject):
        flags = options.rest + (["--help"] if options.help else [])
        experiment = _parse_recipe(options.subject, flags, "plan")
        _print(planned_table(plan_of(experiment, options.runs), options.tensors))
        return 0
    if options.rest:
        raise ValueError(f"{' '.join(options.rest)}: a run has no flags; it is what it was")
    checks = check_run(options.subject)
    for run, receipt, faults in checks:
        _print(receipt_table(receipt, run, faults, options.tensors))
        for fault in faults:
            print(f"{run}: {fault}", file=sys.stderr)
    return 2 if any(faults for _, _, faults in checks) else 0


def _study(options: argparse.Namespace) -> int:
    from speechtl.study.cells import expand
    from speechtl.study.choosing import chosen_study
    from speechtl.study.dry import planned_table
    from speechtl.study.study import run_study
    from speechtl.train import Interrupted

    study = chosen_study(options.study, vars(options))
    if options.dry:
        _print(planned_table(study, expand(study, options.runs), options.runs).rich())
        return 0
    try:
        outcome = run_study(study, options.runs)
    except Interrupted as message:
        print(f"{message}\nCells that are finished are kept.", file=sys.stderr)
        return 130
    for table in outcome.tables:
        _print(table.rich())
    for folder, why in outcome.failures.items():
        print(f"FAILED: {folder}: {why}", file=sys.stderr)
    print(f"tables, pictures and runs are in {outcome.folder}", file=sys.stderr)
    return 1 if outcome.failures else 0


def _parse_recipe(name: str, flags: list[str], command: str = "run") -> Experiment:
    """A recipe with flags for its fields, named after those that were changed."""
    from speechtl.recipe_flags import parse_recipe

    return parse_recipe(name, flags, command)


def _prepare(options: argparse.Namespace) -> None:
    from speechtl.named_corpora import available, is_own, prepare_named

    if options.list:
        for entry in available():
            print(f"{entry.name:28} {'found' if entry.found else 'not found':10} {entry.description}")
        return
    if options.name is None:
        raise ValueError(
            "no corpus given: `speechtl prepare NAME|PATH`; `speechtl prepare --list` shows the names"
        )
    from speechtl.tables import summary_table

    if is_own(options.name):
        _prepare_own(options)
        return
    given = {
        "--audio-root": options.audio_root,
        "--ignore-columns": options.ignore_columns,
        "--skip-bad": options.skip_bad,
        "--streaming": options.streaming,
    }
    if strange := [flag for flag, value in given.items() if value]:
        raise ValueError(
            f"{', '.join(strange)}: for a path only; {options.name} has a layout of its own, and what of it "
            "cannot be used is left out and counted anyhow"
        )
    corpus = prepare_named(options.name, options.root, options.out, options.orthography, options.language)
    _print(summary_table(corpus))


def _prepare_own(options: argparse.Namespace) -> None:
    from speechtl.own_corpus import prepare_own
    from speechtl.tables import summary_table

    if options.root is not None:
        raise ValueError(
            f"--root is for a corpus of --list; {options.name} is a path, which says where it is"
        )
    if options.orthography is not None:
        raise ValueError(
            f"--orthography is for a corpus of --list; say how {options.name} is written by --language"
        )
    columns = [name for name in (options.ignore_columns or "").split(",") if name]
    prepared = prepare_own(
        options.name,
        language=options.language,
        audio_root=options.audio_root,
        ignore_columns=columns,
        skip_bad=options.skip_bad,
        out=options.out,
        streaming=options.streaming,
    )
    _print(summary_table(prepared.corpus))
    print(f"saved in {prepared.folder}", file=sys.stderr)
    if prepared.left_out is not None:
        print(f"what was left out is listed in {prepared.left_out}", file=sys.stderr)


def _doctor(options: argparse.Namespace) -> int:
    from speechtl.doctor import examine
    from speechtl.doctor.report import report
    from speechtl.tables import examination_table

    recipe = None
    if options.recipe is not None:
        from speechtl.experiment import load_recipe

        recipe = load_recipe(options.recipe)
    found = examine(
        options.corpus,
        recipe=recipe,
        language=options.language,
        audio_root=options.audio_root,
        ignore_columns=[name for name in (options.ignore_columns or "").split(",") if name],
        split_by=options.split_by,
        show_progress=True,
    )
    if found.summary:
        _print(examination_table(found))
    for line in report(found, options.corpus):
        _print(line, is_wrapped=False)
    return 0 if found.is_clean else 2


def _cache(options: argparse.Namespace) -> None:
    from speechtl.cache import cache_folder, clear_cache, list_cache
    from speechtl.tables import cache_table, size

    if options.clear:
        print(f"{size(clear_cache(options.corpus))} freed in {cache_folder()}")
        return
    shards = [row for row in list_cache() if options.corpus in (None, *row.corpora)]
    _print(cache_table(shards, str(cache_folder())))


def _evaluate(options: argparse.Namespace) -> None:
    from speechtl.checkpoint import load_model
    from speechtl.evaluate import evaluate, open_set, write_report
    from speechtl.refusals import refuse_run_folder, require_words

    if options.out is not None:
        refuse_run_folder(options.out)
    model = load_model(options.model)
    name, corpus = open_set(options.corpus, options.split, options.language)
    if options.closed:
        require_words(model, corpus)
    settings = decode_settings(options)
    report = evaluate(
        model,
        {name: corpus},
        settings=settings,
        speaker=options.speaker,
        domain=options.domain,
        show_progress=True,
    )
    _print_report(report)
    if options.out is not None:
        write_report(report, options.out)
        print(f"written to {options.out}", file=sys.stderr)


def _compare(options: argparse.Namespace) -> None:
    from speechtl.compare import compare
    from speechtl.tables import comparison_table

    compared = compare(options.runs, metric=options.metric, sets=options.set)
    for notice in compared.notices:
        print(notice, file=sys.stderr)
    for entry in compared.sets:
        table = comparison_table(entry)
        if options.markdown:
            print(table.markdown() + "\n")
        else:
            _print(table.rich())


def _transcribe(options: argparse.Namespace) -> None:
    from speechtl.checkpoint import load_model
    from speechtl.sound_files import find
    from speechtl.transcribe import TranscribeSettings, transcripts
    from speechtl.transcript_files import write
    from speechtl.windows import WindowSettings

    hearing = TranscribeSettings(
        windows=WindowSettings(options.window, options.overlap),
        pause=options.pause,
        speaker=options.speaker,
        domain=options.domain,
        skip_bad=options.skip_bad,
    )
    settings = decode_settings(options)
    model = load_model(options.model)
    files = find(options.files)
    found = transcripts(model, files, options.language, settings, hearing, show_progress=True)
    write(found, files, options.out or sys.stdout, options.format)
    if options.out is not None:
        print(f"written to {options.out}", file=sys.stderr)


def _lm(options: argparse.Namespace) -> None:
    from speechtl.language_model.building import build

    lines = build(
        options.source, options.out, language=options.language, order=options.order, text=options.text
    )
    for line in lines:
        print(line)
    print(f"written to {options.out}", file=sys.stderr)


def _print(renderable: object, is_wrapped: bool = True) -> None:
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(renderable, soft_wrap=not is_wrapped)


def _print_report(report: Report) -> None:
    from speechtl.report import kaldi_lines, render

    _print(render(report))
    for line in kaldi_lines(report):
        print(line)


def _log_to_terminal() -> None:
    from speechtl.terminal import LogLines

    level = os.environ.get("SPEECHTL_LOG", "INFO")
    logging.basicConfig(level=level, format="%(message)s", handlers=[LogLines()])
    for library in ("datasets", "accelerate", "torch", "matplotlib"):
        logging.getLogger(library).setLevel(logging.WARNING)


COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "prepare": _prepare,
    "doctor": _doctor,
    "cache": _cache,
    "plan": _plan,
    "run": _run,
    "study": _study,
    "evaluate": _evaluate,
    "compare": _compare,
    "transcribe": _transcribe,
    "lm": _lm,
}
