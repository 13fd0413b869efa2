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
_SHARD = re.compile(r"^(?P<split>[\w.]+?)(?:[-_.]?\d+(?:-of-\d+.*)?)?$")
"""The name of one of a split's files, with or without its number: train, train-00000-of-00002."""


def split_name(name: str) -> str:
    """Our name of a split; names that are no usual ones stay.

    >>> split_name("validation"), split_name("train_960")
    ('dev', 'train_960')
    """
    return _NAMES.get(name.lower(), name)


def usual_split(names: Iterable[str]) -> str | None:
    """Our name of the first one that is usual for a split; None where none is.

    >>> usual_split(["data", "test-00000-of-00002.parquet"]), usual_split(["clips"])
    ('test', None)
    """
    for name in names:
        matched = _SHARD.match(name.removesuffix(".parquet").removesuffix(".arrow").removesuffix(".tsv"))
        if matched and matched["split"].lower() in _NAMES:
            return _NAMES[matched["split"].lower()]
    return None
