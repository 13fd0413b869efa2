"""Probes: what they read off a block, what they must not succeed by, and what they refuse."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_speech import TINY, examples

from speechtl.batches import Examples
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.probes import Accuracy, Probes, Vectors, accuracies, draw_probes, probe

BLOCKS = ["input", "encoder.0", "encoder.1", "norm"]


def spoken(count: int = 40, speakers: int = 2) -> Examples:
    """Toy speech whose speakers take turns; each has a loudness of its own and a low hum."""
    labelled, _, _ = examples(count)
    names = [f"s{number % speakers}" for number in range(count)]
    waves = []
    for wave, name in zip(labelled.waveforms, names, strict=True):
        hum = 3000 * np.sin(2 * np.pi * 150 * (1 + int(name[1:])) * np.arange(len(wave)) / 16_000)
        waves.append((0.5 * wave + hum).astype(np.int16))
    return replace(labelled, waveforms=waves, speakers=names)


def model() -> AcousticModel:
    _, _, tokenizers = examples(4)
    return AcousticModel(TINY, FeatureSettings(), tokenizers)


def vectors(signal: float, noise: float = 1.0, groups: int = 10, seed: int = 0) -> Vectors:
    """Four answers as directions in eight dimensions."""
    random = np.random.default_rng(seed)
    answers = random.integers(0, 4, 400)
    outputs = signal * np.eye(8)[answers] + random.normal(0, noise, (400, 8))
    names = np.array([f"g{number}" for number in random.integers(0, groups, 400)])
    return Vectors({"one": outputs.astype(np.float32)}, answers.astype(str), names)


def test_a_probe_reads_what_is_linear_and_nothing_where_there_is_nothing() -> None:
    assert accuracies(vectors(signal=8))["one"].value > 0.98
    nothing = accuracies(vectors(signal=0))["one"]
    assert abs(nothing.value - 0.25) < 0.12
    assert 0.15 < nothing.chance < 0.35


def test_no_group_is_trained_on_and_tested() -> None:
    """Outputs that tell only the group would tell the answer within it, and do not across groups."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 20)
    answers = random.integers(0, 4, 20)[groups]
    outputs = np.eye(20)[groups].astype(np.float32)
    found = accuracies(
        Vectors({"one": outputs}, answers.astype(str), np.array([f"g{group}" for group in groups]))
    )
    assert found["one"].trained + found["one"].tested == 400
    assert found["one"].trained == 280
    assert found["one"].value == found["one"].chance, "all that it can do is give the commonest answer"


def test_every_block_is_probed_and_the_model_left_as_it_was() -> None:
    probed = model().train()
    before = {name: value.clone() for name, value in probed.state_dict().items()}
    found = probe(probed, spoken())
    assert list(found.speaker) == list(found.unit) == BLOCKS
    assert probed.training
    assert all(torch.equal(before[name], value) for name, value in probed.state_dict().items())


def test_a_hum_of_each_voice_is_heard_in_the_input() -> None:
    assert probe(model(), spoken()).speaker["input"].value > 0.9


def test_tones_are_told_apart_on_speakers_that_were_not_trained_on() -> None:
    found = probe(model(), spoken(60, speakers=6)).unit["encoder.0"]
    assert found.value > found.chance + 0.2


def test_without_known_speakers_only_units_are_probed() -> None:
    found = probe(model(), examples(30)[0])
    assert not found.speaker
    assert list(found.unit) == BLOCKS


def test_what_cannot_be_probed_is_refused() -> None:
    labelled, _, _ = examples(4, ["en", "ar"])
    with pytest.raises(ValueError, match="one language; this is in ar, en"):
        probe(model(), labelled)
    with pytest.raises(ValueError, match="1 utterance of 1 speaker: too few"):
        probe(model(), spoken(1))


def test_the_accuracies_are_drawn(tmp_path: Path) -> None:
    entry = Accuracy(0.5, 0.25, 10, 10)
    draw_probes(Probes({"input": entry, "norm": entry}, {}), tmp_path / "a.png", "a model")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
