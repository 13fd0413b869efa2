"""Intervals and tests against closed forms, scipy and simulation with known truth."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference

from speechtl.stats import (
    Comparison,
    bootstrap_interval,
    hierarchical_paired_bootstrap,
    holm,
    other_seeds,
    paired_bootstrap,
    seeds_interval,
    sign_flip,
)


def test_bootstrap_interval_has_the_width_of_the_closed_form() -> None:
    errors = np.repeat([0, 1], [280, 120])
    interval = bootstrap_interval(errors, np.ones(400), resamples=20000)
    margin = 1.96 * np.sqrt(0.3 * 0.7 / 400)
    assert interval.value == 0.3
    assert interval.low == pytest.approx(0.3 - margin, abs=0.004)
    assert interval.high == pytest.approx(0.3 + margin, abs=0.004)


def test_bootstrap_interval_agrees_with_scipy_on_uneven_utterances() -> None:
    generator = np.random.default_rng(3)
    totals = generator.integers(1, 12, size=150)
    errors = generator.binomial(totals, 0.2)
    ours = bootstrap_interval(errors, totals, resamples=10000)
    theirs = reference.bootstrap(
        (errors, totals),
        lambda e, t, axis: e.sum(axis=axis) / t.sum(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=10000,
        rng=np.random.default_rng(4),
    ).confidence_interval
    assert ours.value == errors.sum() / totals.sum()
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.003)


def test_a_higher_level_is_wider_and_a_seed_repeats() -> None:
    totals = np.arange(40) + 7
    errors = np.arange(40) ** 2 % 5
    narrow = bootstrap_interval(errors, totals, level=0.5)
    wide = bootstrap_interval(errors, totals, level=0.99)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
    assert bootstrap_interval(errors, totals, seed=7) == bootstrap_interval(errors, totals, seed=7)
    assert bootstrap_interval(errors, totals, seed=7) != bootstrap_interval(errors, totals, seed=8)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    generator = np.random.default_rng(0)
    held = 0
    for trial in range(400):
        totals = generator.integers(1, 6, size=120)
        interval = bootstrap_interval(generator.binomial(totals, 0.3), totals, resamples=500, seed=trial)
        held += interval.low <= 0.3 <= interval.high
    assert 0.91 <= held / 400 <= 0.98


def _speakers(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Forty utterances of each of 25 speakers whose error rates differ around 0.3."""
    rates = generator.beta(3, 7, size=25).repeat(40)
    return generator.binomial(4, rates), np.full(1000, 4), [f"s{i // 40}" for i in range(1000)]


def test_only_resampling_speakers_holds_the_truth_where_speakers_differ() -> None:
    generator = np.random.default_rng(1)
    held = {"utterances": 0, "speakers": 0}
    for trial in range(200):
        errors, totals, speakers = _speakers(generator)
        for name, blocks in (("utterances", None), ("speakers", speakers)):
            interval = bootstrap_interval(errors, totals, blocks=blocks, resamples=400, seed=trial)
            held[name] += interval.low <= 0.3 <= interval.high
    assert held["speakers"] / 200 > 0.88
    assert held["utterances"] / 200 < 0.6


def test_unknown_speakers_are_blocks_of_their_own() -> None:
    errors, totals = np.arange(30) % 4, np.full(30, 4)
    unknown: list[str | None] = [None, ""] * 15
    assert bootstrap_interval(errors, totals, blocks=unknown) == bootstrap_interval(errors, totals)


def test_utterances_without_units_are_allowed() -> None:
    interval = bootstrap_interval([0, 0, 1, 0], [0, 0, 2, 2])
    assert interval.value == 0.25
    assert 0 <= interval.low <= interval.high <= 0.5
    inserted = bootstrap_interval([0, 1], [1, 0])
    assert (inserted.value, inserted.low, inserted.high) == (1, 0, 1)


def _systems(generator: np.random.Generator, utterances: int, gain: float) -> tuple[np.ndarray, ...]:
    """Errors and totals of two systems, b better by `gain`, with difficulties in common."""
    totals = generator.integers(1, 8, size=utterances)
    difficulty = generator.beta(4, 6, size=utterances)
    errors_a = generator.binomial(totals, difficulty)
    return errors_a, totals, generator.binomial(totals, np.clip(difficulty - gain, 0, 1)), totals


def test_paired_bootstrap_of_equal_systems_is_right_in_its_alarms() -> None:
    generator = np.random.default_rng(5)
    trials = [paired_bootstrap(*_systems(generator, 150, 0.0), resamples=500, seed=i) for i in range(400)]
    p_values = np.array([result.p_value for result in trials])
    assert reference.kstest(p_values, "uniform").statistic < 0.08
    assert 0.02 <= np.mean(p_values < 0.05) <= 0.09


