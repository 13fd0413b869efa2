"""What the lines of a run's metrics.jsonl hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RATES = ("lr", "gradient_norm")
"""What a step's line tells of the optimiser."""
_OTHERS = ("step", "seconds", "audio_seconds", "dev", "shares")


def losses(line: Mapping[str, Any]) -> dict[str, Any]:
    """The losses of a step by name; one that was not finite is None.

    >>> losses({"step": 3, "seconds": 2.0, "lr": 0.1, "gradient_norm": 4.0, "ctc": 1.5})
    {'ctc': 1.5}
    """
    return {name: value for name, value in line.items() if name not in (*RATES, *_OTHERS)}
