"""The numbers of a study's table: means, intervals, paired tests, Holm, gains, losses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from study_grid import (
    TOTALS,
    UNITS,
    drawn,
    only,
    row_of,
    three_recipes,
    variants,
    write_cell,
    write_cells,
    write_recipe,
    write_reports,
)

from speechtl.report import Report
from speechtl.stats import (
    Interval,
    bootstrap_interval,
    hierarchical_paired_bootstrap,
    holm,
    paired_bootstrap,
    rate_over_seeds,
    seeds_interval,
)
from speechtl.study import Study
from speechtl.study.cells import expand
from speechtl.study.files import write_outcome
from speechtl.study.negative import new_negatives
from speechtl.study.results import results
from speechtl.study.scores import Grid
from speechtl.study.tables import result_table
from speechtl.whole_files import write_json

RATES = {"scratch": 0.5, "good": 0.2, "bad": 0.7}


@pytest.fixture(name="recipes")
def _recipes(tmp_path: Path) -> list[str]:
    return three_recipes(tmp_path)


def test_a_part_of_a_study_does_not_take_the_place_of_the_whole(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes), seeds=(0, 1))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: drawn(RATES[cell.experiment.name], cell.seed))
    folder, earlier = tmp_path / "s", tmp_path / "s" / "earlier"

    def tell(study: Study) -> str:
        write_outcome(study, expand(study, tmp_path), {}, folder)
        return (folder / "study.md").read_text()

    whole = tell(study)
    assert tell(study) == whole
    assert not earlier.exists(), "the same again takes its place"
    part = tell(replace(study, seeds=(0,)))
    assert [path.read_text() for path in earlier.glob("*/study.md")] == [whole]
    assert list(earlier.glob("*/error-*.png"))
    assert tell(study) == whole
    assert part not in [path.read_text() for path in earlier.glob("*/study.md")], "the whole holds the part"
    tell(replace(study, control=recipes[1]))
    tell(study)
    assert len(list(earlier.iterdir())) == 2, "once each: the whole, and against another control"


def test_rows_have_intervals_over_seeds_and_utterances_and_are_paired_with_the_control(
    tmp_path: Path, recipes: list[str]
) -> None:
    study = Study("s", tuple(recipes), seeds=(0, 1, 2))
    cells = expand(study, tmp_path)
    errors = {cell: drawn(RATES[cell.experiment.name], 10 * cell.seed + len(cell.row)) for cell in cells}
    write_cells(cells, errors.__getitem__)
    found = only(study, cells)
    by_seed = {
        row: {cell.seed: errors[cell] for cell in sorted(cells, key=lambda c: c.seed) if cell.row == row}
        for row in recipes
    }
    scratch, good, bad = recipes
    rates = [sum(one) / sum(TOTALS) for one in by_seed[good].values()]
    row = row_of(found, good)
    # Ids are sorted as texts before anything is resampled.
    order = sorted(range(24), key=lambda i: f"u{i}")
    pairs = [
        ([by_seed[scratch][s][i] for i in order], TOTALS, [by_seed[good][s][i] for i in order], TOTALS)
        for s in (0, 1, 2)
    ]
    summed = [sum(by_seed[good][s][i] for s in (0, 1, 2)) for i in order]
    expected = hierarchical_paired_bootstrap(pairs)
    assert row.measured.error == pytest.approx(np.mean(rates))
    assert row.measured.over_seeds == rate_over_seeds(rates)
    assert row.measured.over_utterances == bootstrap_interval(summed, [3 * UNITS] * 24)
    assert (row.measured.difference, row.p_value) == (expected.difference, expected.p_value)
    control = np.mean([sum(one) / sum(TOTALS) for one in by_seed[scratch].values()])
    assert row.measured.relative == pytest.approx(row.measured.error / control - 1)
    assert row.gain is not None
    assert row.gain.value == pytest.approx(control - row.measured.error)
    corrected = holm([row.p_value, row_of(found, bad).p_value]).tolist()
    assert [row.corrected, row_of(found, bad).corrected] == corrected
    assert found.tested == "paired bootstrap over utterances and seeds"
    assert row_of(found, scratch).p_value is row_of(found, scratch).gain is None


def test_holm_counts_every_comparison_of_the_table(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes), minutes=(0.1, 0.2), seeds=(0,))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: drawn(RATES[cell.experiment.name.partition("+")[0]], len(str(cell))))
    rows = [row for row in only(study, cells).rows if not row.is_control]
    p_values = [row.p_value for row in rows]
    assert len(rows) == 4
    assert None not in p_values
    assert [row.corrected for row in rows] == holm(p_values).tolist()
    assert min(row.corrected for row in rows) == pytest.approx(4 * min(p_values))


def test_dev_and_negative_cells_are_those_that_the_error_is_of(tmp_path: Path, recipes: list[str]) -> None:
    """A seed that lacks a variant counts nowhere; dev is the mean of the others."""
    study = Study("s", tuple(recipes[:2]), seeds=(0, 1, 2), variants=variants(2))
    cells = [cell for cell in expand(study, tmp_path) if (cell.variant, cell.seed) != ("v1", 2)]
    devs = {0: 0.2, 1: 0.4, 2: 0.9}
    for cell in cells:
        errors = [1 + (cell.row == recipes[1])] * 12
        write_cell(cell, errors)
        write_reports(cell.folder.path, {"words": errors}, dev=devs[cell.seed])
    row = row_of(only(study, cells), recipes[1])
    assert row.measured.seeds == (0, 1)
    assert row.dev_error == pytest.approx(0.3)
    assert row.negative == (4, 4)


def test_a_set_of_other_weights_is_compared_only_where_the_control_has_it(
    tmp_path: Path, recipes: list[str]
) -> None:
    """The last weights are better than the control's; those that are chosen without labels cannot be told."""
    study = Study("s", tuple(recipes), seeds=(0, 1, 2))
    cells = expand(study, tmp_path)
    levels = {"scratch": 2, "good": 1, "bad": 3}
    for cell in cells:
        write_cell(cell, [1])
        sets = {"words": [levels[cell.experiment.name]] * 12}
        if cell.row != recipes[0]:
            sets["words.label-free"] = [4] * 12
        write_reports(cell.folder.path, sets, {"base": [1] * 8})
    kept, free = results(Grid.of(study, cells))
    assert [row.negative for row in kept.rows] == [(0, 0), (0, 3), (3, 3)]
    assert [row.negative for row in free.rows] == [(0, 0), (0, 0)]
    assert not any(row.is_negative for row in free.rows)
    assert {(row.dev_error, row.source_error) for row in kept.rows} == {(0.5, 0.25)}
    assert {(row.dev_error, row.source_error, row.source_loss) for row in free.rows} == {(None, None, None)}
    shown, other = (result_table(study, one, ["dev: en-dev"]) for one in (kept, free))
    assert "of 3 cells" in shown.markdown()
    assert "cells" not in other.markdown()
    headings = [column.heading for column in other.columns]
    for row in other.rows:
        assert [row[headings.index(name)] for name in ("dev", "negative transfer")] == [""] * 2
        assert "source loss" not in headings
    assert any(note.startswith("dev, source loss: not told") for note in other.notes)
    assert any(note.startswith("dev: error of the kept weights on dev") for note in shown.notes)


