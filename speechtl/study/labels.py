"""What a study's rows are called in tables and pictures, where their full names would not fit."""

from __future__ import annotations

import os.path
import shlex
import textwrap
from collections.abc import Mapping, Sequence

LONG = 44
"""Characters of a label from which on it is too long for a line."""


def labels(rows: Sequence[str]) -> Mapping[str, str]:
    """Rows without the folder that all their recipes are in, and without the flags that all of them have.

    >>> labels(["a/b/one --train.lr 1e-3", "a/b/two"])
    {'a/b/one --train.lr 1e-3': 'one --train.lr 1e-3', 'a/b/two': 'two'}
    >>> labels(["one --x 1 --y 2", "two --y 2", "two --y 2 --x 3"])
    {'one --x 1 --y 2': 'one --x 1', 'two --y 2': 'two', 'two --y 2 --x 3': 'two --x 3'}
    """
    skipped, same = len(folder(rows)), shared_flags(rows)
    short = {
        row: " ".join([_recipe(row)[skipped:], *(f for f in _flags(row) if f not in same)]) for row in rows
    }
    if len(set(short.values())) == len(set(rows)) and same:
        return short
    return {row: row[skipped:] for row in rows}


def table_labels(rows: Sequence[str]) -> tuple[Mapping[str, str], list[str]]:
    """The same for a table's column: where they are too long for one, numbers, and notes of what these mean.

    >>> table_labels(["a/one", "a/two --train.lr 1e-3"])
    ({'a/one': 'one', 'a/two --train.lr 1e-3': 'two --train.lr 1e-3'}, [])
    >>> named, notes = table_labels(["a/one", "a/two --source runs/a-long-name-of-a-run/seed-0"])
    >>> list(named.values()), notes
    (['one (1)', 'two (2)'], ['two (2): --source runs/a-long-name-of-a-run/seed-0'])
    """
    named = labels(rows)
    if max(map(len, named.values())) <= LONG:
        return named, []
    numbered, notes = {}, []
    for number, (row, label) in enumerate(named.items(), start=1):
        recipe, _, flags = label.partition(" ")
        numbered[row] = f"{recipe} ({number})"
        notes += [f"{numbered[row]}: {flags}"] if flags else []
    return numbered, notes


def shared_notes(rows: Sequence[str]) -> list[str]:
    """What `labels` leaves out, for the notes of a table."""
    place, same = folder(rows), shared_flags(rows)
    return [
        *([f"recipes: in {place}"] if place else []),
        *([f"all rows: {' '.join(same)}"] if same else []),
    ]


def wrapped(label: str) -> str:
    """A label on as many lines as a picture has room for, broken between flags where that will do."""
    return textwrap.fill(label, LONG, break_on_hyphens=False)


def shared_flags(rows: Sequence[str]) -> list[str]:
    """The flags that all of several rows have with the same values, as the first of them writes them."""
    first, *others = map(_flags, rows)
    return [flag for flag in first if all(flag in other for other in others)] if others else []


def folder(rows: Sequence[str]) -> str:
    """The folder that all recipes of the rows are in, with its slash; empty where there is none."""
    places = [os.path.dirname(_recipe(row)) for row in rows]  # noqa: PTH120 a recipe's name is no path
    if not all(places) or len({place.startswith("/") for place in places}) > 1:
        return ""
    shared = os.path.commonpath(places)
    return f"{shared.rstrip('/')}/" if shared else ""


def _recipe(row: str) -> str:
    """The recipe of a row, without its flags."""
    return shlex.split(row)[0]


def _flags(row: str) -> list[str]:
    """The flags of a row, each with its values."""
    found: list[list[str]] = []
    for word in shlex.split(row)[1:]:
        if word.startswith("--") or not found:
            found.append([])
        found[-1].append(word)
    return [shlex.join(words) for words in found]
