"""A training that goes wrong is noticed, and one that goes well is left in peace."""

from dataclasses import replace

import pytest

from speechtl.development import DevScore
from speechtl.divergence import divergence
from speechtl.label_free import Decisions
from speechtl.report import UNLEARNED, headed

WELL = Decisions(1.0, 1.3, 1.39)


def score(error: float) -> DevScore:
    return DevScore(error, {"en": error}, blank_share=0.5, length_ratio=1.0)


@pytest.mark.parametrize(
    ("error", "lowest", "decisions", "non_finite", "step", "expected"),
    [
        (0.1, 0.1, WELL, 0, 90, ""),
        (0.14, 0.1, WELL, 0, 90, ""),  # four points
        (0.077, 0.008, WELL, 0, 90, "the dev error is 7.7 %, and has been 0.8 %"),
        (0.55, 0.3, WELL, 0, 90, ""),  # not twice as much
        (0.25, 0.1, WELL, 0, 90, "the dev error is 25.0 %, and has been 10.0 %: the model forgets"),
        (0.9, 0.0, WELL, 0, 90, "the dev error is 90.0 %, and has been 0.0 %"),
        (0.9, 0.0, WELL, 0, 30, ""),  # every model is bad in the first third
        (0.1, 0.1, Decisions(0.0, 0.02, 1.39), 0, 90, "nearly always the same"),
        (0.1, 0.1, Decisions(0.0, 0.02, 1.39), 0, 20, ""),
        (0.1, 0.1, Decisions(1.0, 1.3, 1.39, emitted=0.001), 0, 90, "nothing but blanks (0.10 % of a frame"),
        (0.1, 0.1, Decisions(0.02, 1.3, 1.39), 0, 90, "do not depend on what is heard (information 0.02 of"),
        (0.1, 0.1, Decisions(float("nan"), 1.3, 1.39), 0, 90, "are not finite"),
        (0.1, 0.1, Decisions(0.59, 1.3, 1.39), 0, 90, "it is 0.59 nats, and has been 1.00"),
        (0.1, 0.1, Decisions(0.61, 1.3, 1.39), 0, 90, ""),
        (0.1, 0.1, WELL, 4, 90, ""),  # as loss scaling does at its start
        (0.1, 0.1, WELL, 5, 90, "the losses were not finite at 5 of 90 steps"),
    ],
)
def test_signs(
    error: float, lowest: float, decisions: Decisions, non_finite: int, step: int, expected: str
) -> None:
    found = divergence(score(error), lowest, decisions, 1.0, non_finite, step, 100)
    assert expected in found
    assert bool(found) == bool(expected)


def test_all_signs_are_told_and_none_is_needed() -> None:
    found = divergence(score(0.9), 0.1, Decisions(0.0, 0.0, 1.39), 1.0, 50, 100, 100)
    assert found.count(";") == 2
    assert divergence(None, None, None, None, 0, 100, 100) == ""


def test_a_model_that_was_never_better_has_not_diverged_but_at_the_end_not_learned() -> None:
    """Its dev error was always high, so to lower the rate and to take away a term is no advice."""
    silent = DevScore(1.0, {"en": 1.0}, blank_share=1.0, length_ratio=0.0)
    always_same = Decisions(0.0, 0.02, 1.39)
    told = "on dev the model emits blanks in 100 % of the frames, and 0.00 units for each in the references"
    for step in (20, 90):
        assert divergence(silent, 1.0, always_same, None, 0, step, 100) == ""
    found = divergence(silent, 1.0, always_same, None, 0, 100, 100)
    assert found.startswith(f"{UNLEARNED}: {told}; the decisions")
    assert headed(found).startswith("NOT LEARNED: the model has not")
    assert told in divergence(silent, 0.3, WELL, 1.0, 0, 90, 100), "it could read once"
    assert "nearly always the same" in divergence(score(0.1), 0.1, always_same, 1.0, 0, 90, 100)


def test_of_a_few_utterances_the_error_moves_by_itself() -> None:
    for units, is_told in ((40, False), (100, True), (None, True)):
        assert bool(divergence(replace(score(0.64), units=units), 0.24, WELL, 1.0, 0, 90, 100)) == is_told
