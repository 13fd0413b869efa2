"""Batch-norm statistics: those of all real frames, whatever the batches, in the model that comes out."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conservative import SHORT, a_source, a_target, adapted, equal, trained
from toy_speech import TINY, examples

from speechtl.experiment import Experiment, load_recipe
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inputs import DomainInput
from speechtl.transfer import VTLN, AdaBN, BatchNormStatistics, Composed, SpeakerMoments, Transfer
from speechtl.transfer.base import TransferData
from speechtl.transfer.batch_norm_statistics import batch_norms, take_statistics
from speechtl.transfer.receipt import Beginning

DEEP = replace(TINY, blocks=3)


def statistics(model: AcousticModel) -> dict[str, torch.Tensor]:
    return {
        name: tensor.clone()
        for name, tensor in model.state_dict().items()
        if name.endswith(("running_mean", "running_var"))
    }


def own_speech(count: int = 24) -> TransferData:
    labelled, _, tokenizers = examples(count, ("en",), seed=21)
    return TransferData(labelled, tokenizers)


def test_of_one_batch_they_are_those_that_torch_takes_in_training() -> None:
    """An independent implementation: batch norm itself, which in training normalises by its batch."""
    source, data = a_source("en", settings=DEEP), own_speech()
    expected = copy.deepcopy(source)
    for _, norm in batch_norms(expected):
        norm.momentum = 1.0
    expected.requires_grad_(True).train()
    batch = data.target.batch(range(len(data.target)))
    found = adapted(BatchNormStatistics(), source, data).eval()
    with torch.no_grad():
        in_training, after_it = expected.encode(batch).states["main"], found.encode(batch).states["main"]
    assert torch.allclose(after_it, in_training, atol=1e-4)
    before, goal, after = statistics(source), statistics(expected), statistics(found)
    assert len(goal) == 2 * len(batch_norms(source)) == 10
    for name, tensor in goal.items():
        # torch divides what it keeps of a variance by the number of frames less one: here some 500
        assert torch.allclose(after[name], tensor, rtol=4e-3, atol=1e-4), name
        assert not torch.allclose(before[name], tensor, rtol=2e-2, atol=1e-3), "the source's were others"


def test_what_they_are_taken_from_is_normalised_to_mean_0_and_variance_1() -> None:
    """In the model that comes out: all norms' outputs over all real frames, before the affine."""
    data = own_speech()
    model = adapted(BatchNormStatistics(), a_source("en", settings=DEEP), data).eval()
    heard: dict[str, torch.Tensor] = {}
    for name, norm in batch_norms(model):
        norm.register_forward_hook(lambda _, __, output, name=name: heard.__setitem__(name, output))
    batch = data.target.batch(range(len(data.target)))
    encoded = model.encode(batch)
    for name, norm in batch_norms(model):
        lengths = (encoded.lengths - 1) * (2 if name.endswith("first_norm") else 1) + 1
        values = (heard[name] - norm.bias) / norm.weight
        mask = heard[name].abs().sum(dim=2) > 0
        assert int(mask.sum()) >= int(lengths.sum()) * 0.9, "padding is left out"
        assert torch.allclose(values[mask].mean(dim=0), torch.zeros(TINY.dim), atol=1e-3), name
        assert torch.allclose(values[mask].var(dim=0), torch.ones(TINY.dim), atol=2e-2), name


def test_on_the_source_s_own_speech_they_are_the_source_s_population_statistics() -> None:
    """Nothing moves, in batches of whatever size and order: padding does not count."""
    source, data = a_source("en", settings=DEEP), own_speech()
    whole = [data.target.batch(range(len(data.target)))]
    take_statistics(source, whole)
    population = statistics(source)
    singly = copy.deepcopy(source)
    take_statistics(singly, [data.target.batch([index]) for index in reversed(range(len(data.target)))])
    for again in (adapted(BatchNormStatistics(), source, data), singly):
        for name, tensor in statistics(again).items():
            assert torch.allclose(tensor, population[name], rtol=1e-4, atol=1e-5), name


