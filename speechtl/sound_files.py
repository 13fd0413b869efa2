"""Which sound files a command is given: files, folders and patterns."""

from __future__ import annotations

import glob
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from speechtl.audio import SUFFIXES
from speechtl.faults import listed

OTHERS = (".3gp", ".aac", ".aif", ".aiff", ".amr", ".caf", ".m4a", ".mp4", ".sph", ".webm", ".wma")
"""Endings of recordings that are not read."""
_log = logging.getLogger(__name__)


def find(given: Sequence[str | Path]) -> list[Path]:
    """The files that are meant, in the order given; those of a folder or pattern in the order of their paths.

    A folder stands for all sound files in it and below, a pattern (`clips/**/*.wav`) for what it matches. A
    file that is meant twice is there once. What is not there is returned as given, to be refused with its
    fellows. Recordings in other formats are passed over, and named in a warning.

    Raises:
        ValueError: folders without sound files, or patterns that match nothing; names all of them.
    """
    found: dict[Path, None] = {}
    empty = []
    others: dict[Path, None] = {}
    for entry in given:
        path = Path(entry)
        files = [path]
        if path.is_dir():
            inside = sorted(path.rglob("*"))
            files = _with_ending(inside, SUFFIXES)
            others |= dict.fromkeys(_with_ending(inside, OTHERS))
        elif glob.has_magic(str(entry)) and not path.exists():
            # Path.glob takes no absolute patterns.
            matches = sorted(map(Path, glob.glob(str(entry), recursive=True)))  # noqa: PTH207
            files = _with_ending(matches, SUFFIXES)
            others |= dict.fromkeys(_with_ending(matches, OTHERS))
        if not files:
            empty.append(f"{entry}: no sound files ({' '.join(SUFFIXES)})")
        found |= dict.fromkeys(files)
    if empty:
        if others:
            empty.append(_conversion(others))
        raise ValueError("\n".join(empty))
    if others:
        _log.warning("passed over: %s", _conversion(others))
    return list(found)


def has_sound(folder: Path) -> bool:
    """Whether there is a sound file in a folder or below it."""
    return any(_with_ending([path], SUFFIXES) for path in folder.rglob("*"))


def _conversion(others: Iterable[Path]) -> str:
    named = listed(list(map(str, others)))
    return f"{named} cannot be read; convert such files, say by ffmpeg, to {SUFFIXES[1]}"


def _with_ending(paths: Sequence[Path], endings: Sequence[str]) -> list[Path]:
    return [path for path in paths if path.suffix.lower() in endings and path.is_file()]
