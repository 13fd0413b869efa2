"""What peers call the splits."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAMES = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "validation": "dev",
    "valid": "dev",
    "val": "dev",
    "test": "test",
    "testing": "test",
}
_EVALUATION = ("eval", "evaluation")
"""Held out as well, by which of dev and test is not said."""
_WORD = re.compile(r"[a-z]*")
_SHARD = re.compile(r"^(?P<split>[\w.]+?)(?:[-_.]?\d+(?:-of-\d+.*)?)?$")
"""The name of one of a split's files, with or without its number: train, train-00000-of-00002."""
_NUMBER = re.compile(r"[-_.]?\d+(?:-of-\d+.*|-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}.*)?$")
"""What tells one file from others of a split, at the end of its name."""


def split_name(name: str) -> str:
    """Our name of a split; names that are no usual ones stay.

    >>> split_name("validation"), split_name("train_960")
    ('dev', 'train_960')
    """
    return _NAMES.get(name.lower(), name)


def is_held_out(name: str) -> bool:
    """Whether a split's name begins as that of one which is not to be trained on.

    >>> is_held_out("dev-clean"), is_held_out("eval2000"), is_held_out("Testimonies"), is_held_out("train")
    (True, True, False, False)
    """
    matched = _WORD.match(name.lower())
    word = matched[0] if matched else ""
    return word in _EVALUATION or _NAMES.get(word) in ("dev", "test")


def usual_split(names: Iterable[str]) -> str | None:
    """Our name of the first one that is usual for a split; None where none is.

    >>> usual_split(["data", "test-00000-of-00002.parquet"]), usual_split(["clips"])
    ('test', None)
    """
    for name in names:
        matched = _SHARD.match(_without_ending(name))
        if matched and matched["split"].lower() in _NAMES:
            return _NAMES[matched["split"].lower()]
    return None


def shard_name(name: str) -> str:
    """What the files of one split have in common in their names.

    >>> shard_name("test.clean-00000-of-00002.parquet"), shard_name("other.arrow"), shard_name("0001.parquet")
    ('test.clean', 'other', '')
    >>> shard_name("part-00000-1b4e28ba-2fa1-11d2-883f-0016d3cca427-c000.snappy.parquet")
    'part'
    """
    return _NUMBER.sub("", _without_ending(name))


def _without_ending(name: str) -> str:
    return name.removesuffix(".parquet").removesuffix(".arrow").removesuffix(".tsv")
