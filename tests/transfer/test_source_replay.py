"""Source replay: shares of the batches, heads, and fine-tuning as its end."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_speech import PLAIN, SETTINGS, TINY, development, examples

from speechtl.augment import AugmentSettings
from speechtl.batches import Examples
from speechtl.features import FeatureSettings
from speechtl.mixing import count_drawn, shares
from speechtl.models.acoustic import AcousticModel
from speechtl.train import FitResult, fit
from speechtl.transfer import SourceReplay, Transfer
from speechtl.transfer.data import StreamSettings, TransferData
from speechtl.transfer.source_replay import filled

DECAYING = replace(SETTINGS, steps=8, weight_decay=0.5, evaluations=2, checkpoint_seconds=1000)
STEPS = 80
"""Over which shares are measured: several epochs of the target."""


def source() -> AcousticModel:
    return AcousticModel(TINY, FeatureSettings(), examples(2, ("en", "fr", "it"))[2], seed=7)


def speech() -> TransferData:
    """German to learn; English and French, but no Italian, to replay."""
    target, _, tokenizers = examples(24, ("de",), letters="äéíö")
    replayed = replace(examples(40, ("en", "fr"), seed=3)[0], is_target=False)
    return TransferData(target, tokenizers, source=replayed)


def tuned(method: Transfer, folder: Path, **changes: object) -> FitResult:
    data = speech()
    return fit(
        method.adapt(source(), data, seed=5),
        method,
        data,
        replace(DECAYING, **changes),
        folder,
        evaluate_dev=development(4, ("de",), "äéíö"),
        augment=PLAIN,
        seed=0,
    )


def clips(count: int, language: str, seed: int, shortest: float, longest: float) -> Examples:
    """Silence of random lengths in seconds."""
    seconds = np.random.default_rng(seed).uniform(shortest, longest, count)
    return Examples(
        waveforms=[np.zeros(round(16_000 * s), dtype=np.int16) for s in seconds],
        seconds=seconds,
        labels=[[1]] * count,
        languages=[language] * count,
        ids=[f"{language}{i}" for i in range(count)],
        speakers=[None] * count,
        domains=[None] * count,
        is_target=language == "de",
    )


def many() -> TransferData:
    return TransferData(clips(400, "de", 0, 0.5, 1.6), {}, source=clips(900, "en", 1, 0.8, 3.0))


@pytest.mark.parametrize(
    ("share", "speeds"), [(0.1, (1.0,)), (0.25, (0.9, 1.0, 1.1)), (0.5, (1.0,)), (0.9, (1.0,))]
)
def test_the_source_s_share_of_the_speech_is_what_was_asked(share: float, speeds: tuple[float, ...]) -> None:
    """Seconds of speech, not of padding."""
    draws = StreamSettings(24.0, seed=4, augment=AugmentSettings(speeds=speeds, mel_masks=0, time_masks=0))
    streams = SourceReplay(share=share).streams(many(), draws)
    drawn: dict[str, float] = {}
    for step in range(STEPS):
        for stream in streams.values():
            count_drawn(drawn, stream.batch(step))
    assert shares(drawn)["en (source)"] == pytest.approx(share, abs=0.02)
    alone = Transfer().streams(many(), draws)["target"]
    assert sum(drawn.values()) / STEPS == pytest.approx(filled(alone), rel=0.05), "as large as without replay"


def test_a_share_below_one_utterance_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        SourceReplay(share=0.01).streams(many(), StreamSettings(24.0, seed=0))
    assert "not 0.010 as asked: target and source have utterances of 0.5 and 0.8 s and more" in caplog.text
    assert "Change method.share or train.batch_seconds (now 24)" in caplog.text


def test_the_shares_are_logged_apart_from_the_target_s(tmp_path: Path) -> None:
    tuned(SourceReplay(share=0.4), tmp_path, steps=40)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    found = [line["shares"] for line in lines if "dev" in line][-1]
    assert found.keys() == {"de", "en (source)", "fr (source)"}
    assert found["en (source)"] + found["fr (source)"] == pytest.approx(0.4, abs=0.05)


def test_a_replayed_language_of_the_target_is_counted_apart() -> None:
    english, _, _ = examples(4)
    drawn: dict[str, float] = {}
    count_drawn(drawn, english.batch([0, 1]))
    count_drawn(drawn, replace(english, is_target=False).batch([2, 3]))
    assert drawn == {
        "en": pytest.approx(float(english.seconds[:2].sum())),
        "en (source)": pytest.approx(float(english.seconds[2:].sum())),
    }


def test_a_share_of_zero_is_fine_tuning_bit_for_bit(tmp_path: Path) -> None:
    plain = tuned(Transfer(), tmp_path / "plain").model.state_dict()
    without = tuned(SourceReplay(share=0), tmp_path / "none").model.state_dict()
    some = tuned(SourceReplay(share=0.3), tmp_path / "some").model.state_dict()
    assert all(torch.equal(value, without[name]) for name, value in plain.items())
    assert not torch.equal(plain["encoder.0.convolution.weight"], some["encoder.0.convolution.weight"])


def test_without_a_step_the_model_equals_the_source(tmp_path: Path) -> None:
    after = tuned(SourceReplay(), tmp_path, steps=0).model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in source().state_dict().items())


def test_only_the_heads_that_are_replayed_move(tmp_path: Path) -> None:
    before, after = source().state_dict(), tuned(SourceReplay(share=0.5), tmp_path).model.state_dict()
    moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
    heads = {name for name in moved if name.startswith("heads.")}
    assert heads == {f"heads.{tag}.units.{part}" for tag in ("en", "fr") for part in ("weight", "bias")}
    assert "shared_blank.weight" in moved


def test_the_target_is_drawn_as_without_replay_and_the_source_by_another_seed() -> None:
    data = speech()
    data = replace(data, source=replace(data.target, is_target=False))
    streams = SourceReplay(share=0.5).streams(data, StreamSettings(8.0, seed=2))
    assert streams["target"].seed == 2
    same = [streams["target"].batch(step).ids == streams["source"].batch(step).ids for step in range(6)]
    assert not all(same)


def test_the_replayed_speech_must_be_there() -> None:
    data = replace(speech(), source=None)
    with pytest.raises(ValueError, match=r"needs the training speech of its source.*source_speech"):
        SourceReplay().adapt(source(), data, seed=0)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_leaves_no_target_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="expected a share of source speech from 0 up to, not including, 1"):
        SourceReplay(share=share)
