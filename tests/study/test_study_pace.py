from pathlib import Path

import pytest
from study_grid import write_recipe

from speechtl.study import Study
from speechtl.study.cells import expand
from speechtl.study.pace import AROUND, Pace, duration


def test_cells_without_training_say_nothing_of_those_with_some(own_folders: Path) -> None:
    tuned, other = (write_recipe(own_folders, name) for name in ("tuned", "other"))
    unadapted = write_recipe(own_folders, "unadapted", steps=0)
    study = Study("toy", (unadapted, tuned, other), seeds=(0, 1))
    by_row = {cell.row: cell for cell in expand(study, own_folders / "runs")}
    pace = Pace()
    assert duration(pace.left(by_row.values())) == "an unknown time"
    pace.add(by_row[unadapted], 30.0)
    assert pace.seconds(by_row[unadapted]) == 30
    assert pace.seconds(by_row[tuned]) is None
    pace.add(by_row[tuned], 10.0)
    assert pace.seconds(by_row[tuned]) == pytest.approx(10)
    assert pace.seconds(by_row[other]) == pytest.approx(10)  # the same steps
    assert pace.left(by_row.values()) == pytest.approx(50 + 3 * AROUND)


def test_one_cell_on_a_machine_that_slept_does_not_decide(own_folders: Path) -> None:
    study = Study("toy", (write_recipe(own_folders, "tuned"),), seeds=(0, 1, 2, 3))
    first, *others, last = expand(study, own_folders / "runs")
    pace = Pace()
    pace.add(first, 6000.0)
    for cell in others:
        pace.add(cell, 10.0)
    assert pace.seconds(last) == pytest.approx(10)
