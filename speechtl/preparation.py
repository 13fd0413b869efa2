"""From a publisher's recordings to a corpus: what cannot be used is left out and counted by reason."""

from __future__ import annotations

import logging
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from speechtl.audio import SUFFIXES, duration
from speechtl.cache import without_bad_clips
from speechtl.corpus import Corpus, SplitBy, Utterance
from speechtl.text_faults import text_fault

_NAMED = 5
_AT_ONCE = 2000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """One entry of a publisher's list, or one file where there is no list."""

    id: str
    """Unique in the corpus."""
    audio: Path | None
    """None where the file is not there."""
    text: str
    language: str
    speaker: str | None
    domain: str | None
    split: str = "train"


_dropped: ContextVar[list[tuple[Recording, str]] | None] = ContextVar("dropped", default=None)


@contextmanager
def inspection() -> Iterator[list[tuple[Recording, str]]]:
    """Inside, `assemble` decodes and caches nothing; the list gets what it leaves out, with the reasons."""
    dropped: list[tuple[Recording, str]] = []
    token = _dropped.set(dropped)
    try:
        yield dropped
    finally:
        _dropped.reset(token)


def assemble(
    name: str,
    recordings: Iterable[Recording],
    *,
    left_out: Mapping[str, int] | None = None,
    split_by: SplitBy = "none",
) -> Corpus:
    """The recordings that can be used, their audio decoded into the cache, and the others counted.

    Args:
        name: The corpus's name; ids begin with it.
        recordings: Found kept or not: the corpus's length and its `left_out` add up to them.
        left_out: Counts, by reason, of what the caller left out already.
        split_by: What the recordings' splits do not share.

    Raises:
        ValueError: Nothing can be used.
    """
    unusable: defaultdict[str, list[str]] = defaultdict(list)
    utterances = []
    dropped = _dropped.get()
    for recording, seconds in _measured(recordings):
        if reason := _reason(recording, seconds):
            unusable[reason].append(recording.id)
            if dropped is not None:
                dropped.append((recording, reason))
        else:
            utterances.append(_utterance(name, recording, seconds or 0.0))
    for reason, ids in unusable.items():
        shown = ", ".join(ids[:_NAMED]) + (" ..." if len(ids) > _NAMED else "")
        _log.info("%s: %d left out, %s: %s", name, len(ids), reason, shown)
    counts = dict(left_out or {}) | {reason: len(ids) for reason, ids in unusable.items()}
    corpus = Corpus.from_utterances(name, utterances, split_by=split_by, left_out=counts)
    if dropped is not None:
        return corpus
    usable = without_bad_clips(corpus, show_progress=sys.stderr.isatty())
    if not len(usable):
        found = ", ".join(f"{count} {reason}" for reason, count in usable.left_out.items()) or "no recording"
        raise ValueError(f"{name}: nothing that can be used was found ({found}); give its folder by --root")
    return usable


def find_audio(path: Path) -> Path | None:
    """The file, or the one of the same name with another audio ending, or None."""
    if path.is_file():
        return path
    others = (path.with_name(path.stem + suffix) for suffix in SUFFIXES)
    return next((other for other in others if other.is_file()), None)


def audio_files(folder: Path) -> Iterator[Path]:
    """All audio files in a folder and those inside it, sorted; hidden ones are passed over.

    Raises:
        FileNotFoundError: There is no such folder, or no audio in it.
    """
    require(folder)
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    if not found:
        raise FileNotFoundError(
            f"{folder}: no audio file in it ({' '.join(SUFFIXES)}); fetch the corpus again"
        )
    yield from found


def require(*paths: Path) -> None:
    """Check that paths of a publisher's layout are there.

    Raises:
        FileNotFoundError: Those that are not, all in one message.
    """
    if missing := [str(path) for path in paths if not path.exists()]:
        raise FileNotFoundError(
            f"not the publisher's layout, there is no {' and no '.join(missing)}; give its folder by --root"
        )


def _measured(recordings: Iterable[Recording]) -> Iterator[tuple[Recording, float | None]]:
    """The recordings and their seconds by the header, in threads, of which few wait at a time."""
    left = iter(recordings)
    with ThreadPoolExecutor() as pool:
        while part := list(islice(left, _AT_ONCE)):
            yield from zip(part, pool.map(_seconds, part), strict=True)


def _seconds(recording: Recording) -> float | None:
    """None where there is no readable header."""
    if recording.audio is None:
        return None
    try:
        return duration(recording.audio)
    except (OSError, ValueError):
        return None


def _reason(recording: Recording, seconds: float | None) -> str | None:
    if recording.audio is None:
        return "absent"
    if fault := text_fault(recording.language, recording.text):
        return fault.kind
    return "unreadable" if seconds is None else None


def _utterance(name: str, recording: Recording, seconds: float) -> Utterance:
    return Utterance(
        id=f"{name}/{recording.id}",
        audio=str(recording.audio),
        text=recording.text,
        language=recording.language,
        speaker=recording.speaker,
        domain=recording.domain,
        duration=seconds,
        split=recording.split,
    )
