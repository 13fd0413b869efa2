"""What a study's rows are called in tables and pictures, where their full names would not fit."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence


def labels(rows: Sequence[str]) -> Mapping[str, str]:
    """Rows without the folder that all their recipes are in.

    >>> labels(["a/b/one --train.lr 1e-3", "a/b/two"])
    {'a/b/one --train.lr 1e-3': 'one --train.lr 1e-3', 'a/b/two': 'two'}
    """
    skipped = len(folder(rows))
    return {row: row[skipped:] for row in rows}


def folder(rows: Sequence[str]) -> str:
    """The folder that all recipes of the rows are in, with its slash; empty where there is none."""
    places = [os.path.dirname(row.split()[0]) for row in rows]  # noqa: PTH120 a recipe's name is no path
    if not all(places) or len({place.startswith("/") for place in places}) > 1:
        return ""
    shared = os.path.commonpath(places)
    return f"{shared.rstrip('/')}/" if shared else ""
