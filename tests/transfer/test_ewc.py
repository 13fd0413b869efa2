"""Elastic weight consolidation: its penalty, its helper through checkpoints, and what it refuses."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conservative import SHORT, WORDS, a_source, a_target, adapted, equal, trained
from toy_speech import PLAIN, TINY, development, toy_experiment, write_manifest

from speechtl.checkpoint import save_model
from speechtl.experiment import Experiment, load_recipe
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.run import run
from speechtl.train import Loop
from speechtl.transfer import EWC, Composed, SpeakerMoments, Transfer
from speechtl.transfer.base import TransferData
from speechtl.transfer.ewc import drift

METHOD = EWC(utterances=4)
TWO = replace(SHORT, steps=2)
CLASSIFIER = replace(TINY, head="classifier")


def test_without_strength_it_is_fine_tuning_bit_for_bit(tmp_path: Path) -> None:
    source, data = a_source("en", "fr"), a_target("de")
    plain = trained(Transfer(), source, data, tmp_path).model
    assert equal(trained(EWC(strength=0), source, data, tmp_path).model, plain)
    held = trained(EWC(strength=1e3, utterances=4), source, data, tmp_path / "held").model
    assert not equal(held, plain)


def test_the_penalty_is_half_lambda_f_times_the_squared_distance() -> None:
    source, data = a_source("en", "fr"), a_target("en")
    method = EWC(strength=6.0, utterances=4, plan=("encoder.1=random",))
    model = adapted(method, source, data)
    fisher, batch = model.helpers["fisher"], data.target.batch([0, 1])
    assert drift(model, source, fisher) == 0
    with torch.no_grad():
        for value in model.parameters():
            value += 0.1
    found = method.losses(model, source, batch, 0.0)
    assert list(found) == ["ctc", "ewc"]
    trainable = {name: value for name, value in model.named_parameters() if value.requires_grad}
    held = {name for name in trainable if not name.startswith("encoder.1.")}
    assert {"inputs.default.layers.first_norm.bias", "heads.en.units.bias"} <= held, "biases and norms too"
    assert held < trainable.keys()
    expected = 3.0 * sum(0.01 * fisher.of(name).sum() for name in held)
    assert torch.allclose(found["ewc"], expected, rtol=1e-3)
    gradients = torch.autograd.grad(found["ewc"], list(trainable.values()), allow_unused=True)
    started = source.state_dict()
    for (name, value), gradient in zip(trainable.items(), gradients, strict=True):
        if name in held:
            assert torch.allclose(gradient, 6.0 * fisher.of(name) * (value - started[name]), atol=1e-9), name
        else:
            assert gradient is None


def test_the_information_is_the_source_s_before_anything_is_random() -> None:
    """The random layers and the new head change nothing about it, and it is drawn by the run's seed."""
    source, data = a_source("en", "fr"), a_target("de")
    plain = adapted(METHOD, source, data).helpers["fisher"].state_dict()
    random = adapted(replace(METHOD, plan=("encoder.*=random",)), source, data).helpers["fisher"].state_dict()
    assert plain.keys() == random.keys()
    assert all(torch.equal(value, random[name]) for name, value in plain.items())
    other = adapted(METHOD, source, data, seed=1).helpers["fisher"].state_dict()
    assert not torch.equal(plain["encoder/0/convolution/weight"], other["encoder/0/convolution/weight"])
    assert (plain["heads/de/units/weight"] == 0).all()


def loop(folder: Path, source: AcousticModel, data: TransferData) -> Loop:
    return Loop(
        adapted(METHOD, source, data),
        METHOD,
        data,
        SHORT,
        folder,
        development(4, ("de",), "äéíö"),
        PLAIN,
        0,
        source,
    )


def test_the_information_survives_a_checkpoint_without_drift(tmp_path: Path) -> None:
    """The resumed run gets it from the checkpoint, whatever its own estimate was."""
    source, data = a_source("en", "fr"), a_target("de")
    whole = trained(METHOD, source, data, tmp_path / "whole").model
    tmp_path.joinpath("parts").mkdir()
    first = loop(tmp_path / "parts", source, data)
    before = {name: tensor.clone() for name, tensor in first.model.helpers.state_dict().items()}
    assert before
    with first.log:
        for _ in range(3):
            first.step()
        first.save()
    second = loop(tmp_path / "parts", source, data)
    with torch.no_grad():
        for values in second.model.helpers.state_dict().values():
            values.zero_()
    with second.log:
        second.resume()
        while second.counters.step < SHORT.steps:
            second.step()
            second.after_step()
    for model in (second.model, second.average):
        assert all(torch.equal(before[name], value) for name, value in model.helpers.state_dict().items())
    assert equal(second.result().model, whole)


