"""Where the audio paths of a manifest lead: a relative one starts at a folder, and stays inside it."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def resolve(written: str, root: Path, takes_absolute: bool = True) -> Path:
    """The absolute path that a manifest means.

    A path with `..` is followed on the disk, links and all, and must end inside the folder. Links without
    `..` are followed wherever they lead, since whoever set up the folder put them there (data that is kept
    under version control, or in a hub's download folder, consists of them).

    Raises:
        ValueError: The path leaves the folder, or is absolute where the layout knows only relative ones.
    """
    if "\0" in written:
        raise ValueError(f"{written!r} holds a NUL character")
    path = Path(written)
    if path.is_absolute():
        if takes_absolute:
            return path
        raise ValueError(f"{written} is absolute")
    whole = Path(root.absolute(), path)
    if ".." in path.parts:
        real, folder = os.path.realpath(whole), os.path.realpath(root)
        if os.path.commonpath([real, folder]) != folder:
            raise ValueError(f"{written} leads to {real}, outside {folder}")
        return Path(real)
    return whole


def as_stored(path: str | Path) -> Path | None:
    """The file that a path means in whichever Unicode form its names are stored; None where none is there.

    A Mac stores `é` as two characters, an archive carries them elsewhere, and a list that was typed has one.
    Where both are there, the form that is written is meant.
    """
    if is_file(path):
        return Path(path)
    found = Path()
    for part in Path(path).parts:
        forms = (part, *(unicodedata.normalize(form, part) for form in ("NFC", "NFD")))
        stored = next((found / form for form in forms if os.path.lexists(found / form)), None)
        if stored is None:
            return None
        found = stored
    return found if is_file(found) else None


def is_file(path: str | Path) -> bool:
    """Whether a file is there; what no file can be called is none."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file fails on names that are too long
