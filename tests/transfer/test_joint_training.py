"""Joint training of source and target: gradients, shares, and both of its starts."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_speech import PLAIN, QUICK, TINY, development, examples

from speechtl.features import FeatureSettings
from speechtl.mixing import count_drawn, shares
from speechtl.models.acoustic import AcousticModel
from speechtl.train import fit
from speechtl.transfer import Composed, JointTraining, MixedBatches
from speechtl.transfer.data import StreamSettings, TransferData
from speechtl.transfer.joint_training import joined

TABLE = {"ä": (("en", "a"),), "ö": (("en", "o"), ("fr", "o"))}


def source() -> AcousticModel:
    return AcousticModel(TINY, FeatureSettings(), examples(2, ("en", "fr"))[2], seed=7)


def speech(target: int = 12, others: int = 40) -> TransferData:
    german, _, tokenizers = examples(target, ("de",), letters="äéíö")
    replayed = replace(examples(others, ("en", "fr"), seed=3)[0], is_target=False)
    return TransferData(german, tokenizers, unit_table=TABLE, source=replayed)


def test_a_language_s_loss_does_not_reach_the_other_heads() -> None:
    data = speech()
    model = JointTraining().adapt(source(), data, seed=0).eval()
    stream = JointTraining().streams(data, StreamSettings(600.0, seed=0))["joint"]
    batch = next(b for b in map(stream.batch, range(20)) if {"de", "en", "fr"} == set(b.languages))
    losses = JointTraining().losses(model, None, batch, 0.0)["ctc"]
    for language in ("de", "en", "fr"):
        model.zero_grad(set_to_none=True)
        rows = torch.tensor([tag == language for tag in batch.languages])
        losses[rows].sum().backward(retain_graph=True)
        moved = {n for n, v in model.named_parameters() if v.grad is not None and v.grad.abs().sum() > 0}
        assert {n.split(".")[1] for n in moved if n.startswith("heads.")} == {language}
        assert "encoder.0.convolution.weight" in moved


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_one_temperature_mixes_all_languages(temperature: float) -> None:
    """P ∝ hours^(1/T) over target and source together, within what rounding to whole clips leaves."""
    data = speech(target=30, others=300)
    stream = JointTraining().streams(data, StreamSettings(6.0, 0, temperature=temperature))["joint"]
    drawn: dict[str, float] = {}
    for step in range(250):
        count_drawn(drawn, stream.batch(step))
    whole = joined(data.target, data.source_speech)
    tags = np.asarray(whole.languages)
    weights = {t: float(whole.seconds[tags == t].sum()) ** (1 / temperature) for t in ("de", "en", "fr")}
    for tag, weight in weights.items():
        assert shares(drawn)[tag] == pytest.approx(weight / sum(weights.values()), abs=0.03)


def test_two_domains_are_told_apart_beside_the_source_s_speech() -> None:
    """With a method that hears unlabelled speech, which is the only speech of the target domain here."""
    data = speech(6, 9)
    data = replace(data, unlabelled=replace(data.target, domains=["far"] * 6))
    streams = Composed(methods=(JointTraining(), MixedBatches())).mixed_streams(data, StreamSettings(6.0, 0))
    assert list(streams) == ["joint", "unlabelled"]
    for step in range(5):
        assert not streams["joint"].batch(step).is_target.any()
        assert streams["unlabelled"].batch(step).is_target.all()


def test_joined_speech_is_the_speech_of_both() -> None:
    data = speech(3, 4)
    whole = joined(data.target, data.source_speech)
    assert len(whole) == 7
    assert list(whole.ids) == [*data.target.ids, *data.source_speech.ids]
    for index in range(7):
        one, place = (data.target, index) if index < 3 else (data.source_speech, index - 3)
        assert np.array_equal(whole.waveforms[index], one.waveforms[place])
        assert whole.labels[index] == one.labels[place]
    assert np.array_equal(whole.waveforms[-1], data.source_speech.waveforms[3])
    assert len(whole.waveforms[2:5]) == 3
    with pytest.raises(IndexError):
        whole.waveforms[7]


def test_from_the_source_a_joint_training_begins_as_fine_tuning_does(tmp_path: Path) -> None:
    data = speech()
    model = JointTraining().adapt(source(), data, seed=0)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in source().state_dict().items())
    head, rows = model.head("de"), list(data.tokenizers["de"].units)
    assert torch.equal(head.units.weight[rows.index("ä")], model.head("en").units.weight[0])
    assert all(value.requires_grad for value in model.parameters())


def test_from_random_weights_nothing_of_the_source_is_left() -> None:
    """The weights are those of a model of all these languages that begins from scratch."""
    data, method = speech(), JointTraining(start="random")
    model = method.adapt(source(), data, seed=9)
    fresh = AcousticModel(TINY, FeatureSettings(), examples(2, ("en", "fr"))[2], seed=9)
    fresh.add_head(data.tokenizers["de"], seed=9)
    drawn = fresh.state_dict()
    assert model.state_dict().keys() == drawn.keys()
    assert all(torch.equal(value, drawn[name]) for name, value in model.state_dict().items())
    assert {fate.start for fate in model.fates.values()} == {"initialised"}
    assert method.coverage(source(), data)[0].mapped == 0
    assert JointTraining().coverage(source(), data)[0].mapped == 2


def test_all_heads_learn_and_the_shares_are_logged(tmp_path: Path) -> None:
    """After a minute of toy speech from random weights, target and source are both read."""
    data, method = speech(24, 48), JointTraining(start="random")
    fitted = fit(
        method.adapt(source(), data, seed=0),
        method,
        data,
        replace(QUICK, steps=120, evaluations=2),
        tmp_path,
        evaluate_dev=development(8, ("de",), "äéíö"),
        augment=PLAIN,
        seed=0,
    )
    assert fitted.best["error"] < 0.3
    assert development(8, ("en", "fr"))(fitted.model).error < 0.3
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    logged = [line["shares"] for line in lines if "dev" in line][-1]
    whole = joined(data.target, data.source_speech)
    german = float(data.target.seconds.sum() / whole.seconds.sum())
    assert logged.keys() == {"de", "en", "fr"}
    assert logged["de"] == pytest.approx(german, abs=0.05)
