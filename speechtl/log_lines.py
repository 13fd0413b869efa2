"""What the lines of a run's metrics.jsonl hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RATES = ("lr", "gradient_norm", "reversal")
"""What a step's line tells of the optimiser, and how strongly a gradient is reversed: no losses."""
_OTHERS = ("step", "seconds", "audio_seconds", "dev", "label_free", "shares")
_SHARES = ("_accuracy", "_chance")
"""How the names of what helpers measure end, such as `domain_accuracy` beside `domain_chance`."""
_DISTANCE = "_distance"
"""How the name of a term ends before it is weighted, such as `mmd_distance`."""


def losses(line: Mapping[str, Any]) -> dict[str, Any]:
    """The losses of a step by name; one that was not finite is None.

    >>> losses({"step": 3, "seconds": 2.0, "lr": 0.1, "gradient_norm": 4.0, "ctc": 1.5, "reversal": 0.2})
    {'ctc': 1.5}
    """
    return {
        name: value
        for name, value in line.items()
        if name not in (*RATES, *_OTHERS) and not name.endswith((*_SHARES, _DISTANCE))
    }


def measures(line: Mapping[str, Any]) -> dict[str, Any]:
    """What helpers measured at a step, as shares by name: how often a domain head was right, and chance.

    >>> measures({"step": 3, "ctc": 1.5, "domain_accuracy": 0.75, "domain_chance": 0.5})
    {'domain_accuracy': 0.75, 'domain_chance': 0.5}
    """
    return {name: value for name, value in line.items() if name.endswith(_SHARES)}


def is_step(line: Mapping[str, Any]) -> bool:
    """Whether a line is of a step; else it is of an evaluation."""
    return "dev" not in line and "label_free" not in line
