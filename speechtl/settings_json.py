"""Settings dataclasses as JSON values and back."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def to_json(settings: Any) -> dict[str, Any]:
    """A dataclass as JSON values; 10.0 is 10, so that equal settings are equal texts."""
    return dict(json.loads(json.dumps(dataclasses.asdict(settings)), parse_float=_number))


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value


def build(hint: Any, value: Any, name: str) -> Any:
    """A JSON value as an instance of its annotated type.

    Args:
        hint: the type: a dataclass, a scalar, a literal, a tuple of any length, or a union of these.
        value: the JSON value; a dataclass of the type, or of one derived from it, is taken as it is.
        name: the dotted name of the field, for messages.

    Raises:
        ValueError: the value is not of this type, or has unknown fields or lacks some.
    """
    if get_origin(hint) in (Union, types.UnionType):
        return _build_one_of(get_args(hint), value, name)
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(build(get_args(hint)[0], one, f"{name}.{i}") for i, one in enumerate(value))
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _build_dataclass(hint, value, name)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and isinstance(value, hint):
        return value
    if not _is_plain(hint, value):
        expected = getattr(hint, "__name__", str(hint))
        raise ValueError(f"{name} is {value!r}; expected {expected}")
    return value


def _build_one_of(options: tuple[Any, ...], value: Any, name: str) -> Any:
    faults = []
    for option in options:
        try:
            return build(option, value, name)
        except ValueError as error:
            faults.append(str(error))
    raise ValueError("; or ".join(dict.fromkeys(faults)))


def _build_dataclass(hint: Any, values: dict[str, Any], name: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(hint)}
    hints = get_type_hints(hint)
    if unknown := sorted(values.keys() - fields.keys()):
        raise ValueError(f"{name} has unknown settings {', '.join(unknown)}; known are {', '.join(fields)}")
    needed = {
        field.name
        for field in fields.values()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    if missing := sorted(needed - values.keys()):
        raise ValueError(f"{name} lacks the settings {', '.join(missing)}")
    return hint(**{key: build(hints[key], value, f"{name}.{key}") for key, value in values.items()})


def _is_plain(hint: Any, value: Any) -> bool:
    """Whether a scalar is of its annotated type; a whole number may stand for a float."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint in (None, types.NoneType):
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is hint


def not_finite(value: object, name: str = "") -> Iterator[str]:
    """The dotted names and values of numbers in settings that are nan or infinite.

    >>> list(not_finite((1.0, float("nan")), "speeds"))
    ['speeds.1=nan']
    """
    if isinstance(value, float) and not isfinite(value):
        yield f"{name}={value}"
    parts: Iterable[tuple[object, object]] = ()
    if is_dataclass(value):
        parts = ((field.name, getattr(value, field.name)) for field in fields(value))
    elif isinstance(value, tuple):
        parts = enumerate(value)
    for key, part in parts:
        yield from not_finite(part, f"{name}.{key}" if name else f"{key}")


def flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries and lists of dictionaries as one dictionary with dotted names."""
    if isinstance(values, list) and any(isinstance(entry, dict) for entry in values):
        values = {str(index): entry for index, entry in enumerate(values)}
    if not isinstance(values, dict):
        return {prefix: values}
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= flatten(value, f"{prefix}.{name}" if prefix else name)
    return flat
