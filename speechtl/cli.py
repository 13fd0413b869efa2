"""The command line: quickstart, the commands for corpora, and those that train, score and transcribe."""

from __future__ import annotations

import argparse
import logging
import os
import select
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from speechtl import corpus_commands, quickstart_command
from speechtl.arguments import parser
from speechtl.decoding_arguments import decode_settings
from speechtl.terminal import show

if TYPE_CHECKING:
    from speechtl.experiment import Experiment
    from speechtl.report import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status.

    0; 1 where cells of a study failed; 2 for a mistake of the user; 130 for an interruption; 141 where nobody
    reads on, as behind `| head`.
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
        if isinstance(error, BrokenPipeError) and _nobody_reads_on():
            return 141
        if options.debug:
            traceback.print_exc()
        print(f"speechtl: {error}", file=sys.stderr)
        return 2
    return status


def _nobody_reads_on() -> bool:
    """Whether the reader of what is printed has left; then the exit finds nothing that it could not print."""
    watched = select.poll()
    watched.register(sys.stdout.fileno(), select.POLLERR)
    if not watched.poll(0):
        return False
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return True


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
    from speechtl.domains import read_domains
    from speechtl.run import run
    from speechtl.run_folder import RunFolder
    from speechtl.train import Interrupted

    try:
        report = run(experiment, options.runs, fresh=options.fresh)
    except Interrupted as message:
        print(message, file=sys.stderr)
        return 130
    folder = RunFolder.of(experiment, options.runs).path
    _print_report(report)
    measured = read_domains(folder)
    if measured is not None:
        from speechtl.domain_table import domain_table

        show(domain_table(measured).rich())
    print(f"the report, hypotheses and model are in {folder}", file=sys.stderr)
    return 0


def _dry_run(experiment: Experiment, options: argparse.Namespace) -> int:
    from speechtl.dry_run import dry_run
    from speechtl.experiment import load_recipe
    from speechtl.tables import dry_run_parts

    found = dry_run(experiment, options.runs, load_recipe(options.recipe), fresh=options.fresh)
    for part in dry_run_parts(found):
        show(part, is_wrapped=not isinstance(part, str))
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
        planned = plan_of(experiment, options.runs)
        show(planned_table(planned, options.tensors))
        for line in planned.advice:
            print(line, file=sys.stderr)
        return 0
    if options.rest:
        raise ValueError(f"{' '.join(options.rest)}: a run has no flags; it is what it was")
    checks = check_run(options.subject)
    for run, receipt, faults in checks:
        show(receipt_table(receipt, run, faults, options.tensors))
        for fault in faults:
            print(f"{run}: {fault}", file=sys.stderr)
    return 2 if any(faults for _, _, faults in checks) else 0


def _study(options: argparse.Namespace) -> int:
    from speechtl.study.alike import refuse_unlike
    from speechtl.study.cells import expand
    from speechtl.study.choosing import chosen_study
    from speechtl.study.dry import planned
    from speechtl.study.study import run_study
    from speechtl.train import Interrupted

    study = chosen_study(options.study, vars(options))
    if options.dry:
        cells = expand(study, options.runs)
        table, faults = planned(study, cells, options.runs)
        show(table.rich())
        for fault in faults:
            print(fault, file=sys.stderr)
        refuse_unlike(study, cells)
        return 2 if faults else 0
    try:
        outcome = run_study(study, options.runs)
    except Interrupted as message:
        print(f"{message}\nCells that are finished are kept.", file=sys.stderr)
        return 130
    for table in outcome.tables:
        show(table.rich())
    for notice in outcome.notices:
        print(notice, file=sys.stderr)
    for folder, why in outcome.failures.items():
        print(f"FAILED: {folder}: {why}", file=sys.stderr)
    print(f"tables, pictures and runs are in {outcome.folder}", file=sys.stderr)
    return 1 if outcome.failures or (outcome.notices and not outcome.tables) else 0


def _parse_recipe(name: str, flags: list[str], command: str = "run") -> Experiment:
    """A recipe with flags for its fields, named after those that were changed."""
    from speechtl.recipe_flags import parse_recipe

    return parse_recipe(name, flags, command)


def _evaluate(options: argparse.Namespace) -> None:
    from speechtl.checkpoint import load_model
    from speechtl.evaluate import evaluate, open_set, write_report
    from speechtl.recognition import advise_on_unnamed_domains
    from speechtl.refusals import refuse_run_folder, require_words

    if options.out is not None:
        refuse_run_folder(options.out)
    model = load_model(options.model)
    name, corpus = open_set(
        options.corpus, options.split, options.language, options.trim_db, tested=options.model
    )
    if options.closed:
        require_words(model, corpus)
    settings = decode_settings(options)
    if options.domain is None:
        advise_on_unnamed_domains(model.model, corpus.column("domain"), name)
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
            show(table.rich())


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
    from speechtl.language_model_building import build

    lines = build(
        options.source,
        options.out,
        language=options.language,
        order=options.order,
        text=options.text,
        split_as=options.split_as,
    )
    for line in lines:
        print(line)
    print(f"written to {options.out}", file=sys.stderr)


def _print_report(report: Report) -> None:
    from speechtl.report import kaldi_lines, render

    show(render(report))
    for line in kaldi_lines(report):
        print(line)


def _log_to_terminal() -> None:
    from speechtl.terminal import LogLines

    level = os.environ.get("SPEECHTL_LOG", "INFO")
    logging.basicConfig(level=level, format="%(message)s", handlers=[LogLines()])
    for library in ("datasets", "accelerate", "torch", "matplotlib"):
        logging.getLogger(library).setLevel(logging.WARNING)


COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "quickstart": quickstart_command.quickstart,
    "prepare": corpus_commands.prepare,
    "doctor": corpus_commands.doctor,
    "cache": corpus_commands.cache,
    "plan": _plan,
    "run": _run,
    "study": _study,
    "evaluate": _evaluate,
    "compare": _compare,
    "transcribe": _transcribe,
    "lm": _lm,
}
