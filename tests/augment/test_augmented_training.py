"""Training with every augmentation on: it learns, and resumes exactly."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from toy_speech import PLAIN, QUICK, SETTINGS, TINY, examples, train, write_manifest

from speechtl.augment import AugmentSettings
from speechtl.checkpoint import load_model
from speechtl.corpus_spec import corpus
from speechtl.development import DevScore
from speechtl.experiment import Experiment
from speechtl.features import FeatureSettings
from speechtl.label_faults import encoder_frames, refuse_short
from speechtl.models.acoustic import AcousticModel
from speechtl.run import run
from speechtl.train import FitResult

EVERYTHING = AugmentSettings(
    pitch=1.0, tempo=0.1, vocal_tract=0.04, reverb=0.3, rt60=(0.1, 0.2), noise=0.5, chain=0.3
)


NARROW = FeatureSettings(margin_seconds=0.05)


def weights(result: FitResult) -> str:
    return hashlib.sha256(save(result.model.state_dict())).hexdigest()


def test_a_resumed_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop_at_first(model: AcousticModel) -> DevScore:
        raise StoppedError

    settings = replace(SETTINGS, steps=12, evaluations=3)
    whole = train(tmp_path / "whole", settings=settings, augment=EVERYTHING)
    with pytest.raises(StoppedError):
        train(tmp_path / "cut", settings=settings, augment=EVERYTHING, evaluate_dev=stop_at_first)
    cut = train(tmp_path / "cut", settings=settings, augment=EVERYTHING)
    assert weights(cut) == weights(whole)
    assert weights(train(tmp_path / "plain", settings=settings)) != weights(whole)


def test_a_run_with_everything_on_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From words and phrases of them, in rooms and noise; the space between words is a unit then."""
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(tmp_path / "data"))
    manifest = tmp_path / "en.jsonl"
    for split, count in (("train", 24), ("dev", 6), ("test", 6)):
        write_manifest(manifest, count, split)
    split = {name: corpus(str(manifest), split=name) for name in ("train", "dev", "test")}
    phrases = Experiment(
        name="phrases",
        target=split["train"],
        dev=(split["dev"],),
        tests=(split["test"],),
        model=TINY,
        augment=replace(EVERYTHING, mel_masks=0, time_masks=0),
        train=replace(QUICK, steps=150),
    )
    report = run(phrases, tmp_path / "runs")
    assert report.sets["en"].metrics["cer"].value < 0.35
    model = load_model(tmp_path / "runs" / "phrases" / "seed-0").model
    assert " " in model.tokenizers["en"].units


def test_labels_need_frames_at_the_fastest_speed_and_tempo_and_in_phrases() -> None:
    labelled, _, tokenizers = examples(1)
    model = AcousticModel(TINY, NARROW, tokenizers)
    one = replace(labelled, labels=[[1, 2] * 6], seconds=np.array([0.40]))
    refuse_short(model, one, PLAIN)
    for settings, message in (
        (replace(PLAIN, tempo=0.2), r"at speed 1\.2.*\n.*--augment\.tempo 0"),
        (
            replace(PLAIN, speeds=(1.0, 1.1), tempo=0.1),
            r"at speed 1\.21[\s\S]*speeds 1\.0 and at their own tempo",
        ),
        (replace(PLAIN, chain=0.1), r"in a phrase of 4[\s\S]*--augment\.chain 0"),
    ):
        with pytest.raises(ValueError, match=message):
            refuse_short(model, one, settings)


@pytest.mark.parametrize("seconds", [0.14, 0.3, 1.0])
@pytest.mark.parametrize("chain_longest", [2, 4, 8])
def test_what_is_not_refused_fits_in_every_phrase(seconds: float, chain_longest: int) -> None:
    """The frames that a clip counts on are there in phrases of any number of such clips."""
    _, _, tokenizers = examples(1)
    model = AcousticModel(TINY, NARROW, tokenizers)
    settings = AugmentSettings(chain=0.5, chain_longest=chain_longest)
    each = int(encoder_frames(model, np.array([seconds]), settings)[0])
    for count in range(1, chain_longest + 1):
        played = (count * seconds + (count - 1) * 0.1) / 1.1
        frames = int(model.encoded_frames(torch.tensor([int(played * 16_000)])))
        assert count * each + 2 * (count - 1) <= frames