def test_only_an_error_that_both_have_is_compared(tmp_path: Path, recipes: list[str]) -> None:
    """Where one has closed decisions as well, by the one that both have."""
    study = Study("s", tuple(recipes[:2]), seeds=(0,))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: [2 if cell.row == recipes[0] else 3] * 12)
    report = next(cell for cell in cells if cell.row == recipes[1]).folder.report
    stored = json.loads(report.read_text())
    metrics = stored["sets"]["words"]["metrics"]
    metrics["closed"] = {**metrics["cer"], "value": 0.1}
    report.write_text(json.dumps(stored))
    found = only(study, cells)
    assert (found.metric, row_of(found, recipes[1]).negative) == ("cer", (1, 1))
    metrics["closed"] = metrics.pop("cer")
    report.write_text(json.dumps(stored))
    assert new_negatives(study, cells, set()) == []


def test_a_training_that_diverged_is_told_beside_its_error(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes[:2]), seeds=(0, 1))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: drawn(0.5, 1))
    bad = next(cell for cell in cells if (cell.row, cell.seed) == (recipes[1], 1))
    report = Report.load(bad.folder.report)
    assert report.train is not None
    replace(report, train=replace(report.train, diverged="the dev error rose")).save(bad.folder.report)
    outcome = write_outcome(study, cells, {}, tmp_path / "s")
    assert f"1 cell diverged or did not learn, and is counted: {bad}" in outcome.tables[0].notes
    stored = json.loads((tmp_path / "s" / "study.json").read_text())
    assert [cell["diverged"] for cell in stored["cells"] if cell["diverged"]] == ["the dev error rose"]


