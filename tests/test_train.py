"""What training means: it learns, keeps the best, averages, counts what is not finite, and names it."""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from toy_speech import PLAIN, SETTINGS, TINY, development, examples, train

from speechtl.batches import Batch
from speechtl.descent import cosine
from speechtl.development import DevScore
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.non_finite import StatisticsGuard, average_finite, culprits
from speechtl.train import FitResult, Interrupted
from speechtl.train_settings import TrainSettings
from speechtl.transfer.base import Transfer
from speechtl.transfer.stages import Stage

LEARNS = replace(SETTINGS, steps=100, lr=8e-3, average=0.9, evaluations=5, checkpoint_seconds=1000)


def score(error: float, blank_share: float = 0.5, length_ratio: float = 1.0) -> DevScore:
    return DevScore(error, {"en": error}, blank_share, length_ratio)


def metrics(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_it_learns_toy_speech_and_the_error_is_zero(tmp_path: Path) -> None:
    result = train(tmp_path, settings=LEARNS, augment=PLAIN)
    assert result.best["error"] == 0
    assert development(20)(result.model).error < 0.05
    steps = [entry for entry in metrics(tmp_path) if "dev" not in entry]
    assert steps[-1]["ctc"] < steps[0]["ctc"] / 5
    assert set(steps[0]) == {"step", "seconds", "audio_seconds", "lr", "ctc", "gradient_norm"}
    assert result.non_finite == 0


def test_two_languages_learn_side_by_side(tmp_path: Path) -> None:
    result = train(tmp_path, settings=LEARNS, languages=("en", "de"), augment=PLAIN)
    assert set(result.best["errors"]) == {"en", "de"}
    assert result.best["error"] < 0.2


def test_the_weights_of_the_best_evaluation_are_kept(tmp_path: Path) -> None:
    errors, seen = iter([0.5, 0.2, 0.2, 0.4]), []

    def evaluate(model: AcousticModel) -> DevScore:
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return score(next(errors))

    result = train(tmp_path, settings=replace(SETTINGS, steps=8, evaluations=4), evaluate_dev=evaluate)
    assert result.best == {"step": 4, "error": 0.2, "errors": {"en": 0.2}}
    assert all(torch.equal(tensor, seen[1][name]) for name, tensor in result.model.state_dict().items())
    assert not result.model.training


def test_no_steps_give_back_the_model(tmp_path: Path) -> None:
    _, _, tokenizers = examples(2)
    model = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    result = train(tmp_path, settings=replace(SETTINGS, steps=0), model=model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in result.model.state_dict().items())
    assert result.steps == 0
    assert result.best == {}


def test_the_rate_is_a_pure_function_of_progress(tmp_path: Path) -> None:
    train(tmp_path, settings=replace(SETTINGS, steps=20, warmup=0.2, evaluations=1))
    rates = [entry["lr"] for entry in metrics(tmp_path) if "lr" in entry]
    assert rates == [SETTINGS.lr * cosine(step / 20, 0.2) for step in range(20)]
    assert rates[0] == 0
    assert max(rates) == rates[4] == SETTINGS.lr
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert cosine(0, 0) == 1
    assert cosine(1, 0.1) == pytest.approx(0)


class Exploding(Transfer):
    """A method whose loss is not finite for some utterances, at some steps."""

    bad_ids = ("u3",)

    def losses(
        self, model: AcousticModel, source: AcousticModel | None, batch: Batch, progress: float
    ) -> dict[str, Tensor]:
        terms = super().losses(model, source, batch, progress)
        bad = torch.tensor([one in self.bad_ids for one in batch.ids])
        return {"ctc": torch.where(bad, torch.inf, terms["ctc"])}


class Overflowing(Transfer):
    """A method whose forward pass overflows at the second step, as half precision does."""

    def losses(
        self, model: AcousticModel, source: AcousticModel | None, batch: Batch, progress: float
    ) -> dict[str, Tensor]:
        if progress == 0.1:
            batch = replace(batch, masking=lambda features, lengths: features * torch.nan)
        return super().losses(model, source, batch, progress)


class AlwaysOverflowing(Transfer):
    def losses(
        self, model: AcousticModel, source: AcousticModel | None, batch: Batch, progress: float
    ) -> dict[str, Tensor]:
        return {"ctc": super().losses(model, source, batch, progress)["ctc"] * torch.nan}


def test_utterances_that_are_not_finite_are_left_out_counted_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING"):
        result = train(tmp_path, settings=LEARNS, method=Exploding(), augment=PLAIN)
    assert result.non_finite > 3
    assert "not finite, left out: u3" in caplog.text
    assert result.best["error"] < 0.1, "the others were not learned"


def test_an_overflow_is_skipped_and_leaves_the_statistics_finite(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING"):
        result = train(tmp_path, settings=replace(SETTINGS, steps=10, evaluations=1), method=Overflowing())
    assert result.non_finite == 1
    assert "step 2: not finite, left out: u" in caplog.text
    assert all(torch.isfinite(tensor).all() for tensor in result.model.state_dict().values())
    assert metrics(tmp_path)[1]["ctc"] is None


def test_losses_that_stay_not_finite_end_the_run_and_name_the_utterances(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"20 steps in a row, last at step 20: u\d+.*--train.lr \(now 0.005\)"
    ):
        train(tmp_path, method=AlwaysOverflowing())
    assert [entry["step"] for entry in metrics(tmp_path) if "dev" not in entry] == list(range(1, 21))


def test_a_short_run_of_which_every_step_is_left_out_is_no_success(tmp_path: Path) -> None:
    few = replace(SETTINGS, steps=3, evaluations=1)
    with pytest.raises(ValueError, match=r"not finite in any of 3 steps\. Lower --train.lr \(now 0.005\)"):
        train(tmp_path, settings=few, method=AlwaysOverflowing())


def test_weights_that_are_not_finite_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Transfer, model: AcousticModel, source: AcousticModel | None = None) -> AcousticModel:
        with torch.no_grad():
            model.get_parameter("encoder.0.norm.weight").fill_(torch.nan)
        return model

    monkeypatch.setattr(Transfer, "finish", broken)
    few = replace(SETTINGS, steps=2, evaluations=1)
    with pytest.raises(ValueError, match=r"not finite after training: encoder\.0\.norm\.weight\. Lower"):
        train(tmp_path, settings=few)


def test_terms_are_averaged_over_all_utterances() -> None:
    assert average_finite(torch.tensor([1.0, torch.inf, 3.0, torch.nan])).item() == 1.0
    assert average_finite(torch.tensor(2.5)).item() == 2.5
    assert torch.isnan(average_finite(torch.tensor([torch.inf, torch.nan])))
    value = torch.tensor([1.0, 2.0], requires_grad=True)
    average_finite(torch.where(torch.tensor([False, True]), torch.inf, value)).backward()
    assert value.grad.tolist() == [0.5, 0.0]


def test_culprits_are_the_utterances_else_the_batch() -> None:
    one, fine, bad = torch.tensor(1.0), torch.tensor([1.0, 2.0]), torch.tensor([1.0, torch.nan])
    assert culprits({"ctc": fine, "penalty": one}, ("a", "b"), one) is None
    assert culprits({"ctc": bad, "kl": bad}, ("a", "b"), one) == "b"
    assert culprits({"ctc": torch.tensor([3e38, 3e38])}, ("a", "b"), one) is None, "only the sum overflows"
    assert culprits({"ctc": fine}, ("a", "b"), torch.tensor(torch.inf)) == "the gradient of the batch a, b"
    broken = {"ctc": fine, "domain": torch.tensor(torch.nan)}
    assert culprits(broken, ("a", "b"), torch.tensor(torch.nan)) == "the term domain of the batch a, b"


def test_the_guard_puts_statistics_back() -> None:
    norm = nn.BatchNorm1d(2)
    guard = StatisticsGuard(norm)
    norm(torch.randn(5, 2) + 3)
    good = norm.running_mean.clone()
    guard.remember()
    norm(torch.full((5, 2), torch.inf))
    guard.restore()
    assert torch.equal(norm.running_mean, good)
    assert norm.num_batches_tracked == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": -1}, "steps"),
        ({"lr": 0.0}, "above 0"),
        ({"warmup": 1.0}, "shares"),
        ({"clip": 0.0}, "clip"),
        ({"evaluations": 0}, "at least 1"),
        ({"dev_utterances": 0}, "at least 1"),
        ({"checkpoint_seconds": -1.0}, "expected 0 or more"),
    ],
)
def test_contradictory_settings_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainSettings(**wrong)


