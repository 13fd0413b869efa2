"""The time that a dry study tells where no cell is finished yet."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from study_grid import write_recipe
from toy_speech import write_manifest

from speechtl.cli import main
from speechtl.doctor.cost import Cost
from speechtl.study import Study
from speechtl.study.cells import Cell, expand
from speechtl.study.dry import planned
from speechtl.training_state import save_state

STEPS = 1200


@pytest.fixture(autouse=True)
def _a_second_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def estimate(experiment: object, clips: object, model: object, steps: int) -> Cost:
        return Cost(steps / 60, 1.0, "a second a step")

    monkeypatch.setattr("speechtl.dry_run.estimate", estimate)


@pytest.fixture
def study(own_folders: Path) -> Study:
    for split in ("train", "dev", "test"):
        write_manifest(own_folders / "en.jsonl", 4, split)
    return Study("toy", (write_recipe(own_folders, "one", steps=STEPS),), seeds=(0, 1))


def times(study: Study, cells: Sequence[Cell], runs: Path) -> list[tuple[str, str]]:
    return [(row[3], row[4]) for row in planned(study, cells, runs)[0].rows]


@pytest.mark.parametrize("step", [STEPS // 2, STEPS])
def test_a_cell_that_is_begun_tells_the_pace_of_whole_ones(
    study: Study, own_folders: Path, step: int
) -> None:
    """At its last step too, when only its report is missing."""
    runs = own_folders / "runs"
    cells = expand(study, runs)
    assert times(study, cells, runs) == [("to be run", "20 min")] * 2
    begun = cells[0].folder
    begun.claim()
    save_state(begun.path / "checkpoints", {"x": torch.zeros(1)}, {"step": step})
    files = sorted(begun.path.rglob("*"))
    assert times(study, cells, runs) == [
        (f"resumes at step {step} of {STEPS}", "20 min"),
        ("to be run", "20 min"),
    ]
    assert sorted(begun.path.rglob("*")) == files, "nothing is moved aside"


def test_a_cell_that_trains_is_never_known_to_take_no_time(
    study: Study, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmeasured = SimpleNamespace(cost=None)
    monkeypatch.setattr("speechtl.study.dry.dry_run", lambda *arguments, **settings: unmeasured)
    runs = own_folders / "runs"
    cells = expand(study, runs)
    assert times(study, cells, runs) == [("to be run", "?")] * 2
    assert "an unknown time for what is left" in planned(study, cells, runs)[0].notes[0]


def test_a_cell_without_training_says_nothing_of_the_others(study: Study, own_folders: Path) -> None:
    runs = own_folders / "runs"
    unadapted = write_recipe(own_folders, "unadapted", steps=0)
    study = Study("toy", (*study.recipes, unadapted), seeds=(0,))
    assert times(study, expand(study, runs), runs) == [
        ("to be run", "under a minute"),
        ("to be run", "20 min"),
    ]


def test_an_amount_that_there_is_not_is_told_and_ends_the_command_so(
    study: Study, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    minutes = replace(study, minutes=(0.01, 5.0))
    runs = own_folders / "runs"
    _, (told,) = planned(minutes, expand(minutes, runs), runs)
    assert "one.py, 5 minutes, seed 0: cannot be run: " in told
    assert "5 minutes asked for, but there are" in told
    command = [
        "study",
        "--name",
        "toy",
        "--recipes",
        *study.recipes,
        "--seeds",
        "0",
        "--runs",
        str(runs),
        "--dry",
    ]
    assert main([*command, "--minutes", "0.01"]) == 0
    assert main([*command, "--minutes", "0.01", "5"]) == 2
    assert told.partition("cannot be run")[2] in capsys.readouterr().err


def test_many_cells_are_told_by_recipe_and_amount(
    study: Study, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line each would hide what is left of thousands."""
    monkeypatch.setattr("speechtl.study.dry.MOST", 3)
    runs = own_folders / "runs"
    study = replace(study, recipes=(*study.recipes, f"{study.recipes[0]} --train.lr 0.01"))
    cells = expand(study, runs)
    begun = cells[0].folder
    begun.claim()
    save_state(begun.path / "checkpoints", {"x": torch.zeros(1)}, {"step": 5})
    table, _ = planned(study, cells, runs)
    assert [row[2:] for row in table.rows] == [
        ("2", "1 resumes, 1 to be run", "40 min"),
        ("2", "2 to be run", "40 min"),
    ]
    assert [row[0] for row in table.rows] == ["one.py", "one.py --train.lr 0.01"]
    assert f"recipes: in {own_folders}/" in table.notes
    assert "1 h 20 min for what is left; 0 of 4 cells are finished" in table.notes
