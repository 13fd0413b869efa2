"""dev="fold": the folds choose the steps, all of the target is trained, and each fold resumes by itself."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import QUICK, TINY, toy_experiment, write_manifest

from speechtl.cli import _parse_recipe
from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.dry_run import dry_run
from speechtl.experiment import Experiment, read_experiment
from speechtl.fold_training import best_step, steps_left
from speechtl.report import Report, render
from speechtl.run import run
from speechtl.sets import Sets
from speechtl.text import TextSettings
from speechtl.train import Loop
from speechtl.train_settings import TrainSettings
from speechtl.transfer import BatchNormStatistics, LoRA, SpeakerMoments, Transfer

STEPS = 6


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    for split, count in (("train", 12), ("test", 4)):
        write_manifest(folder / "en.jsonl", count, split)
    return folder


@pytest.fixture(autouse=True)
def _own_places(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(speech / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(speech / "data"))


def folded(speech: Path, **changes: object) -> Experiment:
    settings = replace(QUICK, steps=STEPS, evaluations=3, checkpoint_seconds=0)
    return toy_experiment(speech / "en.jsonl", **({"dev": "fold", "train": settings} | changes))


def steps_of(log: Path) -> list[int]:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line["step"] for line in lines if "dev" not in line]


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


def evaluation(step: int, error: float) -> dict[str, object]:
    return {"step": step, "error": error, "errors": {"en": error}}


def test_the_step_with_the_lowest_mean_error_is_best_and_of_equals_the_first() -> None:
    folds = [
        [evaluation(2, 0.5), evaluation(4, 0.1), evaluation(6, 0.3)],
        [evaluation(2, 0.5), evaluation(4, 0.9), evaluation(6, 0.3)],
    ]
    assert best_step(folds) == {"step": 6, "error": 0.3, "errors": {"en": 0.3}, "folds": [0.3, 0.3]}
    assert best_step([[evaluation(2, 0.5), evaluation(4, 0.5), evaluation(6, 0.9)]])["step"] == 2
    assert best_step([[], []]) == {}


def test_where_dev_tells_nothing_all_steps_are_taken_and_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert best_step([[evaluation(6, 1.0)]])["step"] == 6
        assert best_step([[evaluation(2, 0.5), evaluation(4, 0.4)]])["step"] == 4
    assert not caplog.text
    with caplog.at_level(logging.WARNING):
        found = best_step([[evaluation(step, 1.0) for step in (2, 4, 6)]] * 2)
    assert found == {"step": 6, "error": 1.0, "errors": {"en": 1.0}, "folds": [1.0, 1.0]}
    assert "dev tells nothing about the number of steps: its error is 100.0 % at each of 3" in caplog.text
    assert "so all 6 steps are taken" in caplog.text


def test_all_of_the_target_is_trained_for_the_steps_that_were_best(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four of six steps: the weights are those that a training of six steps has after its fourth."""
    monkeypatch.setattr("speechtl.fold_training.best_step", lambda folds: evaluation(4, 0.25))
    report = run(folded(speech), tmp_path)
    folder = tmp_path / "toy" / "seed-0"
    for number in (0, 1, 2):
        assert steps_of(folder / "folds" / str(number) / "metrics.jsonl") == list(range(1, STEPS + 1))
        scores = json.loads((folder / "folds" / str(number) / "scores.json").read_text())
        assert [one["step"] for one in scores["evaluations"]] == [2, 4, 6]
        assert not (folder / "folds" / str(number) / "checkpoints").exists()
    assert steps_of(folder / "metrics.jsonl") == [1, 2, 3, 4]
    assert report.train is not None
    assert (report.train.steps, report.train.best) == (4, evaluation(4, 0.25))
    assert "3 folds of the target's own 4 seconds" in report.train.dev
    assert Report.load(folder / "report.json").train == report.train
    assert "3 folds of the target's own" in str(render(report).caption)
    seconds = sum(
        json.loads((folder / "folds" / str(n) / "scores.json").read_text())["wall_seconds"] for n in (0, 1, 2)
    )
    assert report.train.wall_seconds > seconds, "what the folds took is told"
    noted = json.loads((folder / "experiment.json").read_text())["held_out"]
    assert "3 folds" in noted[-1]
    assert read_experiment(folder / "experiment.json").dev == "fold"
    # The same steps on all of it, under the same schedule.
    after_step = Loop.after_step

    def ended(loop: Loop) -> None:
        after_step(loop)
        loop.last = 4

    monkeypatch.setattr(Loop, "after_step", ended)
    named = folded(speech, name="named", dev=other_speech(speech))
    run(replace(named, train=replace(named.train, evaluations=1)), tmp_path)
    assert weights(tmp_path / "named" / "seed-0") == weights(folder)


