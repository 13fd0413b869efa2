"""What a training run counts while it goes on, and what it has at its end."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from speechtl.faults import counted
from speechtl.models.acoustic import AcousticModel
from speechtl.non_finite import PATIENCE, mend

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """The trained model and what it took."""

    model: AcousticModel
    """The best averaged weights, in eval mode."""
    steps: int
    """That were taken."""
    audio_seconds: float
    wall_seconds: float
    best: dict[str, Any]
    """Step and dev errors of the weights that were kept."""
    non_finite: int = 0
    """Steps that left something out because it was not finite."""
    label_free_model: AcousticModel | None = None
    """The weights whose decisions on unlabelled speech had the most information, in eval mode; `model` itself
    where those are kept. None where that was not looked at."""
    label_free: dict[str, Any] = field(default_factory=dict)
    """Their step and their decisions."""
    diverged: str = ""
    """Why the training has diverged, or not learned; empty where neither is so, or nobody watched."""
    left_out: int = 0
    """Steps that were passed over; the step in `best` counts those before it."""
    alarmed: tuple[int, ...] = ()
    """The steps of the evaluations at which it had diverged, of which it may have recovered."""


@dataclass
class Counters:
    """What a run has used and met so far; saved in its checkpoints."""

    step: int = 0
    """Where the training is; steps that were left out are counted."""
    wall_seconds: float = 0.0
    non_finite: int = 0
    non_finite_in_a_row: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    lowest: float | None = None
    """The lowest dev error so far, of whatever weights, those that an adaptation started from too."""
    most: float | None = None
    """The most information in decisions on unlabelled speech so far, of whatever weights, likewise."""
    waiting: dict[str, Any] = field(default_factory=dict)
    """The end of the stage of the last evaluation, its lowest dev error, and the evaluations since then."""
    left_out: int = 0
    """Steps that were passed over, since patience with the dev error had ended."""
    label_free: dict[str, Any] = field(default_factory=dict)
    """Step and decisions of the weights that are chosen without labels."""
    diverged: str = ""
    """Why the training had diverged at the last evaluation, or has not learned; empty if neither."""
    alarmed: list[int] = field(default_factory=list)
    """The steps of the evaluations at which it had diverged."""
    drawn: dict[str, float] = field(default_factory=dict)
    """Seconds of speech by language, padding left out."""

    @property
    def audio_seconds(self) -> float:
        """Seconds of speech in all."""
        return sum(self.drawn.values())

    def count_non_finite(self, names: str | None, lr: float) -> None:
        """Count a step of which something was left out: what `names` says; None if nothing was.

        Raises:
            ValueError: that has gone on for `PATIENCE` steps.
        """
        if names is None:
            self.non_finite_in_a_row = 0
            return
        self.non_finite += 1
        self.non_finite_in_a_row += 1
        logger.warning("step %d: not finite, left out: %s", self.step, names)
        if self.non_finite_in_a_row >= PATIENCE:
            raise ValueError(
                f"the loss was not finite for {self.non_finite_in_a_row} steps in a row, last at step "
                f"{self.step}: {names}. {mend(lr)}"
            )

    def require_steps(self, lr: float) -> None:
        """Refuse a training that ends before `PATIENCE` does, and left something out of each of its steps.

        Raises:
            ValueError: it has.
        """
        if self.non_finite_in_a_row and self.non_finite_in_a_row == self.step:
            raise ValueError(f"the loss was not finite in any of {counted(self.step, 'step')}. {mend(lr)}")