def test_other_decodings_are_told(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes[:2]), seeds=(0,))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: drawn(0.5, 1))
    _set_in(next(c for c in cells if c.row == recipes[1]).folder.report, "words", "decoding", "greedy")
    assert only(study, cells).notices == ("cells were decoded differently: constrained, greedy",)


def _set_in(path: Path, name: str, field: str, value: str) -> None:
    stored = json.loads(path.read_text())
    for sets in ("sets", "source_sets"):
        if name in stored[sets]:
            stored[sets][name][field] = value
    path.write_text(json.dumps(stored))


def test_a_table_that_can_show_nothing_says_so(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes), seeds=(0,), variants=variants(6))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: [2 if cell.row == recipes[0] else 1] * 12)
    found = only(study, cells)
    assert row_of(found, recipes[1]).corrected == 2 * 2 / 2**6
    assert "with 2 comparisons of so few it cannot be below 0.062; compare fewer rows" in found.tested


def test_an_error_that_cells_lack_is_told_and_one_that_is_none_is_refused(
    tmp_path: Path, recipes: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"metric='CER' is none; expected one of wer, cer, syllable, .*clos"):
        Study("s", tuple(recipes), metric="CER")
    study = Study("s", tuple(recipes), seeds=(0,), metric="tone")
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: drawn(0.5, 1))
    outcome = write_outcome(study, cells, {}, tmp_path / "s")
    assert outcome.tables == ()
    assert outcome.notices == ("no table of words: not all runs have tone there; all have cer",)
    assert outcome.notices[0] in (tmp_path / "s" / "study.md").read_text()


def test_the_source_s_loss_is_against_the_source_itself(tmp_path: Path) -> None:
    base = write_recipe(tmp_path, "base")
    scratch = write_recipe(tmp_path, "scratch")
    tuned = write_recipe(tmp_path, "tuned", more=f", source={base!r}")
    study = Study("s", (scratch, tuned), seeds=(0, 1))
    write_reports(tmp_path / "base" / "seed-0", {"elsewhere": [1] * 8})
    folder = tmp_path / "base" / "seed-0" / "report.json"
    stored = json.loads(folder.read_text())
    stored["sets"]["elsewhere"]["references"] = "source"
    folder.write_text(json.dumps(stored))
    cells = expand(study, tmp_path)
    for cell in cells:
        if cell.row == scratch:
            write_cell(cell, [2] * 12)
        else:
            write_cell(cell, [1] * 12, source_errors=[2 + cell.seed] * 8)
    row = row_of(only(study, cells), tuned)
    assert row.source_error == pytest.approx(2.5 / UNITS)
    lost = 1.5 / UNITS
    assert row.source_loss == Interval(lost, lost, lost), "a set is known by its references"
    outcome = write_outcome(study, cells, {}, tmp_path / "s")
    assert "| +37.5 |" in outcome.tables[0].markdown()
    kept = stored["sets"]["elsewhere"]
    others = {"cer": {**kept["metrics"]["cer"], "value": 0.9}}
    stored["sets"]["elsewhere.label-free"] = {**kept, "metrics": others}
    stored["sets"]["zero.en"] = stored["sets"].pop("elsewhere") | {"decoding": "constrained, through en"}
    folder.write_text(json.dumps(stored))
    through = row_of(only(study, cells), tuned)
    assert (through.source_loss, through.is_decoded_as_source) == (row.source_loss, False)
    told = write_outcome(study, cells, {}, tmp_path / "s").tables[0].notes
    assert any("tuned.py decoded these tests otherwise than the source had" in note for note in told)
    for begun, loss in (("2020-01-01T00:00:00+00:00", row.source_loss), ("2100-01-01T00:00:00+00:00", None)):
        write_json(folder.parent / "experiment.json", {"date": begun})
        assert row_of(only(study, cells), tuned).source_loss == loss, "trained again, it is another source"
    names = {path.name for path in (tmp_path / "s").glob("*.png")}
    assert names == {"error-words.png", "gain-and-loss-words.png"}
    assert not list((tmp_path / "s").glob(".*.new"))


