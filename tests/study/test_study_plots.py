"""The dev errors of several cells at the same steps, where cells end early or pass over some."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from study_grid import write_cell, write_recipe

from speechtl.curves import colours
from speechtl.study import Study
from speechtl.study.cells import Cell, expand
from speechtl.study.plots import MARKERS, draw, shared_curves

STEPS = 60
FLAGS = "--train.evaluations 6 --train.schedule constant --train.patience 2"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study("s", (f"{write_recipe(tmp_path, 'one', steps=STEPS)} {FLAGS}",), seeds=(0, 1))


def begin(cell: Cell, errors: Mapping[int, float]) -> None:
    cell.folder.claim()
    lines = [json.dumps({"step": step, "dev": {"error": error}}) for step, error in errors.items()]
    (cell.folder.path / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))


def begun(study: Study, runs: Path, *errors: Mapping[int, float]) -> Sequence[Cell]:
    """Cells that were evaluated at these steps; none is finished."""
    cells = sorted(expand(study, runs), key=lambda cell: cell.seed)
    for cell, mine in zip(cells, errors, strict=True):
        begin(cell, mine)
    return cells


EARLY = {10: 0.6, 20: 0.4, 30: 0.45, 40: 0.5}
LATE = {10: 0.6, 20: 0.5, 30: 0.4, 40: 0.3, 50: 0.2, 60: 0.25}


def test_a_cell_that_has_ended_goes_on_with_the_error_of_what_it_keeps(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = begun(study, tmp_path, EARLY, LATE)
    assert list(shared_curves(cells)) == [10, 20, 30, 40], "it may still go on"
    write_cell(cells[0], [1, 1])
    found = shared_curves(cells)
    assert list(found) == [10, 20, 30, 40, 50, 60]
    assert found[40] == [0.5, 0.3], "what was measured is drawn as it was"
    assert (found[50], found[60]) == ([0.4, 0.2], [0.4, 0.25])
    pictures: list[Figure] = []
    monkeypatch.setattr("speechtl.study.plots._saved", lambda figure, path: pictures.append(figure))
    draw(study, cells, (), tmp_path)
    (line,) = pictures[0].axes[0].lines
    assert line.get_xdata().tolist() == [10, 20, 30, 40, 50, 60]
    assert line.get_ydata() == pytest.approx([60, 45, 42.5, 40, 30, 32.5])


def test_steps_that_were_passed_over_have_the_lowest_error_before_them(study: Study, tmp_path: Path) -> None:
    """Its first stage ended at 30 in place of 40, and the second one makes things worse at first."""
    cells = begun(study, tmp_path, {10: 0.4, 20: 0.5, 30: 0.45, 50: 0.7}, LATE)
    found = shared_curves(cells)
    assert list(found) == [10, 20, 30, 40, 50]
    assert (found[40], found[50]) == ([0.4, 0.3], [0.7, 0.2])


def test_a_step_at_which_a_cell_is_never_evaluated_was_not_passed_over(study: Study, tmp_path: Path) -> None:
    found = shared_curves(begun(study, tmp_path, {10: 0.4, 20: 0.5}, {10: 0.4, 15: 0.3, 20: 0.2}))
    assert list(found) == [10, 20]


def test_without_a_choice_on_dev_the_last_error_is_carried_on(tmp_path: Path) -> None:
    en = str(tmp_path / "en.jsonl")
    spec = f"corpus({en!r}, split='dev')"
    recipe = write_recipe(tmp_path, "one", steps=STEPS, more=f", method=MMD(), unlabelled=({spec},)")
    Path(recipe).write_text(
        "from speechtl.corpus_spec import corpus\nfrom speechtl.transfer import MMD\n"
        + Path(recipe).read_text()
    )
    cells = begun(
        Study("s", (recipe,), seeds=(0, 1)), tmp_path, {20: 0.4, 40: 0.6}, {20: 0.4, 40: 0.5, 60: 0.3}
    )
    write_cell(cells[0], [1, 1])
    assert shared_curves(cells)[60] == [0.6, 0.3]


def test_no_two_of_forty_rows_look_alike() -> None:
    rows = zip(colours(42), itertools.cycle(MARKERS), strict=False)
    assert len(set(rows)) == 42


def test_no_panel_cuts_off_what_is_higher_than_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tops: list[float] = []
    savefig = Figure.savefig

    def note(figure: Figure, *arguments: object, **options: object) -> None:
        tops.append(figure.axes[-1].get_ylim()[1])
        savefig(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", note)
    recipe = f"{write_recipe(tmp_path, 'one', steps=STEPS)} {FLAGS}"
    study = Study("s", (recipe,), seeds=(0,), minutes=(1, 2))
    for cell in expand(study, tmp_path / "runs"):
        begin(cell, {10: 0.3 if cell.amount.value == 1 else 1.4, 20: 0.2})
    draw(study, expand(study, tmp_path / "runs"), [], tmp_path)
    assert tops
    assert tops[-1] > 140
