import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment, load_recipe, read_experiment
from speechtl.run_folder import RunFolder, revision, settings_hash
from speechtl.train_settings import TrainSettings

EXPERIMENT = Experiment(
    name="toy",
    target=corpus("a", split="train"),
    dev=(corpus("a", split="dev"),),
    tests=(corpus("b"),),
    seed=3,
)
HOLD = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_run_folder import EXPERIMENT, RunFolder
with RunFolder.of(EXPERIMENT, Path({runs!r})).locked():
    if {fork}:
        worker = os.fork()
        if worker == 0:
            os.write(1, b"%d\\n" % os.getpid())
            time.sleep(60)
    os.write(1, b"held\\n")
    time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.of(EXPERIMENT, tmp_path)


@contextmanager
def other_process(runs: Path, *, fork: bool = False) -> Iterator[tuple[subprocess.Popen, int | None]]:
    """A process that holds the run, and the number of its worker if it has one."""
    code = HOLD.format(tests=str(Path(__file__).parent), runs=str(runs), fork=fork)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = {process.stdout.readline().strip() for _ in range(1 + fork)}
        assert "held" in lines
        worker = int((lines - {"held"}).pop()) if fork else None
        try:
            yield process, worker
        finally:
            process.kill()
            if worker is not None:
                os.kill(worker, signal.SIGKILL)


def stop(folder: RunFolder, leaving: str) -> None:
    """A run that is stopped when it has written a file."""
    with suppress(KeyError), folder.locked():
        folder.claim()
        (folder.path / leaving).touch()
        raise KeyError(leaving)


def test_a_run_is_found_by_name_and_seed(folder: RunFolder, tmp_path: Path) -> None:
    assert folder.path == tmp_path / "toy" / "seed-3"
    assert folder.model == folder.path / "model"
    assert folder.report == folder.path / "report.json"


def test_a_live_run_is_refused_and_a_killed_one_does_not_block(folder: RunFolder, tmp_path: Path) -> None:
    with other_process(tmp_path) as (process, _):
        with (
            pytest.raises(ValueError, match=r"seed-3 is being written by another process.*--runs DIR"),
            folder.locked(),
        ):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with folder.locked():
            pass


def test_the_lock_is_given_back_however_the_run_ends(folder: RunFolder) -> None:
    with pytest.raises(KeyError), folder.locked():
        raise KeyError("x")
    with pytest.raises(BlockingIOError), folder.locked():
        raise BlockingIOError("of the run's own")
    with folder.locked():
        pass


def test_a_run_that_is_refused_before_it_begins_leaves_no_folder(folder: RunFolder) -> None:
    stop(folder, leaving="held_out.json")
    assert not folder.path.exists()
    stop(folder, leaving="metrics.jsonl")
    assert sorted(entry.name for entry in folder.path.iterdir()) == ["experiment.json", "metrics.jsonl"]


@pytest.mark.parametrize("content", ["", '{"experiment": {"na'])
def test_a_damaged_experiment_json_is_not_removed(folder: RunFolder, content: str) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / "experiment.json").write_text(content)
    with pytest.raises(ValueError, match="experiment"), folder.locked():
        folder.claim()
    assert (folder.path / "experiment.json").read_text() == content


def test_a_worker_that_outlives_a_killed_run_does_not_keep_the_lock(
    folder: RunFolder, tmp_path: Path
) -> None:
    with other_process(tmp_path, fork=True) as (process, worker):
        with pytest.raises(ValueError, match="another process"), folder.locked():
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.kill(worker, 0)  # it is alive
        with folder.locked():
            pass


def test_a_refused_lock_closes_nothing_in_later_children(folder: RunFolder) -> None:
    """The number of the refused file may belong to another file when a child is forked."""
    with folder.locked():
        with pytest.raises(ValueError, match="another process"), folder.locked():
            pass
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(write, b"open")
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read, 10) == b"open"
        os.close(read)
        os.close(write)


def test_the_settings_are_written_and_the_same_ones_are_accepted(folder: RunFolder) -> None:
    folder.claim()
    document = json.loads((folder.path / "experiment.json").read_text())
    assert set(document) == {"experiment", "sha256", "versions", "revision", "machine", "date"}
    assert document["sha256"] == settings_hash(EXPERIMENT)
    assert document["versions"]["torch"]
    folder.claim()
    assert load_recipe(str(folder.path / "experiment.json")) == EXPERIMENT


def test_other_settings_are_refused_with_the_fields_that_differ(folder: RunFolder, tmp_path: Path) -> None:
    folder.claim()
    (folder.path / "metrics.jsonl").touch()
    changed = replace(EXPERIMENT, train=TrainSettings(lr=0.5), tests=(corpus("b"), corpus("c")))
    with pytest.raises(ValueError, match="is a run with other settings") as caught:
        RunFolder.of(changed, tmp_path).claim()
    message = str(caught.value)
    assert "train.lr: the run has 0.002, you ask for 0.5" in message
    assert "tests.1.corpus: the run has None, you ask for 'c'" in message
    assert "warmup" not in message
    assert "--fresh" in message


def test_a_run_that_was_refused_before_it_began_may_have_other_settings(
    folder: RunFolder, tmp_path: Path
) -> None:
    folder.claim()
    for name in ("first_pass.jsonl", "held_out.json", "coverage.json"):
        (folder.path / name).write_text("of another source")
    changed = RunFolder.of(replace(EXPERIMENT, train=TrainSettings(lr=0.5)), tmp_path)
    assert changed.path == folder.path
    changed.claim()
    assert read_experiment(folder.path / "experiment.json").train.lr == 0.5
    assert [entry.name for entry in folder.path.iterdir()] == ["experiment.json"]


@pytest.mark.parametrize(
    "content", ['{"experiment": {"na', "[]", "{}", '{"experiment": {"colour": "red"}}', ""]
)
def test_an_experiment_json_that_cannot_be_read_is_one_message(folder: RunFolder, content: str) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / "experiment.json").write_text(content)
    with pytest.raises(ValueError, match=r"experiment\.json[\s\S]*--fresh"):
        folder.claim()


def test_a_folder_of_something_else_is_not_taken_over(folder: RunFolder) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / "experiment.new").write_text("{")  # what a process that was killed in `claim` leaves
    folder.claim()
    (folder.path / "experiment.json").unlink()
    (folder.path / "thesis.tex").touch()
    with pytest.raises(
        ValueError, match=r"is no run: it holds thesis\.tex, but no experiment\.json.*--fresh"
    ):
        folder.claim()


def test_fresh_moves_the_old_run_aside(folder: RunFolder, tmp_path: Path) -> None:
    assert folder.set_aside() is None
    for _ in range(3):
        folder.claim()
        assert folder.set_aside().is_dir()
    assert not folder.path.exists()
    assert len(list((tmp_path / "toy").glob("seed-3.*"))) == 3


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OSError, match=r"could not be written to .*file.*Make space or the folder writable"),
        RunFolder.of(EXPERIMENT, tmp_path / "file").locked(),
    ):
        pass


def test_the_revision_is_a_commit_where_there_is_git() -> None:
    found = revision()
    assert found is None or len(found.rstrip("+")) == 40
