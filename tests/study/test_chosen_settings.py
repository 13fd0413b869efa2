"""Which setting of each recipe is chosen: by dev or by a named set, and never past the edge unsaid."""

import json
import shutil
from pathlib import Path

import pytest
from study_grid import benchmark, write_cell, write_recipe, write_reports

from speechtl.corpus_spec import corpus
from speechtl.report import Report
from speechtl.study import Study, Variant
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


def chosen(study: Study, runs: Path, by: str) -> dict[str, tuple[str, str]]:
    table = SCRIPT.table_of(study, SCRIPT.trials(study, runs, by, [], each_variant=False), by)
    headings = [column.heading for column in table.columns]
    rows = [dict(zip(headings, row, strict=True)) for row in table.rows]
    return {Path(row["method"]).stem: (row["chosen"], row["at the edge"]) for row in rows}


def test_dev_chooses_and_the_edge_is_named(study: Study, tmp_path: Path) -> None:
    assert chosen(study, tmp_path, "dev") == {
        "one": ("--train.lr 0.002 --train.no-is-mixed", ""),
        "other": ("--train.lr 0.004 --train.no-is-mixed", "--train.lr"),
    }


def test_a_named_set_chooses_where_it_is_asked_for(study: Study, tmp_path: Path) -> None:
    assert chosen(study, tmp_path, "words") == {
        "one": ("--train.lr 0.001 --train.no-is-mixed", "--train.lr"),
        "other": ("--train.lr 0.002 --train.no-is-mixed", ""),
    }
    with pytest.raises(ValueError, match=r"no finished cell has 'other'; .* test sets, which are words"):
        SCRIPT.trials(study, tmp_path, "other", [], each_variant=False)


def test_a_flag_can_make_methods_of_a_recipe(study: Study, tmp_path: Path) -> None:
    found = SCRIPT.trials(study, tmp_path, "dev", ["--train.lr"], each_variant=False)
    assert len({trial.method for trial in found}) == 6


def test_a_trial_with_fewer_seeds_has_no_advantage(study: Study, tmp_path: Path) -> None:
    """The easier seed alone would make the last rate the best of its recipe."""
    for cell in expand(study, tmp_path):
        is_last = cell.row == study.rows[2]
        if is_last and cell.seed == 1:
            shutil.rmtree(cell.folder.path)
            continue
        report = Report.load(cell.folder.report)
        assert report.train is not None
        report.train.best["error"] = 0.15 if is_last else report.train.best["error"] - 0.2 * (cell.seed == 0)
        report.save(cell.folder.report)
    table = SCRIPT.table_of(study, SCRIPT.trials(study, tmp_path, "dev", [], each_variant=False), "dev")
    one = table.rows[0]
    assert one[2:4] == ("1", "--train.lr 0.002 --train.no-is-mixed"), "10 % there, against 15 %"
    assert "one.py: some trials have more finished cells" in table.notes[0]


def test_of_equals_the_first_is_chosen_and_they_are_told(study: Study, tmp_path: Path) -> None:
    for cell in expand(study, tmp_path):
        report = Report.load(cell.folder.report)
        assert report.train is not None
        report.train.best["error"] = 0.5 if cell.row == study.rows[2] else 0.4
        report.save(cell.folder.report)
    table = SCRIPT.table_of(study, SCRIPT.trials(study, tmp_path, "dev", [], each_variant=False), "dev")
    assert [row[3].split()[1] for row in table.rows] == ["0.001", "0.001"]
    ties = [note.rpartition("/")[2] for note in table.notes if "as good" in note]
    assert ties == [
        "one.py: 1 other trial as good; the first is named",
        "other.py: 2 other trials as good; the first is named",
    ]


def test_amounts_and_variants_choose_for_themselves(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "one")
    rows = tuple(f"{recipe} --train.lr={rate}" for rate in ("0.001", "0.002", "0.004"))
    halves = tuple(Variant(name, corpus(str(tmp_path / "en.jsonl"))) for name in ("first", "second"))
    study = Study("s", rows, minutes=(1, 2), seeds=(0,), variants=halves)
    for cell in expand(study, tmp_path):
        turned = (cell.variant == "first") != (str(cell.amount) == "1 minute")
        place = rows.index(cell.row)
        write_cell(cell, [2 - place if turned else place] * 4)
    found = SCRIPT.trials(study, tmp_path, "words", [], each_variant=True)
    table = SCRIPT.table_of(study, found, "words")
    assert [(row[0], row[2], row[5]) for row in table.rows] == [
        ("first", "1 minute", "--train.lr 0.001"),
        ("first", "2 minutes", "--train.lr 0.004"),
        ("second", "1 minute", "--train.lr 0.004"),
        ("second", "2 minutes", "--train.lr 0.001"),
    ]


def test_settings_are_chosen_by_information_and_never_by_the_test(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "one")
    rates = {"1e-3": (0.9, [4, 4]), "2e-3": (1.5, [2, 2]), "3e-3": (1.2, [0, 0])}
    study = Study("grid", tuple(f"{recipe} --train.lr {rate}" for rate in rates), seeds=(0, 1))
    for cell in expand(study, tmp_path):
        information, errors = rates[cell.row.split()[-1]]
        write_cell(cell, errors)
        lines = [{"step": 4, "label_free": {"information": 9.0}}, {"step": 8, "dev": {}}]
        lines.append({"step": 8, "label_free": {"information": information + 0.1 * cell.seed}})
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (cell.folder.path / "metrics.jsonl").write_text(text)
    found = SCRIPT.trials(study, tmp_path, "information", [], each_variant=False)
    (row,) = SCRIPT.table_of(study, found, "information").rows
    assert row[1:] == ("3", "2", "--train.lr 2e-3", "1.550", "0.950", "50.0 %", "")


def test_flags_are_told_with_all_their_values() -> None:
    row = "one --method.blocks encoder.0 norm --train.lr=1e-3 --train.no-is-mixed"
    assert SCRIPT._parts(row) == (
        "one",
        {"--method.blocks": "encoder.0 norm", "--train.lr": "1e-3", "--train.no-is-mixed": ""},
    )
