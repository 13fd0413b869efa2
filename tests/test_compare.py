from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from speechtl.compare import SetComparison, compare
from speechtl.evaluate import write_report
from speechtl.metrics import Counts
from speechtl.report import Hypothesis, Metric, Report, SetReport
from speechtl.stats import (
    bootstrap_interval,
    hierarchical_paired_bootstrap,
    holm,
    paired_bootstrap,
    seeds_interval,
)
from speechtl.tables import comparison_table

WORSE, BETTER = [1, 1, 0, 1, 0, 1, 1, 0] * 4, [0, 1, 0, 0, 0, 0, 1, 0] * 4
TOTALS = [2] * 32


def set_of(
    errors: Sequence[int],
    *,
    language: str = "nan-Latn-tailo",
    metrics: Sequence[str] = ("syllable", "cer"),
    reference: str = "khì lâi",
    hash_: str = "",
    decoding: str = "constrained",
) -> tuple[SetReport, tuple[Hypothesis, ...]]:
    """A set with these errors, each in two units."""
    rows = tuple(
        Hypothesis(
            f"u{i}",
            language,
            None,
            reference,
            "",
            {name: Counts(count, 2, sub=count) for name in metrics},
        )
        for i, count in enumerate(errors)
    )
    total = sum(errors)
    pooled = Metric(total / (2 * len(errors)), 0.0, 1.0, total, 2 * len(errors), total, 0, 0)
    report = SetReport(
        language, len(errors), dict.fromkeys(metrics, pooled), decoding=decoding, references=hash_
    )
    return report, rows


Sets = dict[str, tuple[SetReport, tuple[Hypothesis, ...]]]


def write_run(folder: Path, sets: Sets, source_sets: Sets | None = None) -> Path:
    source_sets = source_sets or {}
    report = Report(
        {name: entry for name, (entry, _) in sets.items()},
        source_sets={name: entry for name, (entry, _) in source_sets.items()},
        hypotheses={name: rows for name, (_, rows) in (sets | source_sets).items()},
    )
    write_report(report, folder)
    return folder


def only(folders: Sequence[Path], **options: object) -> SetComparison:
    (found,) = compare(folders, **options).sets  # type: ignore[arg-type]
    return found


def test_single_seeds_are_compared_by_paired_bootstrap(tmp_path: Path) -> None:
    a = write_run(tmp_path / "scratch" / "seed-0", {"words": set_of(WORSE)})
    b = write_run(tmp_path / "finetune" / "seed-3", {"words": set_of(BETTER)})
    found = only([a, b])
    assert (found.name, found.metric, found.utterances) == ("words", "syllable", 32)
    first, second = found.rows
    assert (first.run, second.run) == ("scratch/seed-0", "finetune/seed-3")
    assert (first.error, second.error) == (20 / 64, 8 / 64)
    assert first.over_utterances == bootstrap_interval(WORSE, TOTALS)
    expected = paired_bootstrap(WORSE, TOTALS, BETTER, TOTALS)
    assert second.difference == expected.difference
    assert second.p_value == second.seed_p_values[3] == expected.p_value < 0.05
    assert second.relative == pytest.approx(-0.6)
    assert (first.difference, first.p_value, second.corrected) == (None, None, None)


