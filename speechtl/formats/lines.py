"""The lines of a manifest, each decoded by itself, so that a bad byte names its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from speechtl.formats.listing import Listing

_ESCAPED = re.compile("[\udc80-\udcff]+")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MARK = "\ufeff"


def lines(listing: Listing, path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers from 1 and lines with their ends; those that are not UTF-8 are faults of `listing`.

    Raises:
        FileNotFoundError: There is no such manifest.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such manifest; correct the path (it was sought as {path.absolute()})"
        )
    with path.open("rb") as file:
        if file.read(2) in _UTF_16:
            listing.fault("not UTF-8 but UTF-16", "save it as UTF-8", str(path))
            return
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        for number, line in enumerate(file, start=1):
            if found := _ESCAPED.search(line):
                where = f"{_bytes(found[0])} at character {found.start() + 1}"
                _skip(listing, "not UTF-8", "save the file as UTF-8", f"{path}:{number}", where)
            elif line.startswith(_MARK):
                mend = "remove it, it comes from joining files"
                _skip(listing, "byte-order mark inside the file", mend, f"{path}:{number}")
            else:
                yield number, line


def _skip(listing: Listing, kind: str, mend: str, where: str, detail: str = "") -> None:
    listing.fault(kind, mend, where, detail, listing.met)
    listing.met += 1


def _bytes(escaped: str) -> str:
    raw = escaped.encode("utf-8", "surrogateescape")
    return f"byte{'s' * (len(raw) > 1)} {raw[:8].hex(' ')}"
