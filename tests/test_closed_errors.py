"""Errors of closed decisions, balanced over the words."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechtl.closed_errors import BALANCED, CLOSED, SCALE, closed_counts
from speechtl.compare import candidates, compare
from speechtl.evaluate import write_report
from speechtl.metrics import Counts, pool
from speechtl.report import Hypothesis, Metric, Report, SetReport, render
from speechtl.stats import bootstrap_interval

SPOKEN = ["one"] * 6 + ["eight"] * 3 + ["five"] * 1


def rates(words: list[str], wrong: list[bool]) -> dict[str, float]:
    return {name: count.rate for name, count in pool(closed_counts(words, wrong)).items()}


def test_golden_values() -> None:
    wrong = [True, False, False, False, False, False, True, True, False, True]
    found = rates(SPOKEN, wrong)
    assert found[CLOSED] == 4 / 10
    assert found[BALANCED] == pytest.approx((1 / 6 + 2 / 3 + 1) / 3, abs=3e-4)
    counts = closed_counts(SPOKEN, wrong)
    assert [one[BALANCED].total for one in counts] == [556] * 6 + [1111] * 3 + [3333]
    assert [one[BALANCED].errors for one in counts][:2] == [556, 0]


def test_always_deciding_for_the_commonest_word_is_wrong_for_all_others() -> None:
    found = rates(SPOKEN, [word != "one" for word in SPOKEN])
    assert found[CLOSED] == 0.4
    assert found[BALANCED] == pytest.approx(2 / 3, abs=3e-4)


def test_words_that_are_equally_frequent_have_no_other_error() -> None:
    assert set(rates(["a", "b"] * 3, [True] * 6)) == {CLOSED}
    assert set(rates(["a"], [True])) == {CLOSED}
    assert closed_counts([], []) == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), min_size=2, max_size=60))
def test_it_is_the_mean_over_words(decided: list[tuple[str, bool]]) -> None:
    words = [word for word, _ in decided]
    found = rates(words, [wrong for _, wrong in decided])
    by_word = [np.mean([w for word, w in decided if word == one]) for one in sorted(set(words))]
    assert found.get(BALANCED, found[CLOSED]) == pytest.approx(np.mean(by_word), abs=2e-3)


def test_a_word_that_hardly_comes_and_one_that_always_comes_both_count() -> None:
    words = ["a"] * 100_000 + ["b"]
    counts = closed_counts(words, [False] * 100_000 + [True])
    assert min(one[BALANCED].total for one in counts) >= 1
    assert pool(counts)[BALANCED].rate == pytest.approx(0.5, abs=1e-3)
    assert SCALE == 1000


def test_its_interval_is_that_of_the_weighted_ratio() -> None:
    counts = closed_counts(SPOKEN * 20, [i % 7 == 0 for i in range(200)])
    errors, totals = ([getattr(one[BALANCED], side) for one in counts] for side in ("errors", "total"))
    interval = bootstrap_interval(errors, totals)
    assert interval.low < interval.value < interval.high
    assert interval.value == pytest.approx(pool(counts)[BALANCED].rate)


def report(words: list[str], wrong: list[bool]) -> Report:
    counts = closed_counts(words, wrong)
    entries = tuple(
        Hypothesis(f"u{i}", "en", f"s{i % 6}", word, "", {"cer": Counts(1, 3, sub=1), **one}, word)
        for i, (word, one) in enumerate(zip(words, counts, strict=True))
    )
    metrics = {
        name: Metric(one.rate, 0.0, 1.0, **vars(one))
        for name, one in pool([e.counts for e in entries]).items()
    }
    return Report(
        {"words": SetReport("en", len(entries), metrics, references="same")}, hypotheses={"words": entries}
    )


def test_it_is_shown_as_a_mean_of_words_and_not_as_errors_of_a_total() -> None:
    table = render(report(SPOKEN, [True] * 5 + [False] * 5))
    shown = list(itertools.chain(*(column._cells for column in table.columns)))
    assert "mean of words" in shown
    assert "5 / 10" in shown
    assert not any("/ 10000" in str(cell) for cell in shown)


def test_runs_are_compared_by_it_and_by_the_plain_error_where_both_are_the_same(tmp_path: Path) -> None:
    for name, share in (("a", 5), ("b", 2)):
        write_report(report(SPOKEN * 3, [i % 10 < share for i in range(30)]), tmp_path / name / "seed-0")
    (found,) = compare([tmp_path / "a", tmp_path / "b"], metric=BALANCED).sets
    assert found.metric == BALANCED
    assert found.rows[0].error == pytest.approx(5 / 6 / 3, abs=1e-3)
    assert compare([tmp_path / "a", tmp_path / "b"]).sets[0].metric == CLOSED
    for name in "ab":
        write_report(report(["x", "y"] * 6, [True, False] * 6), tmp_path / f"{name}2" / "seed-0")
    assert compare([tmp_path / "a2", tmp_path / "b2"], metric=BALANCED).sets[0].metric == CLOSED
    assert candidates("wer") == ("wer",)
