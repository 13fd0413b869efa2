"""Rows of an OpenDocument spreadsheet (.ods), read one after the other."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def rows(path: Path, sheet: str) -> Iterator[dict[str, str]]:
    """The rows of one sheet under the names of its first row; empty rows are passed over.

    Raises:
        ValueError: The file is damaged, or has no such sheet.
    """
    header: list[str] | None = None
    for cells in _cells(path, sheet):
        if header is None:
            header = cells
        else:
            yield dict(zip(header, cells + [""] * len(header), strict=False))
    if header is None:
        raise ValueError(f"{path}: it has no sheet {sheet!r} with a first row of names; fetch it again")


def _cells(path: Path, sheet: str) -> Iterator[list[str]]:
    is_wanted = False
    try:
        with zipfile.ZipFile(path) as archive, archive.open("content.xml") as content:
            for event, element in ElementTree.iterparse(content, events=("start", "end")):
                if event == "start" and element.tag == f"{_TABLE}table":
                    is_wanted = element.get(f"{_TABLE}name") == sheet
                elif event == "end" and element.tag == f"{_TABLE}table-row":
                    if is_wanted and any(cells := _row(element)):
                        yield cells
                    element.clear()
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError) as error:
        raise ValueError(f"{path}: not readable as a spreadsheet ({error}); fetch it again") from error


def _row(element: ElementTree.Element) -> list[str]:
    """The texts of a row's cells; a cell stands once for several equal ones, and empty ones end the row."""
    cells: list[str] = []
    for cell in element:
        paragraphs = ["".join(paragraph.itertext()) for paragraph in cell.iter(f"{_TEXT}p")]
        text = "\n".join(paragraphs)
        repeated = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
        cells += [text] * (repeated if text else min(repeated, 100))
    while cells and not cells[-1]:
        cells.pop()
    return cells