def test_only_the_statistics_change_and_the_receipt_says_that_they_are_estimated(tmp_path: Path) -> None:
    source, data = a_source("en", "fr", settings=DEEP), a_target("de")
    method = BatchNormStatistics(trains="head")
    start = adapted(method, source, data)
    begun = Beginning.of(start, source)
    model = trained(method, source, data, tmp_path, replace(SHORT, dropout=0.3)).model
    before, after = source.state_dict(), model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == set(statistics(source))
    receipt = begun.receipt(model, "BatchNormStatistics", "source")
    assert receipt.faults() == []
    told = {t.name: (t.fate, t.frozen) for t in receipt.tensors}
    assert {told[name] for name in statistics(source)} == {("estimated", True)}
    assert told["encoder.0.norm.weight"] == ("copied", True)


def test_without_a_step_it_is_a_control_and_labels_do_not_matter(tmp_path: Path) -> None:
    source, data = a_source("en", settings=DEEP), own_speech()
    model = trained(BatchNormStatistics(), source, data, tmp_path, replace(SHORT, steps=0)).model
    other = replace(data, target=replace(data.target, labels=[[1]] * len(data.target)))
    again = adapted(BatchNormStatistics(), source, other)
    mine, theirs = model.state_dict(), again.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())


@pytest.mark.parametrize("other", [SpeakerMoments(), VTLN(step=0.1)], ids=lambda m: type(m).__name__)
def test_beside_what_changes_the_features_they_are_those_of_the_model_that_comes_out(other: Transfer) -> None:
    source, data = a_source("en", "fr"), a_target("en")
    data = replace(data, target=replace(data.target, speakers=["ana", "ben"] * 6))
    first, last = (
        adapted(Composed(methods=methods), source, data)
        for methods in ((BatchNormStatistics(), other), (other, BatchNormStatistics()))
    )
    assert equal(first, last)
    again = copy.deepcopy(first)
    take_statistics(again, [data.target.batch(range(12))])
    for name, value in first.state_dict().items():
        if "running" in name:
            assert torch.allclose(value, again.state_dict()[name], rtol=1e-3, atol=1e-4), name


def test_an_input_that_is_not_heard_keeps_its_statistics() -> None:
    narrow = DomainInput("telephone", FeatureSettings(mels=40, f_max=4000.0))
    data = own_speech(8)
    source = AcousticModel(DEEP, FeatureSettings(), data.tokenizers, inputs=(narrow,), seed=2).eval()
    model = adapted(BatchNormStatistics(), source, data)
    fates = {name: model.fates[name].start for name in statistics(model)}
    assert {start for name, start in fates.items() if "telephone" in name} == {"copied"}
    assert {start for name, start in fates.items() if "telephone" not in name} == {"estimated"}
    assert torch.equal(model.state_dict()["inputs.telephone.layers.first_norm.running_mean"], torch.zeros(24))


@pytest.mark.parametrize("method", [BatchNormStatistics(), AdaBN()], ids=["statistics", "AdaBN"])
def test_blocks_that_begin_at_random_afterwards_are_refused(method: Transfer) -> None:
    """The statistics would be those of another model."""
    source, data = a_source("en", settings=DEEP), a_target("de")
    data = replace(data, unlabelled=data.target)
    with pytest.raises(ValueError, match=r"encoder\.1: random by the plan, but statistics are taken"):
        adapted(replace(method, plan=("encoder.1=random",)), source, data)
    adapted(replace(method, plan=("head.de=random",)), source, data)


def test_a_part_of_the_speech_is_enough_and_the_same_every_time() -> None:
    source, data = a_source("en", settings=DEEP), own_speech()
    few, again, all_of_it = (
        statistics(adapted(BatchNormStatistics(minutes=minutes), source, data))
        for minutes in (0.05, 0.05, 30)
    )
    assert all(torch.equal(few[name], again[name]) for name in few)
    assert not all(torch.equal(few[name], all_of_it[name]) for name in few)
    with pytest.raises(ValueError, match="minutes=0"):
        BatchNormStatistics(minutes=0)


def test_before_anything_is_decoded_the_plan_is_the_same() -> None:
    source, data = a_source("en", settings=DEEP), own_speech(8)
    silent = replace(data, target=replace(data.target, waveforms=[]))
    planned = adapted(BatchNormStatistics(), source, silent)
    assert planned.fates == adapted(BatchNormStatistics(), source, data).fates
    assert all(torch.equal(t, statistics(source)[name]) for name, t in statistics(planned).items())


def test_the_recipe_comes_back_from_its_settings() -> None:
    recipe = load_recipe("taiwanese/batch_norm_statistics")
    assert recipe.method == BatchNormStatistics(trains="head")
    assert recipe == Experiment.from_dict(json.loads(json.dumps(recipe.to_dict())))
