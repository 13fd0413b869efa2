"""TensorBoard's events: what metrics.jsonl has, each step once, a resumed run's too."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import SETTINGS, TINY, development, examples

from speechtl import tracking
from speechtl.augment import AugmentSettings
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.train import fit
from speechtl.transfer.base import Transfer, TransferData


def train(folder: Path, steps: int = 12, **changes: object) -> None:
    labelled, _, tokenizers = examples(12, ("en", "de"))
    settings = replace(SETTINGS, steps=steps, evaluations=2, checkpoint_seconds=1000)
    fit(
        AcousticModel(TINY, FeatureSettings(), tokenizers),
        Transfer(),
        TransferData(labelled, tokenizers),
        settings,
        folder,
        evaluate_dev=changes.pop("evaluate_dev", development(4, ("en", "de"))),
        augment=AugmentSettings(),
        seed=0,
        track="tensorboard",
    )


def events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of all events by tag, read without dropping anything."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder / "tensorboard"), purge_orphaned_data=False)
    read.Reload()
    return {tag: [(e.step, e.value) for e in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


def metrics(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_losses_rates_norms_and_dev_errors_come_back(tmp_path: Path) -> None:
    train(tmp_path)
    found, lines = events(tmp_path), metrics(tmp_path)
    steps = [line for line in lines if "dev" not in line]
    for tag, name in (
        ("loss/ctc", "ctc"),
        ("training/lr", "lr"),
        ("training/gradient_norm", "gradient_norm"),
    ):
        assert found[tag] == [(line["step"], pytest.approx(line[name], rel=1e-5)) for line in steps]
    for language in ("en", "de"):
        expected = [
            (line["step"], pytest.approx(line["dev"]["errors"][language])) for line in lines if "dev" in line
        ]
        assert found[f"dev error/{language}"] == expected
    assert set(found) == {
        *("loss/ctc", "training/lr", "training/gradient_norm", "dev error/en", "dev error/de"),
        *("share/en", "share/de"),
    }


def test_a_resumed_run_has_each_step_once(tmp_path: Path) -> None:
    calls = []
    scored = development(4, ("en", "de"))

    def dies(model: AcousticModel) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return scored(model)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, evaluate_dev=dies)
    train(tmp_path)
    found = events(tmp_path)
    assert [step for step, _ in found["loss/ctc"]] == list(range(1, 13))
    assert [step for step, _ in found["dev error/en"]] == [6, 12]


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"pip install 'speechtl\[track\]'"):
        tracking.require("tensorboard")
    tracking.require("none")


def test_a_run_is_the_same_run_with_or_without_it() -> None:
    from speechtl.cli import _parse_recipe
    from speechtl.run_folder import settings_hash

    plain, tracked = (
        _parse_recipe("multilingual", []),
        _parse_recipe("multilingual", ["--track", "tensorboard"]),
    )
    assert tracked.track == "tensorboard"
    assert tracked.name == plain.name
    assert settings_hash(tracked) == settings_hash(plain)
