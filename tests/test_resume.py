"""A killed, stopped or full-disk run goes on exactly where it was."""

import hashlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from toy_speech import SETTINGS, development, train, train_and_die, train_until_killed

from speechtl.train import FitResult, Interrupted


def weights(result: FitResult) -> str:
    return hashlib.sha256(save(result.model.state_dict())).hexdigest()


def steps_logged(folder: Path) -> list[int]:
    entries = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [entry["step"] for entry in entries if "dev" not in entry]


def evaluations_logged(folder: Path) -> list[int]:
    entries = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [entry["step"] for entry in entries if "dev" in entry]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    return train(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def process() -> Callable[..., multiprocessing.Process]:
    """Starts processes that have imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["speechtl.train"])

    def start(target: Callable[..., None], *arguments: object) -> multiprocessing.Process:
        started = context.Process(target=target, args=arguments)
        started.start()
        return started

    return start


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    tmp_path: Path, uninterrupted: FitResult
) -> None:
    assert weights(train(tmp_path / "again")) == weights(uninterrupted)
    assert weights(train(tmp_path / "other", seed=1)) != weights(uninterrupted)


def test_killed_between_and_during_checkpoints(
    tmp_path: Path, uninterrupted: FitResult, process: Callable[..., multiprocessing.Process]
) -> None:
    """SIGKILL in a half-written file, between the renames and in the removal, over and over."""
    deaths = [("write", 1), ("write", 5), ("write", 6), ("rename", 3), ("remove", 3), ("rename", 4)]
    reached = [0]
    for patch, count in deaths:
        dying = process(train_and_die, tmp_path, patch, count)
        dying.join(60)
        assert dying.exitcode == -signal.SIGKILL, (patch, count)
        if (tmp_path / "metrics.jsonl").exists():
            reached.append(max(steps_logged(tmp_path), default=0))
    assert reached[-1] > 3, "the deaths came too early to test a resume"
    resumed = train(tmp_path)
    assert weights(resumed) == weights(uninterrupted)
    assert steps_logged(tmp_path) == list(range(1, SETTINGS.steps + 1))
    assert evaluations_logged(tmp_path) == [10, 20, 30]
    assert resumed.best == uninterrupted.best
    assert resumed.audio_seconds == pytest.approx(uninterrupted.audio_seconds)


def test_killed_at_any_moment(
    tmp_path: Path, uninterrupted: FitResult, process: Callable[..., multiprocessing.Process]
) -> None:
    """SIGKILL from outside, at times that know nothing of what the run is doing."""
    for wait in (0.05, 0.21, 0.4):
        running = process(train_and_die, tmp_path, "none", 0)
        checkpoint = tmp_path / "checkpoints" / "last"
        before = checkpoint.stat().st_ino if checkpoint.exists() else None
        until(lambda: checkpoint.exists() and checkpoint.stat().st_ino != before)  # noqa: B023
        time.sleep(wait)
        running.kill()
        running.join(60)
    assert weights(train(tmp_path)) == weights(uninterrupted)
    assert steps_logged(tmp_path) == list(range(1, SETTINGS.steps + 1))


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except FileNotFoundError:
            pass
        time.sleep(0.01)
    raise AssertionError("waited in vain")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_says_that_the_same_command_goes_on(
    tmp_path: Path, number: signal.Signals, uninterrupted: FitResult
) -> None:
    calls = []

    def after(model: torch.nn.Module) -> object:
        calls.append(1)
        if len(calls) == 1:
            os.kill(os.getpid(), number)
        return development()(model)

    rare = replace(SETTINGS, checkpoint_seconds=1000)
    with pytest.raises(Interrupted, match=f"stopped by {number.name} at step 10 of 30; saved.*same command"):
        train(tmp_path, settings=rare, evaluate_dev=after)
    assert signal.getsignal(number) is not None
    assert weights(train(tmp_path, settings=rare)) == weights(uninterrupted)
    assert steps_logged(tmp_path) == list(range(1, SETTINGS.steps + 1))


def test_half_precision_and_several_threads_resume_exactly_too(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=4, evaluations=2, precision="bf16", threads=2)
    whole = train(tmp_path / "whole", settings=settings)

    def stop(model: torch.nn.Module) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return development()(model)

    with pytest.raises(Interrupted, match="step 2 of 4"):
        train(tmp_path / "parts", settings=settings, evaluate_dev=stop)
    assert weights(train(tmp_path / "parts", settings=settings)) == weights(whole)
    assert torch.get_num_threads() == 1


def test_a_signal_from_outside_ends_the_process(
    tmp_path: Path, process: Callable[..., multiprocessing.Process]
) -> None:
    running = process(train_until_killed, tmp_path)
    until(lambda: (tmp_path / "checkpoints" / "last").exists())
    os.kill(running.pid, signal.SIGTERM)
    running.join(60)
    assert running.exitcode == 1  # an exception, which the command line turns into a message
    assert 0 < max(steps_logged(tmp_path)) < 4000


def test_checkpoints_and_evaluations_change_no_state(tmp_path: Path, uninterrupted: FitResult) -> None:
    seldom = replace(SETTINGS, checkpoint_seconds=1000)
    assert weights(train(tmp_path / "seldom", settings=seldom)) == weights(uninterrupted)
    # The last weights, not the best: they are the same however often the path is looked at.
    kept = []
    for evaluations in (1, 2, 5):
        folder = tmp_path / str(evaluations)
        train(folder, settings=replace(SETTINGS, evaluations=evaluations))
        document = json.loads((folder / "checkpoints" / "last" / "state.json").read_text())
        assert document["step"] == SETTINGS.steps
        kept.append(last_weights(folder))
    assert kept[0] == kept[1] == kept[2]


def last_weights(folder: Path) -> str:
    from speechtl.training_state import load_state, without_prefix

    tensors, _ = load_state(folder / "checkpoints")
    both = {
        **without_prefix("model", tensors),
        **{f"a.{k}": v for k, v in without_prefix("average", tensors).items()},
    }
    return hashlib.sha256(save(both)).hexdigest()


def test_a_damaged_last_checkpoint_falls_back_on_the_one_before(
    tmp_path: Path, uninterrupted: FitResult, caplog: pytest.LogCaptureFixture
) -> None:
    train(tmp_path)
    state = tmp_path / "checkpoints" / "last" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with caplog.at_level("WARNING"):
        assert weights(train(tmp_path)) == weights(uninterrupted)
    assert "truncated or changed" in caplog.text
    assert steps_logged(tmp_path) == list(range(1, SETTINGS.steps + 1))


def test_when_no_checkpoint_is_whole_the_run_says_so(tmp_path: Path) -> None:
    train(tmp_path)
    for state in tmp_path.glob("checkpoints/*/state.json"):
        state.write_text("{")
    with pytest.raises(ValueError, match="no checkpoint of this run can be read; start again with --fresh"):
        train(tmp_path)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(ValueError, match=r"does not fit this run[\s\S]*--fresh"):
        train(tmp_path, languages=("en", "de"))


def test_a_checkpoint_from_before_a_counter_was_added_is_resumed(
    tmp_path: Path, uninterrupted: FitResult
) -> None:
    """As it would have gone on then."""
    train(tmp_path)
    state = tmp_path / "checkpoints" / "last" / "state.json"
    values = json.loads(state.read_text())
    assert values.pop("waiting") == {}
    assert values.pop("left_out") == 0
    state.write_text(json.dumps(values))
    assert weights(train(tmp_path)) == weights(uninterrupted)


def test_a_full_disk_keeps_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: FitResult
) -> None:
    import speechtl.whole_files as files

    write, count = files.write_bytes, [0]

    def full(path: Path, data: bytes) -> None:
        count[0] += 1
        if count[0] == 15:
            path.write_bytes(data[:1000])
            raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(files, "write_bytes", full)
    with pytest.raises(
        OSError, match=r"the training checkpoint could not be written to .*last: No space left"
    ):
        train(tmp_path)
    monkeypatch.undo()
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["last", "previous"]
    assert json.loads((tmp_path / "checkpoints" / "last" / "state.json").read_text())["step"] == 7
    assert weights(train(tmp_path)) == weights(uninterrupted)


def test_a_full_disk_under_the_log_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def full(path: Path, *arguments: object, **options: object) -> object:
        if path.name == "metrics.jsonl" and arguments == ("a",):
            raise OSError(28, "No space left on device")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(
        OSError, match=r"the log of the training could not be written to .*metrics.jsonl: No space"
    ):
        train(tmp_path)


def test_lines_after_the_checkpoint_are_dropped_however_damaged(tmp_path: Path) -> None:
    from speechtl.progress import Log

    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"st\x00\n{"step": 3}\n{"step": 4')
    Log(path).truncate(3)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'
    Log(path).truncate(1)
    assert path.read_text() == '{"step": 1}\n'
