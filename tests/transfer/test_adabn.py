"""AdaBN: the statistics are those of all real frames of the unlabelled speech, and nothing else moves."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conservative import SHORT, a_source, adapted, equal
from torch import Tensor, nn
from torch.nn import functional as F
from toy_speech import QUICK, TINY, examples, toy_experiment, write_manifest
from two_domains import silent, speech, trained

from speechtl.checkpoint import load_model
from speechtl.corpus_spec import corpus
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inputs import DomainInput
from speechtl.run import run
from speechtl.transfer import AdaBN, BatchNormStatistics, Composed, DomainBatchNorm, MixedBatches
from speechtl.transfer.base import TransferData
from speechtl.transfer.batch_norm_statistics import batch_norms
from speechtl.transfer.receipt import Beginning

DEEP = replace(TINY, blocks=3)


@pytest.fixture
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "cache"))


def statistics(model: AcousticModel) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items() if ".running_" in name}


@torch.no_grad()
def by_hand(model: AcousticModel, data: TransferData) -> dict[str, Tensor]:
    """Mean and variance, in float64, of what enters each norm of a TDNN, one layer after another.

    Written out here from the convolutions and the definition of batch norm, without the library's own norms.
    """
    speech = data.unlabelled_speech
    input_ = model.inputs.of(None)
    features = []
    for index in range(len(speech)):
        batch = speech.batch([index])
        found, frames = input_.featurizer(batch.waveforms, batch.lengths)
        features.append(found[0, : int(frames)].double())
    found_statistics: dict[str, Tensor] = {}

    def normalised(name: str, norm: nn.BatchNorm1d, values: list[Tensor]) -> list[Tensor]:
        frames = torch.cat(values)
        mean, variance = frames.mean(dim=0), frames.var(dim=0, unbiased=False)
        found_statistics[f"{name}.running_mean"] = mean
        found_statistics[f"{name}.running_var"] = variance
        scale = norm.weight.double() / (variance + norm.eps).sqrt()
        return [torch.relu((one - mean) * scale + norm.bias.double()) for one in values]

    def convolved(layer: nn.Conv1d, values: list[Tensor]) -> list[Tensor]:
        weight = layer.weight.double()
        return [
            F.conv1d(one.T.unsqueeze(0), weight, None, layer.stride, layer.padding, layer.dilation)[0].T
            for one in values
        ]

    layers, name = input_.layers, "inputs.default.layers"
    states = normalised(f"{name}.first_norm", layers.first_norm, convolved(layers.first, features))
    states = normalised(f"{name}.second_norm", layers.second_norm, convolved(layers.second, states))
    for number, block in enumerate(model.encoder):
        hidden = normalised(f"encoder.{number}.norm", block.norm, convolved(block.convolution, states))
        states = [one + other for one, other in zip(states, hidden, strict=True)]
    return found_statistics


def of_its_own(source_speech: TransferData) -> TransferData:
    """The source's training speech as if nobody knew its labels."""
    heard = source_speech.target
    return replace(source_speech, unlabelled=replace(heard, labels=[[]] * len(heard)))


def test_they_are_those_that_are_computed_by_hand() -> None:
    source, data = a_source("en", settings=DEEP), speech()
    found, expected = statistics(adapted(AdaBN(), source, data)), by_hand(source, data)
    assert found.keys() == expected.keys()
    assert len(found) == 2 * 5
    for name, value in expected.items():
        assert torch.allclose(found[name].double(), value, rtol=1e-4, atol=1e-5), name
        assert not torch.allclose(statistics(source)[name].double(), value, rtol=1e-2, atol=1e-3), name


def test_on_the_source_s_own_speech_they_are_the_source_s_population_statistics() -> None:
    """A source that has these has them again, and hears as before."""
    data = of_its_own(speech())
    source = a_source("en", settings=DEEP)
    population = {name: value.float() for name, value in by_hand(source, data).items()}
    source.load_state_dict(source.state_dict() | population)
    again = adapted(AdaBN(), source, data).eval()
    for name, value in statistics(again).items():
        assert torch.allclose(value, population[name], rtol=1e-4, atol=1e-5), name
    batch = data.target.batch(range(4))
    before, after = (one.encode(batch).states["main"] for one in (source, again))
    assert torch.allclose(before, after, atol=1e-4)