def test_runs_are_compared_over_the_seeds_that_both_have(tmp_path: Path) -> None:
    errors = {0: WORSE, 1: [1] * 32, 2: BETTER}
    for seed, entry in errors.items():
        write_run(tmp_path / "scratch" / f"seed-{seed}", {"words": set_of(entry)})
    for seed in (0, 1):
        write_run(tmp_path / "finetune" / f"seed-{seed}", {"words": set_of(BETTER)})
    write_run(tmp_path / "finetune" / "seed-1.20250101-000000", {"words": set_of(WORSE)})
    first, second = only([tmp_path / "scratch", tmp_path / "finetune"]).rows
    rates = [20 / 64, 0.5, 8 / 64]
    assert (first.seeds, second.seeds) == ((0, 1, 2), (0, 1))
    assert first.error == pytest.approx(sum(rates) / 3)
    assert first.over_seeds is not None
    assert (first.over_seeds.low, first.over_seeds.high) == (0.0, seeds_interval(rates).high), "never below 0"
    assert second.over_seeds is None, "two seeds bound nothing"
    pairs = [(errors[seed], TOTALS, BETTER, TOTALS) for seed in (0, 1)]
    expected = hierarchical_paired_bootstrap(pairs)
    assert second.difference == expected.difference
    assert second.p_value == expected.p_value
    assert second.seed_p_values == {s: paired_bootstrap(*pairs[s]).p_value for s in (0, 1)}
    assert second.relative == pytest.approx((8 / 64 - (20 / 64 + 0.5) / 2) / ((20 / 64 + 0.5) / 2))


def test_p_values_of_several_comparisons_are_corrected(tmp_path: Path) -> None:
    all_errors = {"a": WORSE, "b": BETTER, "c": [0, *WORSE[1:]]}
    folders = [write_run(tmp_path / name, {"words": set_of(e)}) for name, e in all_errors.items()]
    rows = only(folders).rows
    p_values = [row.p_value for row in rows[1:] if row.p_value is not None]
    assert [row.corrected for row in rows[1:]] == holm(p_values).tolist()
    assert rows[0].corrected is None
    assert any("p (Holm)" in column.heading for column in comparison_table(only(folders)).columns)


def test_source_sets_show_the_cost_beside_the_source_itself(tmp_path: Path) -> None:
    source = write_run(tmp_path / "multilingual", {"digits": set_of(BETTER)})
    scratch = write_run(tmp_path / "scratch", {"words": set_of(WORSE)})
    tuned = write_run(tmp_path / "finetune", {"words": set_of(BETTER)}, {"digits": set_of(WORSE)})
    found = {entry.name: entry for entry in compare([source, scratch, tuned]).sets}
    assert [row.run for row in found["words"].rows] == ["scratch", "finetune"]
    assert [row.run for row in found["digits"].rows] == ["multilingual", "finetune"]
    assert (found["words"].is_source, found["digits"].is_source) == (False, True)
    cost = found["digits"].rows[1].difference
    assert cost is not None
    assert cost.value == pytest.approx(12 / 64)
    alone = {entry.name: entry for entry in compare([scratch, tuned]).sets}
    assert [row.error for row in alone["digits"].rows] == [20 / 64]


def test_a_set_is_refused_where_utterances_or_references_differ(tmp_path: Path) -> None:
    base = write_run(tmp_path / "a", {"words": set_of(WORSE), "same": set_of(WORSE)})
    other_ids = write_run(tmp_path / "b", {"words": set_of(WORSE[:31]), "same": set_of(WORSE)})
    other_text = write_run(tmp_path / "c", {"words": set_of(WORSE, reference="khì")})
    other_tag = write_run(tmp_path / "d", {"words": set_of(WORSE, language="yue-Latn-jyutping")})
    with pytest.raises(ValueError, match=r"words holds other utterances in b, seed 0 than in a, seed 0: u31"):
        compare([base, other_ids])
    assert [entry.name for entry in compare([base, other_ids], sets=["same"]).sets] == ["same"]
    with pytest.raises(ValueError, match=r"words has other references in c, seed 0 than in a, seed 0: u0,"):
        compare([base, other_text])
    with pytest.raises(ValueError, match=r"words is nan-Latn-tailo in a, seed 0 and yue-Latn-jyutping in d"):
        compare([base, other_tag])


def test_a_set_is_the_same_beside_others_whose_ids_begin_with_its_name(tmp_path: Path) -> None:
    """As those of a prepared corpus do; where two sets of a run have them they are told apart by it again."""

    def named(errors: list[int]) -> tuple[SetReport, tuple[Hypothesis, ...]]:
        entry, rows = set_of(errors)
        return entry, tuple(replace(row, id=f"words/{row.id}") for row in rows)

    alone = write_run(tmp_path / "a", {"words": named(WORSE)})
    beside = write_run(tmp_path / "b", {"words": named(BETTER), "words.label-free": named(WORSE)})
    compared = compare([alone, beside], sets=["words"]).sets[0]
    assert compared.rows[1].difference is not None