def other_speech(speech: Path) -> tuple[CorpusSpec, ...]:
    """Dev of its own."""
    path = speech / "dev.jsonl"
    if not path.exists():
        write_manifest(path, 3, "dev", seed=5)
    return (corpus(str(path)),)


@pytest.mark.parametrize(
    "method", [BatchNormStatistics(), SpeakerMoments(by=None), LoRA()], ids=lambda one: one.label
)
def test_each_fold_adapts_the_source_where_the_speech_is(
    speech: Path, tmp_path: Path, method: Transfer
) -> None:
    """Whatever device the fold before it was trained on."""
    few = replace(QUICK, steps=2, evaluations=1)
    other = corpus(str(write_manifest(tmp_path / "base.jsonl", 12, "train", seed=5)))
    run(folded(speech, name="base", target=other, dev="none", train=few), tmp_path)
    adapted = folded(
        speech, name="adapted", source=str(tmp_path / "base" / "seed-0"), method=method, train=few
    )
    report = run(adapted, tmp_path)
    assert report.train is not None
    assert len(report.train.best["folds"]) == 3


def test_a_stopped_fold_goes_on_and_finished_ones_are_not_trained_again(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(folded(speech), tmp_path / "whole")
    taken, stop_at, after_step = [0], [0], Loop.after_step

    def die(loop: Loop) -> None:
        after_step(loop)
        taken[0] += 1
        if taken[0] == stop_at[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "after_step", die)
    folder = tmp_path / "toy" / "seed-0"
    for steps, finished in ((STEPS + 3, 1), (STEPS, 2), (STEPS // 2 + 2, 3)):
        # In the middle of the second fold, of the third and of the last training.
        taken[0], stop_at[0] = 0, steps
        with pytest.raises(KeyboardInterrupt):
            run(folded(speech), tmp_path)
        assert len(list(folder.glob("folds/*/scores.json"))) == finished
        told = dry_run(folded(speech), tmp_path).fate
        assert told == (
            f"resumes {folder} among its folds" if finished < 3 else f"resumes {folder} at step 2 of {STEPS}"
        )
    taken[0], stop_at[0] = 0, -1
    run(folded(speech), tmp_path)
    assert taken[0] == best(tmp_path / "whole") - 2, "only what was left of the last training"
    assert weights(folder) == weights(tmp_path / "whole" / "toy" / "seed-0")


def best(runs: Path) -> int:
    return json.loads((runs / "toy" / "seed-0" / "report.json").read_text())["train"]["steps"]


def test_without_steps_there_is_nothing_to_choose(speech: Path, tmp_path: Path) -> None:
    report = run(folded(speech, train=replace(QUICK, steps=0)), tmp_path)
    assert report.train is not None
    assert (report.train.steps, report.train.best) == (0, {})


def test_folds_of_texts_are_told_where_the_tests_have_those_of_training(speech: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (speech / "en.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["text"] = ("a", "oi", "ea", "io")[number % 4]
    path = speech / "few.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    experiment = toy_experiment(path, dev="fold")
    assert any("dev=fold holds out texts, while" in note for note in Sets.of(experiment).check(None))
    free = replace(experiment, target=corpus(str(path), split="train", split_by="none"))
    assert not any("dev=fold holds out" in note for note in Sets.of(free).check(None))
    assert not any("dev=fold holds out" in note for note in Sets.of(folded(speech)).check(None))


def test_a_dry_run_counts_the_folds(speech: Path, tmp_path: Path) -> None:
    found = dry_run(folded(speech), tmp_path)
    assert found.cost is not None
    assert found.cost.account.startswith(f"{4 * STEPS} steps")
    assert any("3 folds" in note for note in found.notes)
    assert "dev" not in [role for role, _ in found.data]


@pytest.mark.parametrize("flags", [["--dev", "none"], ["--dev=none"]])
def test_a_flag_spares_nothing_for_dev_and_the_last_weights_are_kept(
    flags: list[str], speech: Path, tmp_path: Path
) -> None:
    chosen = _parse_recipe("taiwanese/scratch", [*flags, "--train.steps", "9"])
    assert (chosen.dev, chosen.name) == ("none", "taiwanese-scratch+dev=none+train.steps=9")
    assert Experiment.from_dict(chosen.to_dict()) == chosen
    with pytest.raises(ValueError, match="dev=none spares nothing for it"):
        replace(chosen, train=TrainSettings(patience=2, schedule="constant"))
    report = run(replace(folded(speech), dev="none"), tmp_path)
    assert report.train is not None
    assert (report.train.steps, report.train.best) == (STEPS, {})
    assert report.train.dev == "dev: none; the last weights are kept"


@pytest.mark.parametrize("flags", [["--dev", "fold"], ["--dev=fold"]])
def test_the_flag_is_the_whole_of_dev_and_stands_in_the_name(flags: list[str]) -> None:
    chosen = _parse_recipe("taiwanese/scratch", [*flags, "--train.steps", "9"])
    assert chosen.dev == "fold"
    assert chosen.named_dev == ()
    assert chosen.name == "taiwanese-scratch+dev=fold+train.steps=9"
    assert Experiment.from_dict(chosen.to_dict()) == chosen


def test_a_classifier_s_folds_have_words_that_are_trained_on(speech: Path) -> None:
    """Without splits of the corpus's own, so have dev and test that are carved out of it."""
    settings = {"model": replace(TINY, head="classifier"), "text": TextSettings(units="whole")}
    rows = [json.loads(line) for line in (speech / "en.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["text"], row["split"] = ("a", "oi", "ea", "io")[number % 4], "train"
    path = speech / "words.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    whole = corpus(str(path))
    folds = Sets.of(folded(speech, target=whole, tests=(other_speech(speech)), **settings)).folds
    assert len(folds) == 3
    for fold in folds:
        assert set(fold.dev.column("text")) <= set(fold.train.column("text"))
    carved = Sets.of(folded(speech, target=whole, dev=(), tests=(), **settings))
    assert carved.dev is not None
    for held in (carved.dev, *carved.tests.values()):
        assert set(held.column("text")) <= set(carved.target.column("text"))
    assert "a classifier knows the texts of training alone" in carved.account[0]


def test_who_adapts_to_texts_that_are_tested_has_folds_by_recording(speech: Path) -> None:
    for split_by, unit in (("none", "by recording, since split_by=none"), (None, "which share no text")):
        target = corpus(str(speech / "en.jsonl"), "train", split_by=split_by)
        assert unit in Sets.of(folded(speech, target=target)).account[-1]


def test_the_steps_that_are_left_are_those_of_unfinished_trainings(tmp_path: Path) -> None:
    def checkpoint(place: Path, step: int) -> None:
        (place / "checkpoints" / "last").mkdir(parents=True)
        (place / "checkpoints" / "last" / "state.json").write_text(f'{{"step": {step}}}')

    assert steps_left(tmp_path, 3, 100) == 400
    checkpoint(tmp_path / "folds" / "0", 40)
    assert steps_left(tmp_path, 3, 100) == 360
    for number in range(3):
        (tmp_path / "folds" / str(number)).mkdir(exist_ok=True)
        (tmp_path / "folds" / str(number) / "scores.json").write_text("{}")
    assert steps_left(tmp_path, 3, 100) == 100
    checkpoint(tmp_path, 70)
    assert steps_left(tmp_path, 3, 100) == 30
    assert steps_left(tmp_path, 3, 100, fresh=True) == 400
