"""Sources: which run of a recipe is meant."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from speechtl.experiment import load_recipe
from speechtl.source import find_source
from speechtl.transfer import Transfer


@pytest.mark.parametrize(("written", "seed"), [("", 0), ("@3", 3), ("@same", 2)])
def test_the_seed_of_a_source_is_its_own_or_that_of_the_run(tmp_path: Path, written: str, seed: int) -> None:
    experiment = replace(load_recipe("taiwanese/han"), source=f"taiwanese/finetune{written}", seed=2)
    found = find_source(experiment, tmp_path)
    assert found.run.path == tmp_path / "taiwanese-finetune" / f"seed-{seed}"
    assert found.experiment.seed == seed


def test_two_stages_hear_the_same_minutes_at_every_seed(tmp_path: Path) -> None:
    for seed in (0, 4):
        second = replace(load_recipe("taiwanese/two_stage"), seed=seed)
        first = find_source(second, tmp_path).experiment
        assert first.seed == seed
        assert first.target.minutes == second.target.minutes


def test_what_is_no_seed_is_refused_with_what_is_one(tmp_path: Path) -> None:
    experiment = replace(load_recipe("taiwanese/han"), source="taiwanese/finetune@best")
    with pytest.raises(ValueError, match=r"expected a seed after the @, such as .*@2, or .*@same"):
        find_source(experiment, tmp_path)


def test_a_source_by_a_method_of_its_own_file_still_tells_its_speech(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another process cannot import that file's class, and needs what it was trained and tested on."""
    run = tmp_path / "runs" / "near" / "seed-0"
    (run / "model").mkdir(parents=True)
    (run / "model" / "config.json").write_text("{}")
    made = load_recipe("taiwanese/finetune")
    settings = made.to_dict()
    settings["method"] = {"class": "recipe_near:Near", "pull": 0.5}
    document = run / "experiment.json"
    document.write_text(json.dumps({"experiment": settings}))
    start = replace(made, source=str(run))
    assert find_source(start, tmp_path).experiment == replace(made, method=Transfer())
    assert "the source's method counts as plain fine-tuning: " in caplog.text
    document.write_text(json.dumps({"experiment": settings | {"colour": "red"}}))
    assert find_source(start, tmp_path).experiment is None
    assert "what the source was trained and tested on is not known: " in caplog.text
    assert "unknown settings colour" in caplog.text
