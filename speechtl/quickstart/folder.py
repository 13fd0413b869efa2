"""A quickstart's folder: whose it is, and where its decoded audio goes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechtl.quickstart.settings import Quickstart
from speechtl.settings_json import flatten, to_json
from speechtl.whole_files import explained, read_json, write_json

DOCUMENT = "quickstart.json"
_CACHE = "SPEECHTL_CACHE"
_ELSEWHERE = "Name another folder by --keep DIR, or remove this one."


def claim(place: Path, chosen: Quickstart) -> None:
    """Write what the folder is for, or check that it is for the same.

    Args:
        place: The folder, absolute; it may be new.
        chosen: What it is for.

    Raises:
        ValueError: it holds something else, a quickstart of other settings (names them), or was moved.
        OSError: the disk is full or not writable.
    """
    document = place / DOCUMENT
    wanted = {"place": str(place), **to_json(chosen)}
    if document.exists():
        _check(document, read_json(document), wanted)
        return
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ValueError(
            f"{place} exists and is no folder of a quickstart: there is no {DOCUMENT} in it. {_ELSEWHERE}"
        )
    with explained("the settings of the quickstart", document):
        place.mkdir(parents=True, exist_ok=True)
        write_json(document, wanted)


def _check(document: Path, found: dict[str, object], wanted: dict[str, object]) -> None:
    has, asked = flatten(found), flatten(wanted)
    if differing := [name for name in sorted(has | asked) if has.get(name) != asked.get(name)]:
        lines = "\n  ".join(
            f"{name}: it has {has.get(name)!r}, you ask for {asked.get(name)!r}" for name in differing[:8]
        )
        raise ValueError(f"{document.parent} is a quickstart with other settings:\n  {lines}\n{_ELSEWHERE}")


@contextmanager
def own_cache(place: Path) -> Iterator[None]:
    """Keep decoded audio in the folder while this lasts, so that it goes with the folder."""
    before = os.environ.get(_CACHE)
    os.environ[_CACHE] = str(place / "cache")
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CACHE]
        else:
            os.environ[_CACHE] = before
