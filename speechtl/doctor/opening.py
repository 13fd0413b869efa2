"""Open what is to be examined: a prepared corpus, a manifest or folder, or a publisher's recordings."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from speechtl.corpus import COLUMNS, Corpus
from speechtl.corpus_folder import is_corpus_folder
from speechtl.corpus_table import table_of
from speechtl.doctor.subject import Subject
from speechtl.faults import Fault
from speechtl.formats import Reading, read
from speechtl.formats.listing import Recorded
from speechtl.formats.reading import MANIFESTS
from speechtl.named_corpora import data_folder, is_own, read_named, read_release, release_of
from speechtl.orthographies import canonical_tag
from speechtl.preparation import inspection

_MARK = b"\xef\xbb\xbf"
_NAMES = (
    *("wav.scp", "text", "segments", "utt2spk", "utt2lang", "utt2dur", "utt2domain"),
    *("metadata.csv", "metadata.jsonl"),
)


@contextmanager
def opened(
    path: str,
    language: str | None = None,
    audio_root: Path | None = None,
    ignore_columns: Collection[str] = (),
    claims: Collection[str] = (),
    needs_text: bool = True,
) -> Iterator[Subject]:
    """What is at a path or has this name; only inside do files exist that were cut from recordings.

    Args:
        path: A prepared corpus by name or folder, whatever `speechtl.formats.read` reads, or a corpus of
            `speechtl prepare --list`.
        language: The orthography of rows that name none.
        audio_root: The folder of relative audio paths.
        ignore_columns: Columns of a manifest that are passed over.
        claims: What a manifest's splits do not share: text, speaker.
        needs_text: Whether an utterance without a text is a fault; else a folder of sound files is read too.

    Raises:
        FileNotFoundError: There is nothing of this name.
        ValueError: The format is none that is read, or the language chooses no orthography.
    """
    if language is not None:
        language = canonical_tag(language, "the language of rows that name none")
    place = Path(path).expanduser()
    for prepared in (data_folder() / path, data_folder() / path.replace("-", "_"), place):
        if is_corpus_folder(prepared):
            yield _of_corpus(Corpus.load(prepared), "prepared", claims)
            return
    if (release := release_of(path)) is not None:
        yield _of_publisher(partial(read_release, release, path, language), claims)
        return
    if not is_own(path):
        yield _of_publisher(partial(read_named, path, language), claims)
        return
    with tempfile.TemporaryDirectory(prefix="speechtl-doctor-") as clips:
        reading = read(path, language, audio_root, ignore_columns, clips=clips, needs_text=needs_text)
        subject = _of_reading(reading, _marks(place), claims)
        yield replace(subject, clips=clips, needs_text=needs_text)


def _of_reading(reading: Reading, marks: Iterable[Fault], claims: Collection[str]) -> Subject:
    used = set(reading.row_of)
    return Subject(
        name=reading.name,
        format=reading.format,
        rows=reading.rows,
        table=table_of(reading.utterances, COLUMNS),
        faults=[*marks, *reading.faults],
        claims=frozenset(claims),
        places=reading.places,
        numbers=reading.row_of,
        others=[one for one in reading.recorded if one.row not in used],
    )


def _of_corpus(corpus: Corpus, kind: str, claims: Collection[str]) -> Subject:
    own = set() if corpus.split_by == "none" else {corpus.split_by}
    return Subject(
        name=corpus.name,
        format=kind,
        rows=len(corpus),
        table=corpus.table(),
        claims=frozenset({*own, *claims}),
        left_out=corpus.left_out,
    )


def _of_publisher(reading: Callable[[], Corpus], claims: Collection[str]) -> Subject:
    """What `speechtl prepare` would read; what it would leave out is looked at too, unless it is absent."""
    with inspection() as dropped:
        corpus = reading()
    subject = _of_corpus(corpus, "publisher's folder", claims)
    others, faults = [], []
    for row, (recording, reason) in enumerate(dropped, start=len(corpus)):
        id_ = f"{corpus.name}/{recording.id}"
        if reason == "unreadable":
            others.append(Recorded(row, id_, str(recording.audio)))
        elif reason != "absent":
            faults.append(
                Fault(reason, "correct the text, or leave the recording out", id_, recording.text, row)
            )
    seen = Counter(reason for _, reason in dropped if reason != "absent")
    left_out = {reason: left for reason, n in corpus.left_out.items() if (left := n - seen[reason])}
    met = len(corpus) + sum(corpus.left_out.values())
    return replace(subject, rows=met, faults=faults, others=others, left_out=left_out)


def _marks(place: Path) -> Iterator[Fault]:
    """Lists that begin with a byte-order mark, which readers pass over."""
    files = _lists(place) if place.is_dir() else [place]
    for file in files:
        if not file.is_file():
            continue
        with file.open("rb") as opened:
            if opened.read(len(_MARK)) == _MARK:
                mend = "save it as UTF-8 without one; it was passed over, but other tools take it for text"
                yield Fault("byte-order mark", mend, f"{file}:1")


def _lists(folder: Path) -> list[Path]:
    """The lists of a folder and, by their usual names, of folders in it: they may hold many recordings."""
    inside = sorted(folder.iterdir())
    below = [part / name for part in inside if part.is_dir() for name in _NAMES]
    return [path for path in inside if path.name in _NAMES or path.suffix.lower() in MANIFESTS] + below
