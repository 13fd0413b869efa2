"""Which weights a training keeps: the last ones, or the best on dev, and a choice without labels beside."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from toy_speech import PLAIN, SETTINGS, TINY, examples

from speechtl.choice import Choice
from speechtl.counters import Counters, FitResult
from speechtl.development import DevScore
from speechtl.features import FeatureSettings
from speechtl.label_free import Decisions
from speechtl.models.acoustic import AcousticModel
from speechtl.progress import Log
from speechtl.report import UNLEARNED
from speechtl.train import fit
from speechtl.transfer.base import Transfer, TransferData

MOST = 1.386


@dataclass(frozen=True)
class LastWeights(Transfer):
    """Keeps the last weights, as all do that hear speech without labels."""

    chooses_on_dev: ClassVar[bool] = False


@dataclass(frozen=True)
class Hearing(Transfer):
    """Hears speech without labels."""

    hears_unlabelled: ClassVar[bool] = True


class KilledError(Exception):
    """Stands for a process that ends at once."""


def planned(values: Sequence[float | Decisions]) -> Callable[[AcousticModel], Decisions]:
    """Decisions with these informations, one at each evaluation; after the last of them comes the end."""
    left = list(values)

    def decide(model: AcousticModel) -> Decisions:
        assert not model.training
        if not left:
            raise KilledError
        value = left.pop(0)
        return value if isinstance(value, Decisions) else Decisions(value, 1.3, MOST)

    return decide


def scored(errors: Sequence[float]) -> Callable[[AcousticModel], DevScore]:
    left = list(errors)

    def score(model: AcousticModel) -> DevScore:
        error = left.pop(0)
        return DevScore(error, {"en": error}, blank_share=0.5, length_ratio=1.0)

    return score


def trained(
    folder: Path,
    informations: Sequence[float | Decisions] | None,
    errors: Sequence[float] | None = (0.3, 0.2, 0.1),
    method: Transfer | None = None,
    saves_always: bool = False,
) -> FitResult:
    """Thirty steps on toy speech with an evaluation after 10, 20 and 30."""
    speech, _, tokenizers = examples(12)
    return fit(
        AcousticModel(TINY, FeatureSettings(), tokenizers, seed=0),
        method or LastWeights(),
        TransferData(speech, tokenizers),
        replace(SETTINGS, batch_seconds=2, checkpoint_seconds=0 if saves_always else 1000),
        folder,
        evaluate_dev=None if errors is None else scored(errors),
        augment=PLAIN,
        seed=0,
        label_free=None if informations is None else planned(informations),
    )


def equal(one: AcousticModel, other: AcousticModel) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_the_most_informed_weights_stay_beside_the_last(tmp_path: Path) -> None:
    result = trained(tmp_path, (0.5, 0.9, 0.7))
    expected = {"information": 0.9, "entropy": 1.3, "most": MOST, "emitted": 1.0}
    assert result.label_free == {"step": 20} | expected
    assert result.best["step"] == 30
    assert result.label_free_model is not None
    assert not result.label_free_model.training
    assert not equal(result.label_free_model, result.model)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    found = [(line["step"], line["dev"]["error"], line["label_free"]) for line in lines if "dev" in line]
    assert [(step, error) for step, error, _ in found] == [(10, 0.3), (20, 0.2), (30, 0.1)]
    assert [one["information"] for _, _, one in found] == [0.5, 0.9, 0.7]


def test_listening_changes_nothing_that_is_kept(tmp_path: Path) -> None:
    watched, unwatched = trained(tmp_path / "a", (0.5, 0.9, 0.7)), trained(tmp_path / "b", None)
    assert equal(watched.model, unwatched.model)
    assert (unwatched.label_free, unwatched.label_free_model, unwatched.diverged) == ({}, None, "")


def test_the_first_of_equals_is_chosen_and_what_is_no_number_is_not(tmp_path: Path) -> None:
    assert trained(tmp_path / "a", (0.5, 0.5, float("nan"))).label_free["step"] == 10


def test_a_first_evaluation_that_is_no_number_is_overtaken(tmp_path: Path) -> None:
    assert trained(tmp_path / "a", (float("nan"), 0.2, 0.1)).label_free["step"] == 20


def test_hardly_anything_but_blanks_is_no_choice(tmp_path: Path) -> None:
    silent = Decisions(1.2, 1.3, MOST, emitted=0.001)
    result = trained(tmp_path, (0.5, silent, silent))
    assert result.label_free["step"] == 10
    assert "nothing but blanks" in result.diverged


def test_from_hardly_any_to_no_decisions_at_all_is_no_divergence(tmp_path: Path) -> None:
    """It was never better: 0.6 % of a frame that is no blank is as good as none."""
    result = trained(
        tmp_path, [Decisions(0.07, 0.5, MOST, emitted=share) for share in (0.006, 0.0055, 0.004)]
    )
    assert result.diverged.startswith(UNLEARNED)


def test_where_both_agree_it_is_one_model(tmp_path: Path) -> None:
    result = trained(tmp_path, (0.1, 0.2, 0.3))
    assert result.label_free_model is result.model


def test_dev_is_not_asked_by_the_label_free_choice(tmp_path: Path) -> None:
    """A method that chooses on dev keeps what is best there; without dev the last weights are kept."""
    on_dev = trained(tmp_path / "a", (0.1, 0.2, 0.9), (0.1, 0.3, 0.4), Transfer())
    assert (on_dev.best["step"], on_dev.label_free["step"]) == (10, 30)
    alone = trained(tmp_path / "b", (0.1, 0.9, 0.2), None)
    assert (alone.best, alone.label_free["step"]) == ({}, 20)
    assert alone.label_free_model is not None
    assert not equal(alone.model, alone.label_free_model)


def test_it_survives_a_resume(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", (0.5, 0.9, 0.7))
    with pytest.raises(KilledError):
        trained(tmp_path / "parts", (0.5, 0.9), saves_always=True)
    resumed = trained(tmp_path / "parts", (0.7,), (0.1,))
    assert resumed.label_free == whole.label_free
    assert whole.label_free_model is not None
    assert resumed.label_free_model is not None
    assert equal(resumed.label_free_model, whole.label_free_model)
    assert equal(resumed.model, whole.model)
    assert not equal(resumed.model, resumed.label_free_model)


def test_a_divergence_is_said_at_once_and_at_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = trained(tmp_path, (0.1, 0.2, 0.3), (0.1, 0.1, 0.6))
    assert result.diverged.startswith("the dev error is 60.0 %, and has been 10.0 %")
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert warnings[0].startswith("step 30: the training diverges: the dev error is 60.0 %")
    assert warnings[0].endswith("Lower --train.lr; docs/domains.md tells what else may help.")


def test_a_training_that_recovers_has_not_diverged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        result = trained(tmp_path, (0.1, 0.2, 0.3), (0.1, 0.6, 0.1))
    assert result.diverged == ""
    assert result.alarmed, "and that it had once is not forgotten"
    assert "step 20: the training diverges" in caplog.text
    assert "step 30: the training no longer diverges" in caplog.text


def test_no_alarm_is_raised_where_all_is_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert trained(tmp_path / "a", (0.1, 0.2, 0.3)).diverged == ""
    unwatched = trained(tmp_path / "b", None, (0.1, 0.1, 0.9))
    assert unwatched.diverged == "", "with labelled speech alone nobody watches"
    assert "diverge" not in caplog.text


def test_dev_alone_tells_a_divergence_where_no_head_knows_the_unlabelled_language(tmp_path: Path) -> None:
    _, _, tokenizers = examples(2)
    choice = Choice(scored((0.1, 0.9)), None, Hearing(), 10)
    model, counters = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=0).eval(), Counters()
    for step in (5, 10):
        counters.step = step
        choice.evaluate(model, counters, Log(tmp_path / "metrics.jsonl"), 1.0)
    assert counters.diverged.startswith("the dev error is 90.0 %, and has been 10.0 %")
    assert (counters.best["step"], counters.lowest, counters.label_free) == (10, 0.1, {})


def test_what_an_adaptation_starts_from_is_known(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A training may destroy a model before its first evaluation, which then is the best so far."""
    _, _, tokenizers = examples(2)
    model = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=0).eval()
    log = Log(tmp_path / "metrics.jsonl")
    for source, dev, told in ((model, 0.1, "has been 10.0 %"), (None, 0.7, "")):
        choice = Choice(scored((0.1, 0.7) if source else (0.7,)), None, Hearing(), 10, source)
        counters = Counters()
        with caplog.at_level("INFO"):
            choice.begin(model, counters)
        assert ("before training: dev en 10.0 %" in caplog.text) == (source is not None)
        caplog.clear()
        counters.step = 10
        choice.evaluate(model, counters, log, 1.0)
        assert counters.lowest == dev
        assert told in counters.diverged
        assert bool(counters.diverged) == bool(told)
        assert counters.best["step"] == 10, "what it starts from is chosen by nobody"


def test_the_information_that_an_adaptation_starts_with_is_known(tmp_path: Path) -> None:
    _, _, tokenizers = examples(2)
    model = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=0).eval()
    choice, counters = Choice(None, planned((1.3, 0.5)), Hearing(), 10, model), Counters()
    choice.begin(model, counters)
    assert counters.label_free == {}, "and chosen by nobody"
    counters.step = 10
    choice.evaluate(model, counters, Log(tmp_path / "metrics.jsonl"), 1.0)
    assert "it is 0.50 nats, and has been 1.30" in counters.diverged
    resumed = Choice(None, planned(()), Hearing(), 10, model)
    resumed.begin(model, counters)  # asks nothing, since the first step is over


def test_where_nobody_hears_unlabelled_speech_the_start_is_not_asked(tmp_path: Path) -> None:
    _, _, tokenizers = examples(2)
    model = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=0).eval()
    counters = Counters()
    Choice(scored(()), None, Transfer(), 10, model).begin(model, counters)
    assert counters.lowest is None
