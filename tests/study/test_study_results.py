"""The numbers of a study's table: means, intervals, paired tests, Holm, gains, losses, negative transfer."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from study_grid import UNITS, write_cell, write_cells, write_recipe, write_reports

from speechtl.corpus_spec import CorpusSpec
from speechtl.report import Report
from speechtl.stats import (
    Interval,
    bootstrap_interval,
    hierarchical_paired_bootstrap,
    holm,
    paired_bootstrap,
    rate_over_seeds,
    seeds_interval,
    sign_flip,
)
from speechtl.study import Study, Variant
from speechtl.study.cells import Cell, expand
from speechtl.study.files import write_outcome
from speechtl.study.negative import controls, new_negatives
from speechtl.study.results import RowResult, SetResult, results
from speechtl.study.scores import Grid
from speechtl.study.tables import result_table
from speechtl.whole_files import write_json

TOTALS = [UNITS] * 24


def drawn(rate: float, seed: int, count: int = 24) -> list[int]:
    return np.random.default_rng(seed).binomial(UNITS, rate, count).tolist()


def only(study: Study, cells: Sequence[Cell]) -> SetResult:
    (found,) = results(Grid.of(study, cells))
    return found


def row_of(found: SetResult, recipe: str) -> RowResult:
    return next(row for row in found.rows if row.measured.run == recipe)


@pytest.fixture
def recipes(tmp_path: Path) -> list[str]:
    """A control from scratch, and what starts from a model and is compared with it."""
    (tmp_path / "model").mkdir()
    source = f", source={str(tmp_path / 'model')!r}"
    adapted = [write_recipe(tmp_path, name, more=source) for name in ("good", "bad")]
    return [write_recipe(tmp_path, "scratch"), *adapted]


RATES = {"scratch": 0.5, "good": 0.2, "bad": 0.7}


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


def test_negative_transfer_is_flagged_by_cell_and_by_row(tmp_path: Path, recipes: list[str]) -> None:
    """`bad` is worse at both seeds; `good` at one of them, and better on average."""
    study = Study("s", tuple(recipes), seeds=(0, 1))
    cells = expand(study, tmp_path)
    levels = {
        ("scratch", 0): 2,
        ("scratch", 1): 2,
        ("good", 0): 0,
        ("good", 1): 3,
        ("bad", 0): 4,
        ("bad", 1): 4,
    }
    write_cells(cells, lambda cell: [levels[cell.experiment.name, cell.seed]] * 12)
    found = only(study, cells)
    scratch, good, bad = recipes
    assert (row_of(found, bad).is_negative, row_of(found, bad).negative) == (True, (2, 2))
    assert (row_of(found, good).is_negative, row_of(found, good).negative) == (False, (1, 2))
    assert (row_of(found, scratch).is_negative, row_of(found, scratch).negative) == (False, (0, 0))
    lines = new_negatives(study, cells, told := set())
    assert len(lines) == 3
    assert f"NEGATIVE TRANSFER: {good}, seed 1: +25.0 points on words against control" in lines
    assert new_negatives(study, cells, told) == [], "each is told once"
    outcome = write_outcome(study, cells, {}, tmp_path / "s")
    shown = outcome.tables[0].markdown()
    assert "| YES, 2 of 2 cells |" in shown
    assert "| 1 of 2 cells |" in shown
    note = f"negative transfer: {Path(bad).name} is worse than its control by 50.0 points, in 2 of 2 cells"
    assert f"{note}\n" in f"{shown}\n"
    stored = json.loads((tmp_path / "s" / "study.json").read_text())
    worse = {(c["recipe"], c["seed"]): c["worse_than_control"] for c in stored["cells"]}
    assert worse[good, 1] == {"words": 0.25}
    assert (worse[good, 0], worse[scratch, 0]) == ({}, None)


def test_what_chance_may_have_made_worse_is_told_as_such(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes[:2]), seeds=(0, 1))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: [3, *[1, 2] * 6] if cell.row == recipes[1] else [2, *[2, 1] * 6])
    row = row_of(only(study, cells), recipes[1])
    assert (row.is_negative, row.is_significant, row.negative) == (True, False, (2, 2))
    shown = write_outcome(study, cells, {}, tmp_path / "s").tables[0].markdown()
    assert "| not significant, 2 of 2 cells |" in shown
    assert "points, in 2 of 2 cells; not significant" in shown


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


def test_worse_than_an_adapted_control_is_no_negative_transfer(tmp_path: Path, recipes: list[str]) -> None:
    scratch, *_ = recipes
    adapted = [
        write_recipe(tmp_path, name, steps=steps, more=f", source={scratch!r}")
        for name, steps in (("finetune", 8), ("other", 8), ("unadapted", 0))
    ]
    for control, is_told in ((adapted[0], False), (adapted[2], True)):
        study = Study(f"s{is_told:d}", tuple(adapted), control=control, seeds=(0,))
        cells = expand(study, tmp_path)
        write_cells(cells, lambda cell: [4 if cell.experiment.name == "other" else 2] * 12)
        found = only(study, cells)
        assert row_of(found, adapted[1]).gain.value == -0.5
        assert row_of(found, adapted[1]).is_negative == is_told
        assert len(new_negatives(study, cells, set())) == is_told
        (table,) = write_outcome(study, cells, {}, tmp_path / study.name).tables
        assert any("neither from scratch nor unadapted" in note for note in table.notes) != is_told


@pytest.mark.parametrize("method", ["AdaBN()", "BatchNormStatistics()", "VTLN()", "SpeakerMoments()"])
def test_a_control_that_is_adapted_without_training_is_no_control_without_transfer(
    tmp_path: Path, method: str
) -> None:
    kind = method.removesuffix("()")
    base, mine = write_recipe(tmp_path, "base"), f", source={str(tmp_path / 'base.py')!r}"
    unadapted = write_recipe(tmp_path, "unadapted", steps=0, more=mine)
    spec = f"corpus({str(tmp_path / 'en.jsonl')!r}, split='dev')"
    unlabelled = f", unlabelled=({spec},), tests=({spec},)" if kind == "AdaBN" else ""
    adapted = write_recipe(tmp_path, "adapted", steps=0, more=f"{mine}, method={method}{unlabelled}")
    text = Path(adapted).read_text()
    Path(adapted).write_text(
        f"from speechtl.corpus_spec import corpus\nfrom speechtl.transfer import {kind}\n{text}"
    )
    for control, is_told in ((base, True), (unadapted, True), (adapted, False)):
        study = Study("s", (base, unadapted, adapted), control=control, seeds=(0,))
        assert bool(controls(study, expand(study, tmp_path))) == is_told


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


def variants(count: int, groups: Sequence[str] = ()) -> tuple[Variant, ...]:
    mine = CorpusSpec("en.jsonl")
    return tuple(Variant(f"v{i}", mine, group=groups[i] if groups else "") for i in range(count))


def test_variants_are_pooled_and_their_signs_flipped(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes[:2]), seeds=(0, 1), variants=variants(6))
    cells = expand(study, tmp_path)
    errors = {cell: drawn(0.6 if cell.row == recipes[0] else 0.5, i, count=8) for i, cell in enumerate(cells)}
    write_cells(cells, errors.__getitem__)
    found = only(study, cells)
    row = row_of(found, recipes[1])
    rate = {(c.row, c.variant, c.seed): sum(errors[c]) / (8 * UNITS) for c in cells}
    differences = [
        np.mean([rate[recipes[1], f"v{v}", s] - rate[recipes[0], f"v{v}", s] for s in (0, 1)])
        for v in range(6)
    ]
    assert found.utterances == 48
    assert row.p_value == sign_flip(differences)
    assert row.measured.error == pytest.approx(
        np.mean([rate[recipes[1], f"v{v}", s] for v in range(6) for s in (0, 1)])
    )
    assert found.resampled == "variants"
    assert found.tested == "sign-flip test over the 6 variants, each the mean of its seeds"
    assert row.negative[1] == 12


def test_a_seed_counts_once_all_its_variants_are_finished(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes[:2]), seeds=(0, 1), variants=variants(2))
    cells = expand(study, tmp_path)
    write_cells(
        [cell for cell in cells if (cell.variant, cell.seed) != ("v1", 1)], lambda cell: drawn(0.5, 1)
    )
    found = only(study, cells)
    assert [row.measured.seeds for row in found.rows] == [(0,), (0,)]
    outcome = write_outcome(study, cells, {}, tmp_path / "s")
    assert "2 of 8 cells are not finished" in outcome.tables[0].notes
    assert outcome.unfinished == 2
    assert found.notices == tuple(
        f"{row}: seed 1 left out, not tested with v1 or not finished there" for row in recipes[:2]
    )
    write_cells([cell for cell in cells if cell.variant == "v0"], lambda cell: drawn(0.5, 1))
    for cell in cells:
        if cell.variant == "v1":
            write_reports(cell.folder.path, {"others": [1] * 8, "more": [1] * 8})
    none = write_outcome(study, cells, {}, tmp_path / "s")
    assert none.tables == ()
    assert sorted(none.notices) == [
        f"no table of {name}: no seed of a recipe was tested on it with all variants, only with {variant}"
        for name, variant in (("more", "v1"), ("others", "v1"), ("words", "v0"))
    ]


def test_sets_of_a_file_for_each_variant_are_pooled_as_one(tmp_path: Path, recipes: list[str]) -> None:
    """Their runs' settings say nothing of it, so that one variant may be run before the others."""
    study = Study("s", tuple(recipes[:2]), seeds=(0,), variants=variants(2))
    cells = expand(study, tmp_path)
    for cell in cells:
        wrong = drawn(0.5, len(cell.row) + len(cell.variant))
        write_cell(cell, wrong)
        write_reports(cell.folder.path, {cell.variant: wrong, f"{cell.variant}.label-free": wrong})
    found = {one.name: one for one in results(Grid.of(study, cells))}
    assert set(found) == {"test", "test.label-free"}
    assert found["test"].utterances == 48
    assert row_of(found["test"], recipes[1]).negative[1] == 2
    alone = replace(study, variants=study.variants[:1])
    names = {one.name for one in results(Grid.of(alone, expand(alone, tmp_path)))}
    assert names == {"v0", "v0.label-free"}


