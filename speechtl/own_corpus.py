"""Prepare a corpus of the user's own: all faults of its rows and audio are found before anything is saved."""

from __future__ import annotations

import csv
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechtl.audio import AudioError, read_audio
from speechtl.cache import BadClip, bad_clips
from speechtl.corpus import Corpus, Utterance
from speechtl.corpus_folder import check_writable
from speechtl.failed_writes import explained
from speechtl.faults import Fault
from speechtl.formats import Reading, corpus_of, place_name, read
from speechtl.formats.clips import prune
from speechtl.formats.listing import Recorded
from speechtl.formats.whole import whole_file
from speechtl.named_corpora import data_folder, prepared_names, read_release, release_of
from speechtl.orthographies import canonical_tag


@dataclass(frozen=True)
class Prepared:
    """A corpus that was saved."""

    corpus: Corpus
    folder: Path
    left_out: Path | None
    """The list of what was left out, where anything was."""


def prepare_own(
    path: str | Path,
    *,
    language: str | None = None,
    audio_root: str | Path | None = None,
    ignore_columns: Collection[str] = (),
    skip_bad: bool = False,
    out: str | Path | None = None,
    streaming: bool = False,
) -> Prepared:
    """Read a manifest, folder or dataset, decode its audio into the cache, and save the corpus.

    Audio without a file of its own is written to `<folder>-clips`, beside the corpus. A release with a layout
    of its own is read by its data_prep: what of it cannot be used is left out and counted anyhow.

    Args:
        path: See `speechtl.formats.read`.
        language: See there.
        audio_root: See there.
        ignore_columns: See there.
        skip_bad: Leave out rows with faults, and list them in `<folder>-left-out.tsv`.
        out: The folder to save in; by default the corpus's name under $SPEECHTL_DATA.
        streaming: See there.

    Raises:
        FileNotFoundError: There is nothing at the path.
        ValueError: Faults, all of them in one message, or without `out` a corpus of that name that has no
            recording in common with this one; nothing is saved.
        OSError: The disk is full or not writable; an earlier corpus is still there.
    """
    if language is not None:
        language = canonical_tag(language, "--language")
    name = place_name(path)
    if out is None and name in prepared_names():
        raise ValueError(
            f"{path} would be saved as {name}, which is a corpus of `speechtl prepare --list`; name another "
            f"folder by --out, such as --out {data_folder() / ('my-' + name)}"
        )
    folder = Path(out) if out is not None else data_folder() / name
    if (release := release_of(str(path))) is not None:
        refuse_for_layout(
            f"{path} is a release with a layout of its own",
            audio_root=audio_root,
            ignore_columns=ignore_columns,
            skip_bad=skip_bad,
            streaming=streaming,
        )
        check_writable(folder)
        corpus = read_release(release, str(path), language)
        if out is None:
            _refuse_to_replace_another(folder, corpus.column("audio"))
        corpus.save(folder)
        return Prepared(corpus, folder, None)
    clips, list_of_left_out = _beside(folder, "-clips"), _beside(folder, "-left-out.tsv")
    check_writable(folder)
    reading = read(path, language, audio_root, ignore_columns, clips, streaming)
    if out is None:
        _refuse_to_replace_another(folder, [recorded.audio for recorded in reading.recorded])
    faults = [*reading.faults, *_audio_faults(reading)]
    try:
        corpus = corpus_of(reading, faults, str(path), skip_bad)
    except ValueError:
        prune(clips, _audio(folder))
        raise
    if faults:
        with (
            explained("the list of what was left out", list_of_left_out),
            whole_file(list_of_left_out) as beside,
        ):
            _write_left_out(beside, faults)
    corpus.save(folder)
    if not faults:
        list_of_left_out.unlink(missing_ok=True)
    prune(clips, _audio(folder))
    return Prepared(corpus, folder, list_of_left_out if faults else None)


def refuse_for_layout(why: str, **given: object) -> None:
    """Refuse settings that are for manifests, where a corpus is read by a layout of its own.

    Args:
        why: What a message says of the corpus.
        **given: The settings by name; those that are set are refused.

    Raises:
        ValueError: Some are set; names their flags.
    """
    if strange := ["--" + name.replace("_", "-") for name, value in given.items() if value]:
        raise ValueError(
            f"{', '.join(strange)}: {why}, and what of it cannot be used is left out and counted anyhow"
        )


def _audio_faults(reading: Reading) -> list[Fault]:
    """What decoding finds, of all audio, so that a row with a bad text may be found to be silent as well."""
    if not reading.recorded:
        return []
    rows = [
        Utterance(str(number), recorded.audio, "a", "en", None, None, 1.0, "train")
        for number, recorded in enumerate(reading.recorded)
    ]
    corpus = Corpus.from_utterances(reading.name, rows)
    return [
        _audio_fault(reading.recorded[clip.index], clip)
        for clip in bad_clips(corpus, show_progress=sys.stderr.isatty())
    ]


def _audio_fault(recorded: Recorded, clip: BadClip) -> Fault:
    kind, mend, detail = "silent audio", "record it again", clip.message
    if clip.reason != "silent":
        kind, mend = "audio that may not be read", "give yourself the right to"
        try:
            read_audio(recorded.audio)
        except AudioError as error:
            kind, mend, detail = error.kind, error.mend, f"{recorded.audio}: {error.found}"
        except OSError as error:
            detail = str(error)
    return Fault(kind, f"{mend}, or remove the row", recorded.where, detail, recorded.row)


def _write_left_out(path: Path, faults: Sequence[Fault]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["row", "kind", "detail"])
        writer.writerows([fault.where, fault.kind, fault.detail] for fault in faults)


def _refuse_to_replace_another(folder: Path, audio: Collection[str]) -> None:
    """A corpus that is prepared again has recordings of before; one that merely has its name has none."""
    earlier = _audio(folder)
    if earlier and audio and earlier.isdisjoint(audio):
        raise ValueError(
            f"{folder} holds a corpus of that name with other recordings, such as {min(earlier)}; name "
            f"another folder by --out, such as --out {folder.with_name(folder.name + '-2')}, or that one to "
            "replace it"
        )


def _audio(folder: Path) -> set[str]:
    """The audio of the corpus that is saved there, if one is."""
    try:
        return set(Corpus.load(folder).column("audio"))
    except (FileNotFoundError, ValueError):
        return set()


def _beside(folder: Path, ending: str) -> Path:
    return folder.absolute().with_name(folder.name + ending)