def test_paired_bootstrap_finds_a_strong_effect_and_its_sign() -> None:
    result = paired_bootstrap(*_systems(np.random.default_rng(6), 500, 0.2))
    assert result.p_value == pytest.approx(2 / 10001)
    assert result.difference.low < result.difference.value < result.difference.high < -0.1


def test_paired_bootstrap_of_one_system_with_itself_finds_nothing() -> None:
    errors, totals = np.arange(50) % 3, np.full(50, 4)
    result = paired_bootstrap(errors, totals, errors, totals)
    assert result.p_value == 1
    assert (result.difference.value, result.difference.low, result.difference.high) == (0, 0, 0)


def test_swapping_the_systems_turns_the_sign_and_nothing_else() -> None:
    errors_a, totals, errors_b, _ = _systems(np.random.default_rng(7), 300, 0.03)
    there = paired_bootstrap(errors_a, totals, errors_b, totals)
    back = paired_bootstrap(errors_b, totals, errors_a, totals)
    assert back.difference.value == -there.difference.value
    assert (back.difference.low, back.difference.high) == pytest.approx(
        (-there.difference.high, -there.difference.low), abs=0.005
    )
    assert back.p_value == pytest.approx(there.p_value, abs=0.01)


def test_pairing_is_sharper_than_two_intervals() -> None:
    errors, totals, *_ = _systems(np.random.default_rng(8), 400, 0.0)
    better = errors - (np.arange(400) % 8 == 0) * (errors > 0)
    assert paired_bootstrap(errors, totals, better, totals).p_value < 0.001
    assert bootstrap_interval(better, totals).high > bootstrap_interval(errors, totals).low


def test_blocks_widen_the_interval_of_a_difference() -> None:
    errors_a, totals, speakers = _speakers(np.random.default_rng(9))
    errors_b, _, _ = _speakers(np.random.default_rng(10))
    plain = paired_bootstrap(errors_a, totals, errors_b, totals).difference
    blocked = paired_bootstrap(errors_a, totals, errors_b, totals, blocks=speakers).difference
    assert plain.value == blocked.value
    assert blocked.high - blocked.low > 1.5 * (plain.high - plain.low)


def test_each_system_is_measured_by_its_own_totals() -> None:
    assert paired_bootstrap([1, 1], [2, 2], [1, 1], [4, 4]).difference.value == -0.25


def test_the_interval_excludes_zero_where_the_p_value_says_so() -> None:
    generator = np.random.default_rng(11)
    for trial in range(60):
        result = paired_bootstrap(*_systems(generator, 100, 0.05), resamples=999, seed=trial)
        excluded = result.difference.high < 0 or result.difference.low > 0
        if not 0.04 < result.p_value < 0.06:
            assert excluded == (result.p_value < 0.05)


def test_seeds_interval_is_scipys() -> None:
    values = [0.51, 0.53, 0.49, 0.55, 0.52]
    expected = reference.ttest_1samp(values, 0).confidence_interval(0.9)
    interval = seeds_interval(values, level=0.9)
    assert interval.value == pytest.approx(0.52)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def _seeds(generator: np.random.Generator, gain: float, spread: float) -> list[Any]:
    """Five seeds of two systems on 200 utterances; seeds and utterances both matter."""
    totals = np.full(200, 5)
    difficulty = generator.beta(8, 12, size=200)
    advantage = generator.normal(0, 0.1, size=200)
    seeds = []
    for shift in generator.normal(0, spread, size=5):
        errors_a = generator.binomial(totals, difficulty)
        errors_b = generator.binomial(totals, np.clip(difficulty + advantage + shift - gain, 0, 1))
        seeds.append((errors_a, totals, errors_b, totals))
    return seeds


def test_hierarchical_bootstrap_holds_the_truth_over_seeds_and_utterances() -> None:
    generator = np.random.default_rng(12)
    trials = [_seeds(generator, 0.0, 0.02) for _ in range(120)]
    results = [hierarchical_paired_bootstrap(seeds, resamples=400) for seeds in trials]
    held = np.mean([result.difference.low <= 0 <= result.difference.high for result in results])
    assert 0.93 <= held < 1


def test_hierarchical_bootstrap_is_wider_than_either_part_alone() -> None:
    seeds = _seeds(np.random.default_rng(13), 0.1, 0.03)
    both = hierarchical_paired_bootstrap(seeds)
    frozen = hierarchical_paired_bootstrap([seeds[0]] * 5).difference
    one = paired_bootstrap(*seeds[0]).difference
    assert both.p_value < 0.01
    mean = np.mean([errors_b.sum() - errors_a.sum() for errors_a, _, errors_b, _ in seeds]) / 1000
    assert both.difference.value == pytest.approx(mean)
    assert (frozen.low, frozen.high) == pytest.approx((one.low, one.high), abs=0.003)
    utterances = paired_bootstrap(*(sum(columns) for columns in zip(*seeds, strict=True))).difference
    assert both.difference.high - both.difference.low > 1.2 * (utterances.high - utterances.low)