def test_the_helper_is_dropped_and_trained_by_nobody(tmp_path: Path) -> None:
    source, data = a_source("en", "fr"), a_target("de")
    model = adapted(METHOD, source, data)
    assert {fate.start for fate in model.fates.values() if fate.block == "helper.fisher"} == {"helper"}
    grouped = [name for group in METHOD.groups(model, 0.1) for name in group.names]
    assert not [name for name in grouped if name.startswith("helpers.")]
    after = trained(METHOD, source, data, tmp_path).model
    assert not len(after.helpers)
    assert after.state_dict().keys() == trained(Transfer(), source, data, tmp_path).model.state_dict().keys()


def test_a_plan_is_made_without_audio() -> None:
    data = a_target("de")
    silent = replace(
        data, target=replace(data.target, waveforms=[]), source=replace(data.source, waveforms=[])
    )
    model = adapted(METHOD, a_source("en", "fr"), silent)
    heard = adapted(METHOD, a_source("en", "fr"), data)
    assert model.fates.keys() == heard.fates.keys()


def test_all_labels_of_a_classifier_may_be_enumerated() -> None:
    source, data = a_source("en", settings=CLASSIFIER), a_target("en")
    data = replace(data, tokenizers=source.tokenizers, source=replace(data.source, languages=["en"] * 10))
    model = adapted(replace(METHOD, expectation="enumerated"), source, data)
    values = model.helpers["fisher"].of("heads.en.units.bias")
    assert len(WORDS) == 2
    assert 0 < float(values[0]) <= 0.25, "a mean of p(1 - p)"
    with pytest.raises(ValueError, match=r"source's head for en, fr is CTC.*choose sampled"):
        adapted(replace(METHOD, expectation="enumerated"), a_source("en", "fr"), a_target("de"))


def test_without_source_speech_it_is_refused() -> None:
    data = replace(a_target("de"), source=None)
    for method in (EWC(), EWC(strength=0)):
        with pytest.raises(ValueError, match=r"needs the training speech of its source.*source_speech"):
            adapted(method, a_source("en"), data)


def test_a_run_names_the_source_s_speech_or_is_told_to(own_folders: Path) -> None:
    manifest, old = own_folders / "de.jsonl", own_folders / "old.jsonl"
    for split in ("train", "dev", "test"):
        write_manifest(manifest, 4, split, "de")
    write_manifest(old, 5, "train", "en", seed=9)
    save_model(a_source("en"), own_folders / "source", fingerprints=Fingerprints())
    experiment = toy_experiment(manifest, source=str(own_folders / "source"), method=METHOD, train=TWO)
    with pytest.raises(ValueError, match="name it by source_speech"):
        run(experiment, own_folders / "runs")
    named = replace(
        experiment, name="named", source_speech=(replace(experiment.targets[0], corpus=str(old)),)
    )
    assert Experiment.from_dict(named.to_dict()) == named
    assert run(named, own_folders / "runs").sets["de"].utterances == 4
    logged = (own_folders / "runs" / "named" / "seed-0" / "metrics.jsonl").read_text()
    assert '"ewc"' in logged


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strength": -1.0}, r"strength=-1\.0: expected 0 or more"),
        ({"utterances": 0}, "utterances=0, samples=1: expected 1 or more"),
        ({"samples": 0}, "utterances=400, samples=0: expected 1 or more"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EWC(**changes)


def test_the_recipe_differs_from_fine_tuning_in_its_method_only() -> None:
    recipe, control = load_recipe("taiwanese/ewc"), load_recipe("taiwanese/finetune")
    assert replace(recipe, name=control.name, method=control.method) == control
    assert Experiment.from_dict(recipe.to_dict()).method == EWC(strength=100)


def test_what_is_put_into_the_model_beside_it_is_no_part_of_the_source() -> None:
    """The source's speech would go through the target's mean and variance, in one order and not the other."""
    source, data = a_source("en", "fr"), a_target("de")
    moments, alone = SpeakerMoments(by=None), adapted(METHOD, source, data).helpers["fisher"].state_dict()
    for methods in ((METHOD, moments), (moments, METHOD)):
        together = adapted(Composed(methods=methods), source, data).helpers["fisher"].state_dict()
        assert all(torch.equal(value, together[name]) for name, value in alone.items())
