"""The studies of Taiwanese: every method is in them, with as many trials as any other."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import speechtl.transfer
from recipes.taiwanese.methods import METHODS
from speechtl.experiment import Experiment, load_recipe
from speechtl.study import load_study
from speechtl.study.cells import expand

NOT_FOR_A_NEW_LANGUAGE = {"VTLN"}
"""It chooses by the source's own head, of which a new language has none."""


@pytest.mark.parametrize("name", ["methods", "amounts", "tuning", "temperatures", "folds"])
def test_every_cell_is_a_run_of_its_own_on_ten_minutes_or_as_asked(name: str, tmp_path: Path) -> None:
    study = load_study(f"taiwanese/{name}")
    cells = expand(study, tmp_path)
    assert len({cell.folder.path for cell in cells}) == len(cells)
    assert len(cells) == len(study.rows) * len(study.seeds) * len(study.amounts)
    for cell in cells:
        assert cell.experiment.source in (None, "multilingual")
        assert cell.experiment.target.minutes == (10 if cell.amount.unit is None else cell.amount.value)
    trained = [cell.experiment for cell in cells if cell.experiment.train.steps]
    assert len({experiment.train.steps for experiment in trained}) == 1
    assert len({experiment.target for experiment in trained}) == len(study.amounts)


def test_ten_and_fewer_minutes_are_all_that_folds_have(tmp_path: Path) -> None:
    study = load_study("taiwanese/folds")
    assert study.minutes == (3, 10)
    devs = {cell.row: cell.experiment.dev for cell in expand(replace(study, seeds=(0,)), tmp_path)}
    assert {row for row, dev in devs.items() if dev == "fold"} == {study.recipes[1], study.recipes[3]}


def test_either_way_to_han_characters_has_the_same_speech_and_the_third_row_the_steps_of_both(
    tmp_path: Path,
) -> None:
    study = load_study("taiwanese/two_stages")
    direct, staged, longer = sorted(
        (cell.experiment for cell in expand(replace(study, seeds=(3,)), tmp_path)),
        key=lambda experiment: (experiment.train.steps, experiment.name),
    )
    assert (direct.target, direct.tests, direct.train) == (staged.target, staged.tests, staged.train)
    assert (direct.source, staged.source) == ("multilingual", "taiwanese/finetune@same")
    first = load_recipe("taiwanese/finetune")
    assert longer.train.steps == first.train.steps + staged.train.steps
    assert replace(longer, train=direct.train, name=direct.name) == direct


def test_every_method_is_in_the_table(tmp_path: Path) -> None:
    cells = expand(replace(load_study("taiwanese/methods"), seeds=(0,)), tmp_path)
    kinds = {type(cell.experiment.method).__name__ for cell in cells}
    methods = {name: getattr(speechtl.transfer, name) for name in speechtl.transfer.__all__}
    labelled = {name for name, method in methods.items() if method.hears_unlabelled is not True}
    assert kinds == labelled - NOT_FOR_A_NEW_LANGUAGE


def test_every_method_has_six_trials_or_more_and_so_have_its_controls() -> None:
    study = load_study("taiwanese/tuning")
    trials = Counter(row.split()[0] for row in study.rows)
    without_settings = {"taiwanese/batch_norm_statistics", "taiwanese/speaker_moments"}
    fixed = without_settings | {"taiwanese/layer_l2_sp", "taiwanese/affine_replay"}
    wanted = {f"taiwanese/{method}" for method in METHODS} - fixed
    assert trials.keys() == wanted | {"taiwanese/scratch", "taiwanese/finetune"}
    assert set(trials.values()) <= {6, 7, 8}
    assert study.reference in study.recipes


def test_each_trial_changes_one_setting_of_the_first_and_one_of_them_is_the_recipe(tmp_path: Path) -> None:
    trials: dict[str, list[Experiment]] = {}
    for cell in expand(load_study("taiwanese/tuning"), tmp_path):
        trials.setdefault(cell.row.split()[0], []).append(cell.experiment)
    for recipe, (first, *others) in trials.items():
        chosen = load_recipe(recipe)
        assert [len(other.overrides(first)) for other in others] == [1] * len(others), recipe
        assert first.train.lr == chosen.train.lr, recipe
        assert any(not trial.overrides(chosen) for trial in (first, *others)), recipe
