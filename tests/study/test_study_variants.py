"""Variants in a study's table: what is pooled, what is one voice, and what flips its sign."""

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
    write_reports,
)

from speechtl.corpus_spec import CorpusSpec
from speechtl.report import Report
from speechtl.stats import (
    sign_flip,
)
from speechtl.study import Study, Variant
from speechtl.study.cells import expand
from speechtl.study.files import write_outcome
from speechtl.study.results import results
from speechtl.study.scores import Grid


@pytest.fixture(name="recipes")
def _recipes(tmp_path: Path) -> list[str]:
    return three_recipes(tmp_path)


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
