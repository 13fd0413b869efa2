"""Stages of a training: which share of the steps trains what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from speechtl.transfer.rules import Rule


@dataclass(frozen=True)
class Stage:
    """A part of the training."""

    share: float = 1.0
    """Share of the steps; the shares of all stages add up to 1."""
    rules: tuple[Rule, ...] = ()
    """What is frozen or trained in this stage only; they may only say that."""
    restarts: bool = False
    """Whether the learning rate's schedule begins anew."""


class Moment(NamedTuple):
    """Where a training is."""

    stage: int
    progress: float
    """In [0, 1), of the part whose learning rate follows one schedule."""


def moment(stages: Sequence[Stage], steps: int, step: int) -> Moment:
    """Where step `step` of so many, counted from 0, is; a pure function, so that a resumed run agrees.

    >>> halves = (Stage(0.5), Stage(0.5, restarts=True))
    >>> moment(halves, 100, 49), moment(halves, 100, 50)
    (Moment(stage=0, progress=0.98), Moment(stage=1, progress=0.0))
    """
    ends = boundaries(stages, steps)
    stage = next((place for place, end in enumerate(ends) if step < end), len(stages) - 1)
    first = max(place for place in range(stage + 1) if place == 0 or stages[place].restarts)
    later = (place for place in range(stage + 1, len(stages)) if stages[place].restarts)
    begun = ends[first - 1] if first else 0
    ended = ends[next(later, len(stages)) - 1]
    return Moment(stage, (step - begun) / max(ended - begun, 1))


def boundaries(stages: Sequence[Stage], steps: int) -> list[int]:
    """The step before which each stage ends.

    Raises:
        ValueError: the shares do not add up to 1, one is not above 0, or there are fewer steps than stages.
    """
    shares = [stage.share for stage in stages]
    if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(
            f"the stages' shares of the steps are {shares}; expected numbers above 0 that sum to 1"
        )
    if 0 < steps < len(shares):
        raise ValueError(
            f"{steps} steps are too few for {len(shares)} stages or rounds, each of which takes one at "
            "least: raise --train.steps"
        )
    ends = [round(steps * sum(shares[: place + 1])) for place in range(len(shares))]
    return [*ends[:-1], steps]
