"""Which sound files a command is given: files, folders and patterns."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from speechtl.audio import SUFFIXES


def find(given: Sequence[str | Path]) -> list[Path]:
    """The files that are meant, in the order given; those of a folder or pattern in the order of their paths.

    A folder stands for all sound files in it and below, a pattern (`clips/**/*.wav`) for what it matches. A
    file that is meant twice is there once. What is not there is returned as given, to be refused with its
    fellows.

    Raises:
        ValueError: folders without sound files, or patterns that match nothing; names all of them.
    """
    found: dict[Path, None] = {}
    empty = []
    for entry in given:
        path = Path(entry)
        files = [path]
        if path.is_dir():
            files = _sound_files(sorted(path.rglob("*")))
        elif glob.has_magic(str(entry)) and not path.exists():
            # Path.glob takes no absolute patterns.
            matches = glob.glob(str(entry), recursive=True)  # noqa: PTH207
            files = _sound_files(sorted(map(Path, matches)))
        if not files:
            empty.append(f"{entry}: no sound files ({' '.join(SUFFIXES)})")
        found |= dict.fromkeys(files)
    if empty:
        raise ValueError("\n".join(empty))
    return list(found)


def _sound_files(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file()]