def test_the_last_step_is_always_evaluated() -> None:
    for steps in (1, 3, 10, 1203):
        assert max(TrainSettings(steps=steps).evaluation_steps) == steps
    assert TrainSettings(steps=100, evaluations=4).evaluation_steps == {25, 50, 75, 100}


def test_runs_of_different_precision_follow_each_other_in_one_process(tmp_path: Path) -> None:
    short = replace(SETTINGS, steps=2, evaluations=1)
    train(tmp_path / "a", settings=replace(short, precision="bf16"))
    result = train(tmp_path / "b", settings=short)
    assert all(value.dtype != torch.bfloat16 for value in result.model.state_dict().values())


WAITS = replace(SETTINGS, steps=12, evaluations=6, patience=2, schedule="constant")


@pytest.mark.parametrize(
    ("errors", "steps"), [([0.5, 0.4, 0.4, 0.45], [2, 4, 6, 8]), ([0.5, 0.6, 0.4, 0.3, 0.5, 0.2], [])]
)
def test_training_ends_when_dev_has_not_fallen_for_long_enough(
    tmp_path: Path, errors: list[float], steps: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    given = iter(errors)
    with caplog.at_level("INFO"):
        result = train(tmp_path, settings=WAITS, evaluate_dev=lambda _: score(next(given)))
    assert next(given, None) is None
    lines = metrics(tmp_path)
    assert [line["step"] for line in lines if "dev" in line] == (steps or [2, 4, 6, 8, 10, 12])
    assert result.steps == len([line for line in lines if "dev" not in line]) == (8 if steps else 12)
    assert result.best["step"] == (4 if steps else 12)
    is_told = "no lower dev error than 40.0 % in 2 evaluations; the training ends here, and 4 steps"
    assert (is_told in caplog.text) == bool(steps)
    assert {line["lr"] for line in lines if "lr" in line and line["step"] > 3} == {WAITS.lr}


@dataclass(frozen=True)
class Halves(Transfer):
    """Two stages."""

    def stages(self, model: AcousticModel) -> tuple[Stage, ...]:
        return (Stage(0.5), Stage(0.5))


def test_patience_ends_a_stage_by_moving_to_the_next(tmp_path: Path) -> None:
    """Which counts its own evaluations; the best weights are those of all."""
    errors = iter([0.3, 0.4, 0.9, 0.8, 0.85])
    settings = replace(WAITS, steps=24, evaluations=12, patience=1)
    result = train(tmp_path, settings=settings, method=Halves(), evaluate_dev=lambda _: score(next(errors)))
    lines = metrics(tmp_path)
    assert [line["step"] for line in lines if "dev" in line] == [2, 4, 14, 16, 18]
    assert [line["step"] for line in lines if "dev" not in line] == [1, 2, 3, 4, 13, 14, 15, 16, 17, 18]
    assert (result.steps, result.best["step"]) == (10, 2)


def test_a_run_that_was_stopped_waits_as_long_as_one_that_was_not(tmp_path: Path) -> None:
    falling = [0.5, 0.4, 0.45, 0.45, 0.3]

    def trained(folder: Path, errors: Iterator[float], *, is_stopped: bool = False) -> FitResult:
        def evaluate(model: AcousticModel) -> DevScore:
            error = next(errors)
            if is_stopped and error == 0.45:
                signal.raise_signal(signal.SIGINT)
            return score(error)

        settings = replace(WAITS, steps=40, evaluations=20, patience=2)
        return train(folder, settings=settings, method=Halves(), evaluate_dev=evaluate)

    whole = trained(tmp_path / "whole", iter([*falling, 0.3, 0.3]))
    errors = iter([*falling, 0.3, 0.3])
    with pytest.raises(Interrupted, match="at step 6 of 40"):
        trained(tmp_path / "cut", errors, is_stopped=True)
    again = trained(tmp_path / "cut", errors)
    assert (again.steps, again.best) == (whole.steps, whole.best) == (14, again.best)
    noted = [[line["step"] for line in metrics(tmp_path / name)] for name in ("whole", "cut")]
    assert noted[0] == noted[1]
