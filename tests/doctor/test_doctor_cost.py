from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_speech import PLAIN, SETTINGS, TINY

from speechtl.corpus_spec import corpus
from speechtl.doctor.cost import Clips, _Step, estimate
from speechtl.experiment import Experiment

EXPERIMENT = Experiment(
    name="toy",
    target=corpus("toy.csv", split="train"),
    dev=(corpus("toy.csv", split="dev"),),
    tests=(corpus("toy.csv", split="test"),),
    model=TINY,
    augment=PLAIN,
    train=replace(SETTINGS, steps=50),
)


def clips(seconds: float = 1.0, count: int = 40, units: int = 10) -> Clips:
    return Clips(
        seconds=np.full(count, seconds),
        lengths=np.full(count, 4),
        languages=["en", "de"] * (count // 2),
        units={"en": units, "de": units},
        dev_seconds=5.0,
    )


@pytest.fixture(autouse=True)
def one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechtl.doctor.cost.MEASURED", 1)


def test_time_is_that_of_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    step = _Step(seconds=0.5, speech=6.0, cores=1.0, number=6)
    monkeypatch.setattr("speechtl.doctor.cost._time", lambda loop: step)
    for steps in (0, 600):
        experiment = replace(EXPERIMENT, train=replace(EXPERIMENT.train, steps=steps))
        cost = estimate(experiment, replace(clips(), dev_seconds=0.0))
        assert cost.minutes == steps * 0.5 / 60
        assert f"{steps} steps of 0.50 s, measured over 6 of them with 6 s of speech" in cost.account
        assert estimate(experiment, clips()).minutes > cost.minutes, "evaluations"


def test_memory_grows_with_model_and_batch_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plain = estimate(EXPERIMENT, clips())
    assert plain.minutes > 0
    wide = estimate(replace(EXPERIMENT, model=replace(TINY, dim=96)), clips())
    assert wide.gigabytes > plain.gigabytes
    heads = estimate(EXPERIMENT, clips(units=20_000))
    assert heads.gigabytes > plain.gigabytes
    assert (
        estimate(replace(EXPERIMENT, source="multilingual"), clips(units=20_000)).gigabytes > heads.gigabytes
    )
    long = estimate(EXPERIMENT, clips(seconds=90.0, count=2))
    assert "for a batch of 90 s" in long.account
    assert long.gigabytes > plain.gigabytes
    assert not list(tmp_path.iterdir())