def test_rows_that_are_tested_on_other_sets_keep_their_names(tmp_path: Path, recipes: list[str]) -> None:
    for some in ((), variants(2)):
        study = Study("plain" if not some else "v", tuple(recipes[:2]), seeds=(0,), variants=some)
        cells = expand(study, tmp_path)
        for cell in cells:
            write_cell(cell, [1] * 8)
            write_reports(cell.folder.path, {f"of-{Path(cell.row).stem}": [1] * 8})
        assert {one.name for one in results(Grid.of(study, cells))} == {"of-scratch", "of-good"}


def test_the_same_utterances_in_several_variants_are_no_more_evidence(
    tmp_path: Path, recipes: list[str]
) -> None:
    """Four devices that are asked the same: each utterance is resampled with all four answers at once."""
    plain = Study("plain", tuple(recipes[:2]), seeds=(0,))
    same = (CorpusSpec("en.jsonl", split="test"),)
    four = replace(plain, name="four", variants=tuple(replace(v, tests=same) for v in variants(4)))
    answers = {recipes[0]: drawn(0.5, 1), recipes[1]: drawn(0.4, 2)}
    found = []
    for study in (plain, four):
        cells = expand(study, tmp_path)
        write_cells(cells, lambda cell: answers[cell.row])
        found.append(row_of(only(study, cells), recipes[1]))
    once, repeated = found
    assert repeated.measured.error == once.measured.error
    assert repeated.p_value == pytest.approx(once.p_value, abs=0.02)
    assert repeated.measured.over_utterances.low == pytest.approx(once.measured.over_utterances.low, abs=0.02)