@pytest.mark.parametrize("errors", [(2, 3, 4, 5, 6), (1, 5, 3)])
def test_with_nothing_to_resample_but_the_seeds_it_is_the_t_test(errors: tuple[int, ...]) -> None:
    totals = np.full(40, 10)
    seeds = [(np.full(40, 6), totals, np.full(40, count), totals) for count in errors]
    expected = reference.ttest_1samp((np.array(errors) - 6) / 10, 0)
    interval = expected.confidence_interval()
    found = hierarchical_paired_bootstrap(seeds, resamples=40000)
    assert found.difference.value == pytest.approx(np.mean(errors) / 10 - 0.6)
    assert found.difference.low == pytest.approx(interval.low, rel=0.05)
    assert found.difference.high == pytest.approx(interval.high, rel=0.05, abs=0.005)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.1)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_equal_systems_whose_seeds_spread_widely_are_rarely_called_different(count: int) -> None:
    """Percentiles of resampled seeds would call 20, 15 and 11 of a hundred different at .05."""
    generator, totals, p_values = np.random.default_rng(16), np.full(300, 5), []
    for _ in range(300):
        seeds = []
        for rates in generator.normal(0.45, 0.03, (count, 2)):
            errors_a, errors_b = (generator.binomial(5, rate, 300) for rate in rates)
            seeds.append((errors_a, totals, errors_b, totals))
        p_values.append(hierarchical_paired_bootstrap(seeds, resamples=1000).p_value)
    found = np.array(p_values)
    assert 0.005 <= np.mean(found <= 0.05) <= 0.08
    assert np.mean(found <= 0.01) <= 0.025


def test_what_other_seeds_add_goes_together_over_the_columns() -> None:
    values = np.array([[0.1, 0.2], [0.3, 0.4], [0.2, 0.3], [0.5, 0.6]])
    drawn = other_seeds(values, 20000, np.random.default_rng(17))
    assert drawn[:, 0] == pytest.approx(drawn[:, 1])
    margin = seeds_interval(values[:, 0])
    low, high = np.quantile(drawn[:, 0], [0.025, 0.975])
    assert (low, high) == pytest.approx((margin.low - margin.value, margin.high - margin.value), rel=0.06)


@settings(deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=6))
def test_exact_sign_flip_counts_every_pattern(differences: list[int]) -> None:
    patterns = list(product((-1, 1), repeat=len(differences)))
    sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in patterns]
    expected = np.mean([value >= abs(sum(differences)) for value in sums])
    assert sign_flip(differences) == pytest.approx(expected)
    assert sign_flip(np.divide(differences, 10)) == pytest.approx(expected), "rounding must break no tie"


def test_sampled_sign_flip_agrees_with_scipy_and_never_says_zero() -> None:
    differences = np.random.default_rng(14).normal(0.25, 1, size=60)
    expected = reference.permutation_test(
        (differences,),
        lambda d, axis: d.sum(axis=axis),
        permutation_type="samples",
        n_resamples=20000,
        rng=np.random.default_rng(15),
    ).pvalue
    assert sign_flip(differences, resamples=20000) == pytest.approx(expected, abs=0.015)
    assert sign_flip(np.ones(100), resamples=999) == 1 / 1000


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferronis(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert np.all(adjusted >= np.minimum(1, p_values))
    assert np.all(adjusted <= np.minimum(1, np.multiply(p_values, len(p_values))) + 1e-12)
    assert np.all(np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0)


ONES = [1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval([1], [2]), "1 utterance says nothing"),
        (lambda: bootstrap_interval([1, 0], [2]), "found shapes \\(2,\\), \\(1,\\)"),
        (lambda: bootstrap_interval([0, 0], [0, 0]), "sum to 0"),
        (lambda: bootstrap_interval([-1, 0], ONES), "not negative"),
        (lambda: bootstrap_interval([float("nan"), 0], ONES), "finite"),
        (lambda: bootstrap_interval(ONES, ONES, blocks=["s1"]), "1 blocks for 2 utterances"),
        (lambda: bootstrap_interval(ONES, ONES, blocks=["s1", "s1"]), "of one block, 's1'"),
        (lambda: bootstrap_interval(ONES, ONES, level=95), "level=95"),
        (lambda: bootstrap_interval(ONES, ONES, resamples=0), "resamples=0"),
        (lambda: hierarchical_paired_bootstrap([(ONES,) * 4]), "use paired_bootstrap"),
        (lambda: hierarchical_paired_bootstrap([(ONES,) * 4, (ONES * 2,) * 4]), "of \\[2, 4\\] utterances"),
        (lambda: seeds_interval([0.5]), "at least 2"),
        (lambda: seeds_interval([0.5, float("inf")]), "finite"),
        (lambda: sign_flip([]), "at least 1"),
        (lambda: holm([0.5, 1.5]), "from 0 to 1"),
    ],
)
def test_degenerate_input_is_named(call: Callable[[], Comparison], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
