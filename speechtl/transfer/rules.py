"""Rules of a transfer plan: which tensors start from where, which are frozen, which learn faster."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

SOURCE = "@source"
"""In place of a glob: every tensor that the source has."""
_ACTIONS: dict[str, dict[str, object]] = {
    "copy": {"start": "source"},
    "random": {"start": "random"},
    "map": {"start": "map"},
    "freeze": {"frozen": True},
    "train": {"frozen": False},
    "random-frozen": {"start": "random", "frozen": True, "is_control": True},
}
FORMS = (
    f"GLOB=ACTION[,ACTION] with the actions {', '.join(_ACTIONS)} and lr*NUMBER, such as "
    "'encoder.[0-3]=freeze' or 'input=random,lr*2'; or PATH:FROM:TO:EXCEPT, such as 'runs/other/seed-0:norm'"
)


@dataclass(frozen=True)
class Rule:
    """What becomes of the tensors that a glob matches; later rules win over earlier ones."""

    match: str
    """Glob over blocks (`encoder.*`), tensors of blocks (`encoder.0.norm.*`) or names in the model's state;
    or `@source`."""
    start: Literal["source", "random", "map", "estimated", "loaded"] | None = None
    """The weights: the source's, random ones, or for a head rows of the source's heads; None: unchanged. A
    method that itself has set them says `estimated` (from speech) or `loaded` (from another model)."""
    frozen: bool | None = None
    """Whether they are never trained; None: unchanged."""
    lr: float | None = None
    """Multiplier on the learning rate; None: unchanged."""
    is_control: bool = False
    """Random weights that stay frozen are meant, and no mistake: a control of layer studies. Without a start:
    nothing that is trained on goes through it, so a rule on all heads does not make it random."""


@dataclass(frozen=True)
class Weights:
    """Weights of another model in place of the source's, after ESPnet's `--init_param`."""

    path: str
    """A run or a model's folder."""
    source: str = ""
    """Names there begin so; empty: all."""
    target: str = ""
    """Names here begin so; empty: as there."""
    excluded: tuple[str, ...] = ()
    """Names there that begin so are left out."""


def parse(text: str) -> Rule | Weights:
    """A rule from its short form.

    >>> parse("encoder.[0-3]=freeze")
    Rule(match='encoder.[0-3]', start=None, frozen=True, lr=None, is_control=False)
    >>> parse("runs/other/seed-0:encoder::encoder.7")
    Weights(path='runs/other/seed-0', source='encoder', target='', excluded=('encoder.7',))

    Raises:
        ValueError: it has neither form.
    """
    match, equals, actions = text.rpartition("=")
    zero = [action for action in actions.split(",") if action.startswith("lr*") and _rate(action) == 0]
    if equals and match and zero:
        raise ValueError(f"rule {text!r} has the rate {zero[0]}; expected a number above 0, or freeze")
    if equals and match and all(_action(action) for action in actions.split(",")):
        merged: dict[str, object] = {}
        for action in actions.split(","):
            given = _action(action) or {}
            if clash := [name for name, value in given.items() if merged.get(name, value) != value]:
                raise ValueError(f"rule {text!r} contradicts itself about {', '.join(clash)}")
            merged |= given
        return Rule(match, **merged)  # type: ignore[arg-type]
    path, *names = _path_first(text.split(":"))
    if not path or not names or len(names) > len(fields(Weights)) - 1:
        raise ValueError(f"rule {text!r} has no form that is known; expected {FORMS}")
    source, target, excluded = [*names, "", ""][:3]
    return Weights(path, source, target, tuple(name for name in excluded.split(",") if name))


def _path_first(parts: list[str]) -> list[str]:
    """The parts of a colon-separated text, of which the first is a folder; its own name may have colons."""
    for count in range(len(parts) - 1, 1, -1):
        if Path(":".join(parts[:count])).is_dir():
            return [":".join(parts[:count]), *parts[count:]]
    return parts


def refuse_unknown_forms(texts: Iterable[str]) -> None:
    """Refuse rules of a plan that cannot be parsed.

    Raises:
        ValueError: there are some; all of them in one message.
    """
    faults = []
    for text in texts:
        try:
            parse(text)
        except ValueError as error:
            faults.append(str(error).removesuffix(f"; expected {FORMS}"))
    if faults:
        raise ValueError("\n".join(faults) + f"\nexpected {FORMS}")


def _action(text: str) -> dict[str, object] | None:
    """What an action sets; None if it is none."""
    if text.startswith("lr*"):
        rate = _rate(text)
        return {"lr": rate} if rate is not None and 0 < rate < math.inf else None
    found = _ACTIONS.get(text)
    return None if found is None else dict(found)


def _rate(action: str) -> float | None:
    """The number behind `lr*`; None if there is none."""
    try:
        return float(action.removeprefix("lr*"))
    except ValueError:
        return None
