"""Where in its stages a training is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechtl.transfer.stages import Stage, boundaries, moment

THREE = (Stage(0.25), Stage(0.25), Stage(0.5, restarts=True))


def test_the_schedule_goes_on_until_a_stage_restarts_it() -> None:
    assert boundaries(THREE, 100) == [25, 50, 100]
    assert [moment(THREE, 100, step).stage for step in (0, 24, 25, 49, 50, 99)] == [0, 0, 1, 1, 2, 2]
    assert [moment(THREE, 100, step).progress for step in (0, 25, 49)] == [0, 0.5, 0.98]
    assert [moment(THREE, 100, step).progress for step in (50, 75)] == [0, 0.5]


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=5), st.integers(1, 500))
def test_every_step_is_in_a_stage_and_progress_only_falls_at_restarts(
    parts: list[tuple[int, bool]], steps: int
) -> None:
    steps = max(steps, len(parts))
    whole = sum(part for part, _ in parts)
    stages = tuple(Stage(part / whole, restarts=restarts) for part, restarts in parts)
    moments = [moment(stages, steps, step) for step in range(steps)]
    assert moments[0].progress == 0
    for before, after in pairwise(moments):
        assert after.stage >= before.stage
        entered = stages[before.stage + 1 : after.stage + 1]
        if any(stage.restarts for stage in entered):
            assert after.progress == 0 or after.stage == before.stage
        else:
            assert after.progress > before.progress
    assert all(0 <= one.progress < 1 for one in moments)


@pytest.mark.parametrize("shares", [(), (0.5,), (0.5, 0.6), (1.5, -0.5)])
def test_shares_that_are_no_whole_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="shares of the steps"):
        boundaries([Stage(share) for share in shares], 10)


def test_a_stage_without_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2 steps are too few for 3 stages or rounds.*--train\.steps"):
        boundaries(THREE, 2)
    assert boundaries(THREE, 0) == [0, 0, 0], "a method that only measures takes none"
