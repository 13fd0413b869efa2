"""Transfer methods as JSON values and back: settings, and the name of the class; methods of methods too."""

from __future__ import annotations

import importlib
from typing import Any

from speechtl.settings_json import build, to_json
from speechtl.transfer.base import Transfer


def method_to_json(method: Transfer) -> dict[str, Any]:
    """A method's settings, with the module and name of its class under `class`."""
    kind = type(method)
    values = {"class": f"{kind.__module__}:{kind.__qualname__}"} | to_json(method)
    return values | {
        name: [method_to_json(part) for part in parts] for name, parts in _nested(method).items()
    }


def method_from_json(values: Any, name: str = "method") -> Transfer:
    """The method that `method_to_json` gave.

    Args:
        values: its settings with the class.
        name: of the field that holds it, for messages.

    Raises:
        ValueError: the class cannot be imported or is no method, or a setting is unknown or of a wrong type.
    """
    named = values.get("class") if isinstance(values, dict) else None
    module, _, qualname = str(named).partition(":")
    try:
        kind = getattr(importlib.import_module(module), qualname)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{name}.class is {named!r}, which cannot be imported ({error}); expected the module and class "
            "of a transfer method, such as speechtl.transfer.base:Transfer"
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Transfer)):
        raise ValueError(f"{name}.class is {named!r}, which is no transfer method")
    settings = {key: _built(value, f"{name}.{key}") for key, value in values.items() if key != "class"}
    method: Transfer = build(kind, settings, name)
    return method


def _nested(method: Transfer) -> dict[str, tuple[Transfer, ...]]:
    """The fields of a method that hold methods."""
    held = {name: value for name, value in vars(method).items() if isinstance(value, tuple) and value}
    return {name: value for name, value in held.items() if all(isinstance(one, Transfer) for one in value)}


def _built(value: Any, name: str) -> Any:
    """A setting in which lists of methods are methods again, and all else as it was."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "class" in one for one in value):
        return [method_from_json(one, f"{name}.{place}") for place, one in enumerate(value)]
    return value
