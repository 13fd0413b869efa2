"""Studies that are run: resumed after a kill, kept where done, going on where a cell fails."""

import hashlib
import multiprocessing
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from study_grid import write_recipe
from study_process import run_and_die
from torch import Tensor
from toy_speech import write_manifest

from speechtl import cli
from speechtl.checkpoint import load_model
from speechtl.report import Report
from speechtl.study import Study
from speechtl.study.cells import expand
from speechtl.study.dry import planned
from speechtl.study.keeping import Keep
from speechtl.study.study import run_study
from speechtl.train import Interrupted
from speechtl.transfer.base import ForwardPass, Transfer


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a manifest of toy speech."""
    folder = tmp_path_factory.mktemp("speech")
    for split, count in (("train", 12), ("dev", 3), ("test", 6)):
        write_manifest(folder / "en.jsonl", count, split)
    return folder


@pytest.fixture(autouse=True)
def _own_places(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(speech / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(speech / "data"))


@dataclass(frozen=True)
class Shrunk(Transfer):
    """Fine-tuning towards small weights."""

    strength: float = 1.0
    """Weight of half the squares' sum."""

    def terms(self, losses: dict[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """The losses, and the size of the weights."""
        size = torch.stack([value.square().sum() for value in forward.model.parameters()]).sum()
        return {**losses, "size": self.strength / 2 * size}


@dataclass(frozen=True)
class Broken(Transfer):
    """A method with a fault."""

    def terms(self, losses: dict[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """Nothing that could be trained."""
        raise KeyError("frames")


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()


def test_a_killed_study_goes_on_where_it_was_and_keeps_what_is_done(speech: Path, tmp_path: Path) -> None:
    flags = "--train.checkpoint-seconds 0 --train.evaluations 1"
    rows = [f"{write_recipe(speech, name, steps=6)} {flags}" for name in ("one", "two")]
    study = Study("s", tuple(rows), seeds=(0,))
    process = multiprocessing.get_context("forkserver").Process(
        target=run_and_die, args=(study, tmp_path / "killed", 9)
    )
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    first, second = (cell.folder.path for cell in expand(study, tmp_path / "killed"))
    assert (first / "report.json").is_file()
    assert not (second / "report.json").exists()
    assert (second / "checkpoints" / "last").is_dir()
    before = (first / "report.json").stat().st_mtime_ns
    outcome = run_study(study, tmp_path / "killed")
    assert (outcome.failures, outcome.unfinished) == ({}, 0)
    assert (first / "report.json").stat().st_mtime_ns == before
    run_study(study, tmp_path / "whole")
    whole = [cell.folder.path for cell in expand(study, tmp_path / "whole")]
    assert [weights(path) for path in whole] == [weights(path) for path in (first, second)]
    assert (tmp_path / "killed" / "s" / "error-against-steps.png").is_file()


def test_a_failing_cell_is_told_and_the_others_go_on(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    good = write_recipe(speech, "good", steps=1)
    broken = write_recipe(speech, "broken", steps=1, more=", method=Broken()")
    faulty = write_recipe(speech, "faulty", steps=1, more=", unit_table='no.such_table'")
    for path in (broken, faulty):
        Path(path).write_text("from test_study_running import Broken\n" + Path(path).read_text())
    path = speech / "mine.py"
    path.write_text(
        "from speechtl.study import Study\n"
        f"study = Study('mine', ({broken!r}, {faulty!r}, {good!r}), control={good!r}, seeds=(0,))\n"
    )
    assert cli.main(["study", str(path), "--runs", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert f"FAILED: {tmp_path / 'mine' / 'broken' / 'seed-0'}: KeyError: 'frames'" in shown.err
    assert "unit_table='no.such_table' cannot be used" in shown.err
    assert "2 of 3 cells are not finished" in shown.out
    assert "dev: en-dev, labelled speech in addition to the target" in shown.out
    assert Report.load(tmp_path / "mine" / "good" / "seed-0" / "report.json").sets
    assert cli.main(["study", str(path), "--runs", str(tmp_path), "--recipes", good]) == 0
    assert "good" in capsys.readouterr().out


def test_a_cell_that_another_process_runs_is_left_to_it(
    speech: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = tuple(write_recipe(speech, name, steps=1) for name in ("mine", "theirs"))
    study = Study("s", rows, seeds=(0,))
    cells = {cell.row: cell for cell in expand(study, tmp_path)}
    with cells[rows[1]].folder.locked():
        outcome = run_study(study, tmp_path)
    assert (outcome.failures, outcome.unfinished) == ({}, 1)
    assert f"{cells[rows[1]]}: another process runs it, and it is left to that" in caplog.text
    assert cells[rows[0]].is_finished
    assert run_study(study, tmp_path).unfinished == 0


def test_what_only_a_run_can_begin_anew_is_told_with_its_folder(speech: Path, tmp_path: Path) -> None:
    recipe = write_recipe(speech, "half", steps=1)
    study = Study("s", (recipe,), seeds=(0,))
    (cell,) = expand(study, tmp_path)
    cell.folder.claim()
    damaged = cell.folder.path / "checkpoints" / "last"
    damaged.mkdir(parents=True)
    for name in ("state.json", "model.safetensors"):
        (damaged / name).write_text("{")
    (why,) = run_study(study, tmp_path).failures.values()
    assert "start again with --fresh" in why
    assert why.endswith(f"(in a study: move {cell.folder.path} away)")


def test_a_method_of_one_s_own_runs_from_a_recipe_file_with_a_source(speech: Path, tmp_path: Path) -> None:
    """The source is trained once, beside the study; a cell's recipe may name a class of another file."""
    base = write_recipe(speech, "base", steps=2)
    source = f", source={base!r}, source_tests=None"
    plain = write_recipe(speech, "plain", steps=3, more=source)
    shrunk = write_recipe(speech, "shrunk", steps=3, more=f"{source}, method=Shrunk()")
    Path(shrunk).write_text("from test_study_running import Shrunk\n" + Path(shrunk).read_text())
    rows = [f"{row} --train.evaluations 1" for row in (plain, shrunk, f"{shrunk} --method.strength 0")]
    study = Study("s", tuple(rows), seeds=(0,))
    assert run_study(study, tmp_path).failures == {}
    by_row = {cell.row: weights(cell.folder.path) for cell in expand(study, tmp_path)}
    assert (tmp_path / "base" / "seed-0" / "report.json").is_file()
    assert by_row[rows[2]] == by_row[rows[0]], "without the term it is plain fine-tuning"
    assert by_row[rows[1]] != by_row[rows[0]]


def test_runs_with_other_settings_are_refused_and_results_stay(speech: Path, tmp_path: Path) -> None:
    """As when a recipe has changed: none of the cells is run, and the tables are those of before."""
    study = Study("s", (write_recipe(speech, "changing", steps=1),), seeds=(0,))
    assert run_study(study, tmp_path).unfinished == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir() if path.is_file()}
    assert "study.md" in before
    write_recipe(speech, "changing", steps=2)
    both = replace(study, recipes=(*study.recipes, write_recipe(speech, "other", steps=1)))
    with pytest.raises(ValueError, match=r"1 cell of 2 .*changing/seed-0\n.*has 1, you ask for 2\n.*--name"):
        run_study(both, tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir() if path.is_file()} == before
    assert not (tmp_path / "s" / "other").exists()
    (fault,) = planned(both, expand(both, tmp_path), tmp_path)[1]
    assert "1 cell of 2 would be run where runs with other settings are" in fault


def test_cells_of_a_failed_source_fail_without_training_it_again(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = write_recipe(speech, "bad_base", steps=1)
    recipes = tuple(write_recipe(speech, f"from{i}", more=f", source={base!r}") for i in (0, 1))
    tried = []

    def fail(experiment: object, *rest: object, **settings: object) -> Report:
        tried.append(experiment.name)
        raise ValueError("no speech")

    monkeypatch.setattr("speechtl.study.running.run", fail)
    failures = run_study(Study("s", recipes, seeds=(0,)), tmp_path).failures
    assert tried == ["bad_base"]
    assert [why for path, why in failures.items() if "from" in str(path)] == [
        f"its source {base} failed: no speech"
    ] * 2


def test_a_stopped_study_exits_130(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*arguments: object, **settings: object) -> Report:
        raise Interrupted("stopped at step 3; saved")

    monkeypatch.setattr("speechtl.study.running.run", stop)
    assert cli.main(["study", "--recipes", write_recipe(speech, "one"), "--runs", str(tmp_path)]) == 130
    assert "Cells that are finished are kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keep", "kept"),
    [("all", {"checkpoints", "model"}), ("model", {"model"}), ("report", set())],
)
def test_of_a_finished_cell_stays_what_the_study_keeps(
    speech: Path, tmp_path: Path, keep: Keep, kept: set[str]
) -> None:
    base = write_recipe(speech, "base", steps=1)
    row = write_recipe(speech, "adapted", steps=1, more=f", source={base!r}")
    study = Study("s", (row,), seeds=(0,), keep=keep)
    assert not run_study(study, tmp_path).failures
    (cell,) = expand(study, tmp_path)
    left = {entry.name for entry in cell.folder.path.iterdir()}
    assert left & {"checkpoints", "model"} == kept
    assert {"report.json", "hyp", "plan.json", "metrics.jsonl"} <= left
    assert {"checkpoints", "model"} <= {entry.name for entry in (tmp_path / "base" / "seed-0").iterdir()}
    before = cell.folder.report.stat().st_mtime_ns
    assert cli.main(["study", *("--name", "s"), *("--recipes", row), *("--seeds", "0"), "--keep", "report",
                     "--runs", str(tmp_path)]) == 0  # fmt: skip
    assert cell.folder.report.stat().st_mtime_ns == before, "what is finished is not run again"
    assert not (cell.folder.path / "model").exists()
    with pytest.raises(FileNotFoundError, match=r"is a finished run whose model is not there.*--keep model"):
        load_model(cell.folder.path)