def test_without_a_step_nothing_but_statistics_moves_and_labels_do_not_matter(tmp_path: Path) -> None:
    source, data = a_source("en", "fr", settings=DEEP), speech()
    told = replace(data, unlabelled=replace(silent(), labels=[[1, 2, 3]] * 12))
    start = adapted(AdaBN(), source, data)
    begun = Beginning.of(start, source)
    models = [
        trained(AdaBN(), one, tmp_path / name, replace(SHORT, steps=0), source)
        for name, one in (("none", data), ("told", told))
    ]
    assert equal(*models)
    before, after = source.state_dict(), models[0].state_dict()
    assert {name for name in before if not torch.equal(before[name], after[name])} == set(statistics(source))
    receipt = begun.receipt(models[0], "AdaBN", "source")
    assert receipt.faults() == []
    assert {one.fate for one in receipt.tensors if one.name in statistics(source)} == {"estimated"}


def test_the_labelled_speech_does_not_matter() -> None:
    source, data = a_source("en", settings=DEEP), speech()
    other, _, _ = examples(5, seed=77)
    assert equal(adapted(AdaBN(), source, data), adapted(AdaBN(), source, replace(data, target=other)))


def test_it_is_what_batch_norm_statistics_are_of_labelled_target_speech() -> None:
    source, data = a_source("en", settings=DEEP), speech()
    labelled = replace(data, target=data.unlabelled_speech)
    assert equal(adapted(AdaBN(), source, data), adapted(BatchNormStatistics(), source, labelled))


def test_padding_and_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    source, data = a_source("en", settings=DEEP), speech()
    whole = statistics(adapted(AdaBN(), source, data))
    monkeypatch.setattr("speechtl.transfer.passes.INFERENCE_SECONDS", 0.5)
    for name, value in statistics(adapted(AdaBN(), source, data)).items():
        assert torch.allclose(value, whole[name], rtol=1e-5, atol=1e-5), name


def test_every_utterance_is_heard_whatever_its_name() -> None:
    source, data = a_source("en", settings=DEEP), speech()
    alike = replace(data.unlabelled_speech, ids=["000"] * len(data.unlabelled_speech))
    found = adapted(AdaBN(), source, replace(data, unlabelled=alike))
    assert equal(found, adapted(AdaBN(), source, data))


def test_a_part_of_the_speech_is_drawn_by_the_seed() -> None:
    source, data = a_source("en", settings=DEEP), speech()
    few, again, others = (statistics(adapted(AdaBN(minutes=0.05), source, data, seed)) for seed in (0, 0, 1))
    everything = statistics(adapted(AdaBN(), source, data))
    name = "encoder.2.norm.running_mean"
    assert torch.equal(few[name], again[name])
    assert not torch.equal(few[name], others[name])
    assert not torch.equal(few[name], everything[name])
    much = statistics(adapted(AdaBN(minutes=60), source, data))
    assert torch.equal(much[name], everything[name])
    with pytest.raises(ValueError, match=r"minutes=0: expected more than 0, or None for all"):
        AdaBN(minutes=0)


def test_an_input_that_the_unlabelled_speech_does_not_go_through_keeps_its_own() -> None:
    source, data = a_source("en", settings=DEEP), speech()
    source.inputs.add(DomainInput("telephone", FeatureSettings(mels=40, f_max=4000.0)), seed=0)
    model = adapted(AdaBN(), source, data)
    starts = {name: model.fates[name].start for name in statistics(model)}
    assert {start for name, start in starts.items() if "telephone" in name} == {"copied"}
    assert {start for name, start in starts.items() if "telephone" not in name} == {"estimated"}
    assert torch.equal(
        model.state_dict()["inputs.telephone.layers.first_norm.running_mean"], torch.zeros(TINY.dim)
    )


