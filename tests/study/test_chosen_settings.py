"""Which setting of each recipe is chosen: by dev or by a named set, and never past the edge unsaid."""

from pathlib import Path

import pytest
from study_grid import benchmark, write_cell, write_recipe, write_reports

from speechtl.report import Report
from speechtl.study import Study
from speechtl.study.cells import expand

SCRIPT = benchmark("chosen_settings")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Six finished rows of two recipes: the errors on `words` say one thing, those on dev another."""
    one, other = (write_recipe(tmp_path, name) for name in ("one", "other"))
    rates = ("0.001", "0.002", "0.004")
    rows = tuple(
        f"{recipe} --train.lr {rate} --train.no-is-mixed" for recipe in (one, other) for rate in rates
    )
    found = Study("s", rows, seeds=(0, 1))
    wrong = dict(zip(rows, [1, 2, 3, 4, 2, 3], strict=True))
    dev = dict(zip(rows, [0.5, 0.3, 0.4, 0.2, 0.3, 0.1], strict=True))
    for cell in expand(found, tmp_path):
        write_cell(cell, [wrong[cell.row]] * 6)
        write_reports(cell.folder.path, {"words": [wrong[cell.row]] * 6})
        path = cell.folder.report
        report = Report.load(path)
        assert report.train is not None
        report.train.best["error"] = dev[cell.row]
        report.save(path)
    return found


def chosen(study: Study, runs: Path, by: str | None) -> dict[str, tuple[str, str]]:
    table = SCRIPT.table_of("", SCRIPT.trials(study, runs, by, []))
    return {Path(row[0]).stem: (row[2], row[-1]) for row in table.rows}


def test_dev_chooses_and_the_edge_is_named(study: Study, tmp_path: Path) -> None:
    assert chosen(study, tmp_path, None) == {
        "one": ("--train.lr 0.002 --train.no-is-mixed ", ""),
        "other": ("--train.lr 0.004 --train.no-is-mixed ", "--train.lr"),
    }


def test_a_named_set_chooses_where_it_is_asked_for(study: Study, tmp_path: Path) -> None:
    assert chosen(study, tmp_path, "words") == {
        "one": ("--train.lr 0.001 --train.no-is-mixed ", "--train.lr"),
        "other": ("--train.lr 0.002 --train.no-is-mixed ", ""),
    }
    with pytest.raises(ValueError, match=r"no finished cell has the set other; there are words"):
        SCRIPT.trials(study, tmp_path, "other", [])


def test_a_flag_can_make_methods_of_a_recipe(study: Study, tmp_path: Path) -> None:
    found = SCRIPT.trials(study, tmp_path, None, ["--train.lr"])
    assert len({trial.method for trial in found}) == 6
