"""Divergence: the signs that a training which also hears speech without labels has gone wrong."""

from __future__ import annotations

from speechtl.development import DevScore, collapse_advice
from speechtl.label_free import Decisions

FACTOR = 2.0
"""An error this many times the lowest so far, and `POINTS` above it, is far above it."""
POINTS = 0.1
FROM = 1 / 3
"""Share of the training before which every model is bad, and no alarm is raised."""
LOST = 0.6
"""Share of the most information so far; with less than that the model has unlearned the unlabelled speech."""
NON_FINITE = 0.05
"""Share of the steps of which something was left out because it was not finite, and fewest such steps."""
FEWEST_NON_FINITE = 5


def remedy(control: str) -> str:
    """What may help a training that has diverged, in a sentence.

    >>> remedy("")
    'Lower --train.lr; docs/domains.md tells what else may help.'

    Args:
        control: The flags of the method's control; empty where it has none.
    """
    if not control:
        return "Lower --train.lr; docs/domains.md tells what else may help."
    return (
        f"Lower --train.lr, or go towards the control on the same batches ({control}), and compare with it; "
        "docs/domains.md tells what else may help."
    )


def divergence(
    score: DevScore | None,
    lowest: float | None,
    decisions: Decisions | None,
    most: float | None,
    non_finite: int,
    step: int,
    steps: int,
) -> str:
    """Why a training has diverged, as far as an evaluation can tell; empty while all is well.

    Args:
        score: on dev speech, which is of the labelled domain.
        lowest: the lowest dev error so far, that of this evaluation and of the start among them.
        decisions: on the unlabelled speech.
        most: the most information that they had so far, at the start or since.
        non_finite: steps so far that left something out because it was not finite.
        step: of the evaluation.
        steps: of the whole training.
    """
    if step < FROM * steps:
        return ""
    signs = []
    if score is not None and lowest is not None and score.error > max(FACTOR * lowest, lowest + POINTS):
        signs.append(
            f"the dev error is {100 * score.error:.1f} %, and has been {100 * lowest:.1f} %: the model "
            "forgets the labelled speech"
        )
    if score is not None and collapse_advice(score, step / steps) is not None:
        signs.append(
            f"on dev the model emits blanks in {100 * score.blank_share:.0f} % of the frames, and "
            f"{score.length_ratio:.2f} units for each in the references"
        )
    if decisions is not None and decisions.collapse is not None:
        signs.append(decisions.collapse)
    elif decisions is not None and most is not None and decisions.information < LOST * most:
        signs.append(
            "the decisions on the unlabelled speech have lost information: it is "
            f"{decisions.information:.2f} nats, and has been {most:.2f}"
        )
    if non_finite >= max(FEWEST_NON_FINITE, NON_FINITE * step):
        signs.append(f"the losses were not finite at {non_finite} of {step} steps")
    return "; ".join(signs)
