"""The commands that make, read and look at corpora: quickstart's, prepare, doctor, cache."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from speechtl.terminal import show

UTTERANCES = 400
"""Of each language in a corpus of synthetic speech, where none are asked for."""


def synthesise(options: argparse.Namespace) -> None:
    """Make corpora of synthetic speech, and tell what they hold."""
    from speechtl.synthesis import LANGUAGES, dealt, synthetic_corpora
    from speechtl.tables import synthetic_table

    languages = dict.fromkeys(options.language or LANGUAGES)
    utterances = UTTERANCES if options.utterances is None else options.utterances
    wanted = [dealt(language, utterances) for language in languages]
    out = options.out or Path("synthetic-speech")
    made = synthetic_corpora(out, wanted, seed=options.seed, show_progress=True)
    show(synthetic_table(made.values()).rich())
    print(f"manifests, prepared corpora and a README are in {out}", file=sys.stderr)


def prepare(options: argparse.Namespace) -> None:
    """Read a corpus into the data folder, or list what can be read."""
    from speechtl.named_corpora import available, is_own, prepare_named

    if options.list:
        for entry in available():
            print(f"{entry.name:28} {'found' if entry.found else 'not found':10} {entry.description}")
        return
    if options.name is None:
        raise ValueError(
            "no corpus given: `speechtl prepare NAME|PATH`; `speechtl prepare --list` shows the names"
        )
    from speechtl.own_corpus import refuse_for_layout
    from speechtl.tables import summary_table

    if is_own(options.name):
        _prepare_own(options)
        return
    refuse_for_layout(
        f"for a path only; {options.name} has a layout of its own",
        audio_root=options.audio_root,
        ignore_columns=options.ignore_columns,
        skip_bad=options.skip_bad,
        streaming=options.streaming,
    )
    corpus = prepare_named(options.name, options.root, options.out, options.orthography, options.language)
    show(summary_table(corpus))


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
    show(summary_table(prepared.corpus))
    print(f"saved in {prepared.folder}", file=sys.stderr)
    if prepared.left_out is not None:
        print(f"what was left out is listed in {prepared.left_out}", file=sys.stderr)


def doctor(options: argparse.Namespace) -> int:
    """Print every fault of a corpus; 2 where there are some."""
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
        needs_text=not options.without_texts,
        show_progress=True,
    )
    if found.summary:
        show(examination_table(found))
    for line in report(found, options.corpus):
        show(line, is_wrapped=False)
    return 0 if found.is_clean else 2


def cache(options: argparse.Namespace) -> None:
    """List the decoded audio, or delete it."""
    from speechtl.cache import cache_folder, clear_cache, list_cache
    from speechtl.tables import cache_table, size

    if options.clear:
        print(f"{size(clear_cache(options.corpus))} freed in {cache_folder()}")
        return
    shards = [row for row in list_cache() if options.corpus in (None, *row.corpora)]
    show(cache_table(shards, str(cache_folder())))