def test_with_more_steps_the_statistics_become_those_of_both(tmp_path: Path) -> None:
    """Then it is mixed batches from another beginning, and no longer AdaBN."""
    source, data = a_source("en", settings=DEEP), speech()
    taken = statistics(adapted(AdaBN(), source, data))
    model = trained(AdaBN(), data, tmp_path / "adabn", source=source)
    control = trained(MixedBatches(), data, tmp_path / "mixed", source=source)
    name = "encoder.0.norm.running_mean"
    assert not torch.equal(statistics(model)[name], taken[name])
    assert not equal(model, control)


def test_beside_batch_norms_of_each_domain_it_takes_those_of_the_target() -> None:
    source, data = a_source("en", settings=DEEP), speech()
    both = adapted(Composed(methods=(DomainBatchNorm(), AdaBN())), source, data)
    alone, own = statistics(adapted(AdaBN(), source, data)), statistics(source)
    found = statistics(both)
    for name, value in own.items():
        assert torch.equal(found[name], value), "the source's norms hear nothing of the target"
        block, norm, kind = name.rsplit(".", 2)
        block = "input" if block.startswith("inputs") else block.replace(".", "_")
        assert torch.allclose(
            found[f"inserted.batch_norm_{block}.norms.{norm}.0.{kind}"], alone[name], atol=1e-5
        )


def test_a_model_without_batch_norms_is_refused() -> None:
    source, data = a_source("en"), speech()
    bare = copy.deepcopy(source)
    for name, _ in batch_norms(bare):
        parent, _, last = name.rpartition(".")
        setattr(bare.get_submodule(parent), last, nn.LayerNorm(TINY.dim))
    with pytest.raises(ValueError, match=r"the source has none.* take a method that needs no batch norms"):
        adapted(AdaBN(), bare, data)
    with pytest.raises(ValueError, match="BatchNormStatistics takes the statistics of batch norms, and"):
        adapted(BatchNormStatistics(), bare, data)
    with pytest.raises(ValueError, match=r"there is none\. Name it by unlabelled"):
        adapted(AdaBN(), source, replace(data, unlabelled=None))


@pytest.mark.usefixtures("_own_cache")
def test_a_run_takes_them_from_the_corpus_and_draws_no_batch(tmp_path: Path) -> None:
    here, elsewhere = tmp_path / "us.jsonl", tmp_path / "uk.jsonl"
    for split, count in (("train", 8), ("dev", 4), ("test", 4)):
        write_manifest(here, count, split, seed=count, domain="us")
    write_manifest(elsewhere, 6, "train", seed=7, domain="uk")
    still = replace(QUICK, steps=0)
    runs = tmp_path / "runs"
    run(toy_experiment(here, name="base", train=still), runs)
    heard = (corpus(str(elsewhere), split="train"),)
    base = str(runs / "base" / "seed-0")
    run(
        toy_experiment(here, name="adapted", train=still, source=base, method=AdaBN(), unlabelled=heard), runs
    )
    before, after = (load_model(runs / name / "seed-0").model for name in ("base", "adapted"))
    changed = {n for n, v in before.state_dict().items() if not torch.equal(v, after.state_dict()[n])}
    assert changed == set(statistics(before))
    told = json.loads((runs / "adapted" / "seed-0" / "plan.json").read_text())["tensors"]
    assert {one["fate"] for one in told if one["name"] in changed} == {"estimated"}


def test_it_measures_the_model_whatever_the_order_of_the_methods() -> None:
    """Batch norms of the domain that are inserted after it would leave the source's own overwritten."""
    source, data = a_source("en", settings=DEEP), speech()
    first, second = (
        adapted(Composed(methods=methods), source, data)
        for methods in ((DomainBatchNorm(), AdaBN()), (AdaBN(), DomainBatchNorm()))
    )
    assert equal(first, second)
    for name, value in statistics(source).items():
        assert torch.equal(second.state_dict()[name], value)
