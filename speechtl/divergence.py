"""Divergence: the signs that a training which also hears speech without labels has gone wrong."""

from __future__ import annotations

from speechtl.development import DevScore, collapse_advice
from speechtl.label_free import Decisions
from speechtl.report import UNLEARNED

FACTOR, POINTS = 2.0, 0.05
"""An error so many times the lowest so far, and so far above it, is one that has been much lower."""
FEWEST_UNITS = 20
"""So many units more must be wrong: of a few utterances the error moves by itself."""
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

    A model that was never better has not diverged; at the end it is said that it has not learned.

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
    signs: list[str] = []
    never: list[str] = []
    if score is not None and lowest is not None and _has_risen(score, lowest):
        signs.append(
            f"the dev error is {100 * score.error:.1f} %, and has been {100 * lowest:.1f} %: the model "
            "forgets the labelled speech"
        )
    if score is not None and collapse_advice(score, step / steps) is not None:
        was_better = lowest is not None and score.error > lowest + POINTS
        (signs if was_better else never).append(
            f"on dev the model emits blanks in {100 * score.blank_share:.0f} % of the frames, and "
            f"{score.length_ratio:.2f} units for each in the references"
        )
    if decisions is not None:
        is_less = decisions.is_silent or not decisions.information >= LOST * (most or 0.0)
        has_lost = most is not None and is_less
        if decisions.collapse is not None:
            (signs if has_lost else never).append(decisions.collapse)
        elif has_lost:
            signs.append(
                "the decisions on the unlabelled speech have lost information: it is "
                f"{decisions.information:.2f} nats, and has been {most:.2f}"
            )
    if non_finite >= max(FEWEST_NON_FINITE, NON_FINITE * step):
        signs.append(f"the losses were not finite at {non_finite} of {step} steps")
    if never and not signs and step == steps:
        return f"{UNLEARNED}: {'; '.join(never)}"
    return "; ".join([*signs, *never]) if signs else ""


def _has_risen(score: DevScore, lowest: float) -> bool:
    rise = score.error - lowest
    is_far = score.error > FACTOR * lowest and rise > POINTS
    return is_far and (score.units is None or rise * score.units >= FEWEST_UNITS)