def test_another_scored_alternative_of_the_same_reference_is_no_difference(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"words": set_of(WORSE, reference="khì", hash_="1")})
    b = write_run(tmp_path / "b", {"words": set_of(BETTER, reference="lâi", hash_="1")})
    c = write_run(tmp_path / "c", {"words": set_of(BETTER, reference="lâi", hash_="2")})
    assert len(only([a, b]).rows) == 2
    with pytest.raises(ValueError, match="other references"):
        compare([a, c])


def test_the_metric_is_one_that_all_have(tmp_path: Path) -> None:
    open_, closed = ("syllable", "cer"), ("syllable", "cer", "closed")
    both = [write_run(tmp_path / name, {"words": set_of(WORSE, metrics=closed)}) for name in "ab"]
    mixed = write_run(tmp_path / "c", {"words": set_of(BETTER, metrics=open_)})
    letters = write_run(tmp_path / "d", {"words": set_of(BETTER, metrics=("cer",))})
    assert only(both).metric == "closed"
    assert only([*both, mixed]).metric == "syllable"
    assert only([both[0], letters]).metric == "cer"
    assert only(both, metric="cer").metric == "cer"
    with pytest.raises(ValueError, match="not all runs have tone"):
        compare(both, metric="tone")


def test_runs_that_share_no_set_are_said_not_to_be_compared(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"words": set_of(WORSE)})
    b = write_run(tmp_path / "b", {"others": set_of(BETTER)})
    assert compare([a, b]).notices == (
        "no set was tested by two of these runs, so that none is compared with another",
    )
    assert not compare([a]).notices


def test_unfinished_seeds_are_left_out_and_named(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a" / "seed-0", {"words": set_of(WORSE)}).parent
    b = write_run(tmp_path / "b" / "seed-0", {"words": set_of(BETTER)}).parent
    (b / "seed-1").mkdir()
    compared = compare([a, b])
    assert compared.notices == (f"{b / 'seed-1'} is not finished; left out",)
    (tmp_path / "c" / "seed-0").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="is not finished"):
        compare([a, tmp_path / "c"])


def test_what_is_no_run_or_is_given_twice_is_refused(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"words": set_of(WORSE)})
    with pytest.raises(FileNotFoundError, match="no such folder"):
        compare([a, tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="is no run"):
        compare([a, tmp_path / "empty"])
    with pytest.raises(ValueError, match="given twice"):
        compare([a, tmp_path / "." / "a"])
    with pytest.raises(ValueError, match="no run was tested on digits; they have words"):
        compare([a], sets=["digits"])
    (a / "hyp" / "words.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match=r"words\.jsonl is missing"):
        compare([a])


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / place / "a" / "seed-0", {"words": set_of(WORSE)}) for place in "xy"]
    assert [row.run for row in only(folders).rows] == [str(folder) for folder in folders]


def test_tables_show_the_numbers_and_say_when_decoding_differs(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"words": set_of(WORSE)})
    b = write_run(tmp_path / "b", {"words": set_of(BETTER, decoding="greedy")})
    table = comparison_table(only([a, b]))
    lines = table.markdown().splitlines()
    by_speaker = replace(only([a, b]), resampled="speakers")
    assert "over speakers" in [column.heading for column in comparison_table(by_speaker).columns]
    assert lines[0] == "**set words: nan-Latn-tailo, 32 utterances**"
    assert lines[2].startswith(
        "| run | seeds | syllable error | over utterances | against a | relative | p |"
    )
    assert lines[4].startswith("| a | 0 | 31.2 % |")
    assert "| 12.5 % |" in lines[5]
    assert "| -60.0 % |" in lines[5]
    assert any("decoded differently: constrained, greedy" in line for line in lines)
