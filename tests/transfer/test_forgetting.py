"""A source that reads `en`, adapted to the same tones under other letters: what that costs it."""

from dataclasses import replace
from pathlib import Path

import pytest
from conservative import a_target, loss_of, trained
from toy_speech import PLAIN, QUICK, train

from speechtl.models.acoustic import AcousticModel
from speechtl.transfer import EWC, L2SP, KLRegularised, Transfer

SEEDS = range(3)
SETTINGS = replace(QUICK, steps=20, dropout=0.0, evaluations=1)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> AcousticModel:
    folder = tmp_path_factory.mktemp("source")
    return train(folder, settings=QUICK, augment=PLAIN).model.requires_grad_(False).eval()


def forgotten(method: Transfer, source: AcousticModel, folder: Path) -> list[float]:
    """By how much the loss of `en` rises, for each seed."""
    data = a_target("de")
    data = replace(data, source=replace(data.source, languages=["en"] * len(data.source)))
    adapted = [trained(method, source, data, folder, SETTINGS, seed).model for seed in SEEDS]
    return [loss_of(model) - loss_of(source) for model in adapted]


@pytest.fixture(scope="module")
def control(source: AcousticModel, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    found = forgotten(Transfer(head_rows="random"), source, tmp_path_factory.mktemp("control"))
    assert min(found) > 0, "there is something to forget"
    return found


@pytest.mark.parametrize(
    "method",
    [
        KLRegularised(head_rows="random", rho=0.5),
        L2SP(head_rows="random", alpha=1.0),
        EWC(head_rows="random", strength=1e4, samples=10),
    ],
    ids=lambda method: type(method).__name__,
)
def test_less_is_forgotten_than_by_fine_tuning(
    source: AcousticModel, control: list[float], tmp_path: Path, method: Transfer
) -> None:
    found = forgotten(method, source, tmp_path)
    assert all(own < theirs for own, theirs in zip(found, control, strict=True)), (found, control)
    assert sum(found) < sum(control) / 2, (found, control)