def test_a_training_that_diverged_is_told_beside_its_error(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes[:2]), seeds=(0, 1))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: drawn(0.5, 1))
    bad = next(cell for cell in cells if (cell.row, cell.seed) == (recipes[1], 1))
    report = Report.load(bad.folder.report)
    assert report.train is not None
    replace(report, train=replace(report.train, diverged="the dev error rose")).save(bad.folder.report)
    outcome = write_outcome(study, cells, {}, tmp_path / "s")
    assert f"1 cell diverged, and is counted: {bad}" in outcome.tables[0].notes
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


def test_tuning_from_scratch_is_no_transfer(tmp_path: Path) -> None:
    rows = tuple(write_recipe(tmp_path, name) for name in ("scratch", "other"))
    study = Study("s", rows, seeds=(0,))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: [1] * 12 if cell.row == rows[0] else [3] * 12)
    assert row_of(only(study, cells), rows[1]).negative == (0, 0)
    assert new_negatives(study, cells, set()) == []


def test_halves_of_one_speaker_are_one_in_the_test(tmp_path: Path, recipes: list[str]) -> None:
    study = Study("s", tuple(recipes[:2]), seeds=(0,), variants=variants(12, [*"aabbccddeeff"]))
    cells = expand(study, tmp_path)
    errors = {cell: drawn(0.5, place) for place, cell in enumerate(cells)}
    write_cells(cells, errors.__getitem__)
    found = only(study, cells)
    rate = {(c.row, c.variant): sum(errors[c]) / sum(TOTALS) for c in cells}
    each = [rate[recipes[1], f"v{v}"] - rate[recipes[0], f"v{v}"] for v in range(12)]
    assert row_of(found, recipes[1]).p_value == sign_flip(np.mean(np.reshape(each, (6, 2)), axis=1))
    assert found.tested == "sign-flip test over the 6 groups of variants, each the mean of its seeds"


def test_few_variants_are_tested_over_their_utterances(tmp_path: Path, recipes: list[str]) -> None:
    """Two have four patterns of signs, of which the least likely still has p = 0.5."""
    study = Study("s", tuple(recipes[:2]), seeds=(0, 1), variants=variants(2))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: [2 if cell.row == recipes[0] else 1] * 12)
    found = only(study, cells)
    assert row_of(found, recipes[1]).p_value < 0.01
    assert found.tested == (
        "paired bootstrap over utterances and seeds, of these 2 variants alone: it does not tell about others"
    )


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


def test_speakers_of_any_variant_are_kept_together(tmp_path: Path, recipes: list[str]) -> None:
    variants = tuple(Variant(name, CorpusSpec("x")) for name in "ab")
    study = Study("s", tuple(recipes), seeds=(0,), variants=variants)
    cells = expand(study, tmp_path)
    for cell in cells:
        write_cell(cell, [1] * 6)
        report = Report.load(cell.folder.report)
        entry = report.sets["words"]
        resampled = "speakers" if cell.variant == "b" else "utterances"
        replace(report, sets={"words": replace(entry, resampled=resampled)}).save(cell.folder.report)
    (found,) = results(Grid.of(study, cells))
    assert found.resampled == "speakers"
