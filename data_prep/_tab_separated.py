"""Rows of tab-separated text without quotes, as releases have it: a quote is a character like any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def rows(path: Path) -> Iterator[list[str]]:
    """The fields of each line that is not empty.

    Raises:
        ValueError: A line is not UTF-8.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}:{number}: not UTF-8 ({error.reason}); fetch the file again"
                ) from error
            if text:
                yield text.split("\t")


def named_rows(path: Path, needed: set[str]) -> Iterator[dict[str, str]]:
    """The rows below a header under its names; fields that a row lacks at its end are empty.

    Raises:
        ValueError: The header lacks a column, or a line is not UTF-8.
    """
    lines = rows(path)
    header = next(lines, [])
    if missing := needed - set(header):
        raise ValueError(f"{path}: missing columns {sorted(missing)}, it has {header}")
    for fields in lines:
        yield dict(zip(header, fields + [""] * len(header), strict=False))