def test_seeds_and_not_variants_are_what_the_source_s_loss_has_an_interval_over(tmp_path: Path) -> None:
    """Speakers differ much, and seeds little; a seed of which a speaker is missing is left out."""
    base, scratch = write_recipe(tmp_path, "base"), write_recipe(tmp_path, "scratch")
    tuned = write_recipe(tmp_path, "tuned", more=f", source={base!r}")
    study = Study("s", (scratch, tuned), seeds=(0, 1, 2, 3), variants=variants(2))
    write_reports(tmp_path / "base" / "seed-0", {"base": [0] * 8}, hash_="source")
    cells = expand(study, tmp_path)
    for cell in cells:
        lost = 3 * int(cell.variant[1]) + (cell.seed == 1)
        if (cell.row, cell.variant, cell.seed) != (tuned, "v1", 2):
            write_cell(cell, [1] * 12, source_errors=[lost] * 8 if cell.row == tuned else ())
    row = row_of(only(study, cells), tuned)
    assert row.measured.seeds == (0, 1, 3)
    assert row.source_loss == seeds_interval([1.5 / UNITS, 2.5 / UNITS, 1.5 / UNITS])
    assert row.source_error == pytest.approx(5.5 / 3 / UNITS)


def test_rows_with_other_references_are_not_compared(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes[:2]), seeds=(0,))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: drawn(0.5, 1, count=24 if cell.row == recipes[0] else 12))
    found = only(study, cells)
    assert row_of(found, recipes[1]).p_value is None
    assert "other utterances or references" in found.notices[0]


def test_single_seeds_are_paired_only_with_the_same_seed(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes[:2]), seeds=(0, 1))
    cells = expand(study, tmp_path)
    a, b = drawn(0.5, 1), drawn(0.3, 2)
    for cell in cells:
        if (cell.row == recipes[0]) == (cell.seed == 0):
            write_cell(cell, a if cell.seed == 0 else b)
    assert row_of(only(study, cells), recipes[1]).p_value is None
    study = replace(study, seeds=(0,))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: a if cell.row == recipes[0] else b)
    order = sorted(range(24), key=lambda i: f"u{i}")
    expected = paired_bootstrap([a[i] for i in order], TOTALS, [b[i] for i in order], TOTALS)
    assert row_of(only(study, cells), recipes[1]).p_value == expected.p_value


def test_seeds_that_were_tested_on_other_references_are_left_out_and_named(
    tmp_path: Path, recipes: list[str]
) -> None:
    """References were corrected, or the test corpus grew, and old cells stayed as they were."""
    study = Study("s", tuple(recipes), seeds=(0, 1, 2))
    cells = expand(study, tmp_path)
    for cell in cells:
        write_cell(cell, [2])
        is_old = cell.row == recipes[1] and cell.seed == 0
        is_short = cell.row == recipes[2] and cell.seed == 2
        errors = [4] * 12 if is_old else [1] * (10 if is_short else 12)
        write_reports(cell.folder.path, {"words": errors}, hash_="old" if is_old else "same")
    (found,) = results(Grid.of(study, cells))
    assert [len(row.measured.seeds) for row in found.rows] == [3, 2, 2]
    assert {row.measured.error for row in found.rows} == {0.25}
    first, second = found.notices
    assert "seed 0 had other utterances or references than the other seeds; left out" in first
    assert "seed 2 had other utterances" in second
