"""Patience: ends a stage of the training, or the training, when dev errors have stopped falling."""

from __future__ import annotations

import logging

from speechtl.counters import Counters

logger = logging.getLogger(__name__)


def end_early(counters: Counters, error: float, end: int, patience: int, steps: int) -> None:
    """Count an evaluation, and leave the rest of its stage out if too many have brought nothing.

    What a stage is compared with are its own evaluations: that the layers which now begin to learn make
    things worse at first ends nothing.

    Args:
        counters: of the training; its step becomes the stage's end.
        error: on dev.
        end: the step before which the stage that was evaluated ends.
        patience: evaluations without a lower error.
        steps: of the whole training.
    """
    waiting = counters.waiting
    if waiting.get("end") != end or error < waiting["error"]:
        counters.waiting = {"end": end, "error": error, "evaluations": 0}
        return
    waiting["evaluations"] += 1
    if waiting["evaluations"] < patience or counters.step == end:
        return
    logger.info(
        "step %d/%d: no lower dev error than %.1f %% in %d evaluations; %s, and %d steps are left out",
        counters.step,
        steps,
        100 * waiting["error"],
        patience,
        "the training ends here" if end == steps else "the next stage begins",
        end - counters.step,
    )
    counters.left_out += end - counters.step
    counters.step = end
