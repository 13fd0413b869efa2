"""Negative transfer: by cell and by row, only of what transfers, only where chance did not make it."""

import json
from pathlib import Path

import pytest
from study_grid import only, row_of, three_recipes, write_cells, write_recipe

from speechtl.study import Study
from speechtl.study.cells import expand
from speechtl.study.files import write_outcome
from speechtl.study.negative import controls, new_negatives


@pytest.fixture(name="recipes")
def _recipes(tmp_path: Path) -> list[str]:
    return three_recipes(tmp_path)


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


def test_tuning_from_scratch_is_no_transfer(tmp_path: Path) -> None:
    rows = tuple(write_recipe(tmp_path, name) for name in ("scratch", "other"))
    study = Study("s", rows, seeds=(0,))
    cells = expand(study, tmp_path)
    write_cells(cells, lambda cell: [1] * 12 if cell.row == rows[0] else [3] * 12)
    assert row_of(only(study, cells), rows[1]).negative == (0, 0)
    assert new_negatives(study, cells, set()) == []
