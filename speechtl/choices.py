"""Choices: fields of settings that take one of a few words, checked wherever they are set."""

from __future__ import annotations

import types
from dataclasses import fields
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def refuse_unknown_words(settings: Any) -> None:
    """Refuse words that a field of a dataclass does not list; the command line refuses them itself.

    Raises:
        ValueError: a field has such a word; names the field, and the words that it takes.
    """
    for name, words in _listed(type(settings)).items():  # type: ignore[arg-type]
        value = getattr(settings, name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str) and one not in words:
                near = get_close_matches(one, words, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(
                    f"{type(settings).__name__}: {name}={one!r}; expected one of {', '.join(words)}{hint}"
                )


@cache
def _listed(kind: type) -> dict[str, tuple[str, ...]]:
    """The words of each field that takes no others."""
    try:
        hints = get_type_hints(kind)
    except NameError:  # of a class with annotations that exist for type checkers alone
        return {}
    found = {field.name: _words(hints[field.name]) for field in fields(kind)}
    return {name: words for name, words in found.items() if words}


def _words(hint: Any) -> tuple[str, ...] | None:
    """The words of an annotation; None where it takes any text, empty where it takes none."""
    if hint is str:
        return None
    origin = get_origin(hint)
    if origin is Literal:
        return tuple(word for word in get_args(hint) if isinstance(word, str))
    if origin in (Union, types.UnionType, tuple):
        parts = [_words(part) for part in get_args(hint)]
        return None if None in parts else tuple(word for part in parts for word in part or ())
    return ()
