"""Names of runs: the recipe's, with what was changed of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LONGEST_VALUE = 40
"""Longer values, in characters, appear in a run's name as a hash."""
LONGEST_NAME = 200
"""Longer names, in bytes, end in one hash of all overrides; file systems allow 255."""
_QUOTING = re.compile(r'[\[\]{}"]')
"""What JSON writes around values, and a shell would take for something else."""
_CORPUS = re.compile(r"target\.(\d+\.)?corpus")


def run_name(name: str, overrides: Mapping[str, Any], given: Sequence[str] | None = None) -> str:
    """`<recipe>+field=value...`; a template's run is named after the corpora that it was given.

    >>> run_name("finetune", {"target.corpus": "a/words.csv", "train.lr": 0.1}, ["a/words.csv"])
    'finetune-words+train.lr=0.1'
    >>> run_name("dann", {"method.plan": ["helper.*=lr*10", "head.*=freeze"]})
    'dann+method.plan=helper.*=lr*10,head.*=freeze'

    Args:
        name: The recipe's, or a replayed run's, of which the parts of fields that change again are replaced.
        overrides: The changed fields by dotted name.
        given: The corpora of a template; None: it is no template.
    """
    first, *parts = re.split(r"\+(?=[a-z_][\w.]*=)", name)
    values = dict(part.split("=", 1) for part in parts)
    first = "-".join([first, *(_plain(corpus) for corpus in given or ())])
    for field, value in overrides.items():
        if given is not None and _CORPUS.fullmatch(field):
            continue
        text = value if isinstance(value, str) else _QUOTING.sub("", json.dumps(value, separators=(",", ":")))
        values[field] = _digits(text) if len(text) > LONGEST_VALUE or "/" in text else text
    whole = "+".join([first, *(f"{field}={values[field]}" for field in sorted(values))])
    return whole if len(whole.encode()) <= LONGEST_NAME else f"{first}+{_digits(whole)}"


def _plain(corpus: str) -> str:
    """The last part of a corpus's name or path, without what would be special in a run's name."""
    last = Path(corpus).stem or Path(corpus).resolve().stem
    return re.sub(r"[^\w.-]+", "-", last.removeprefix("hf:")).strip(".-") or "corpus"


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
