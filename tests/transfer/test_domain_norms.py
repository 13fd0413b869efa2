"""Batch norms of a domain's own: who goes through which, in one pass over both."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conservative import adapted
from domain_norms import ENCODERS, WAYS, disturb, in_domain, of_target, source_of, states
from torch import nn
from torch.nn import functional as F
from two_domains import begun, mixed, silent, speech

from speechtl.advice import strange_domains_in_tests
from speechtl.checkpoint import load_model, save_model
from speechtl.corpus import Corpus, Utterance
from speechtl.features import FeatureSettings
from speechtl.leakage import Fingerprints
from speechtl.models.inputs import DomainInput
from speechtl.models.inserted import Insertion
from speechtl.models.inserted_norm import norms_of
from speechtl.models.layers import MaskedBatchNorm
from speechtl.recognition import advise_on_unnamed_domains
from speechtl.transfer import DomainBatchNorm, MixedBatches, Transfer
from speechtl.transfer.batch_norm_statistics import batch_norms

every_way = pytest.mark.parametrize("method", WAYS, ids=lambda method: method.affine)


@every_way
@pytest.mark.parametrize("encoder", ENCODERS)
def test_at_the_start_both_domains_are_heard_as_the_source_hears_them(
    encoder: str, method: DomainBatchNorm
) -> None:
    source, data = source_of(encoder), speech()
    model = adapted(method, source, data)
    batch = mixed(data)
    assert set(batch.domains) == {"us", "uk"}
    assert torch.equal(states(model, batch), states(source, batch))
    count = {"tdnn": 4, "bilstm": 2, "conformer": 4}[encoder]
    assert len(batch_norms(model)) == 2 * count == 2 * len(batch_norms(source))


@every_way
@pytest.mark.parametrize("encoder", ENCODERS)
def test_only_the_domain_that_has_norms_of_its_own_goes_through_them(
    encoder: str, method: DomainBatchNorm
) -> None:
    source, data = source_of(encoder), speech()
    model = adapted(method, source, data)
    disturb(model)
    batch = mixed(data)
    before, after = states(source, batch), states(model, batch)
    is_own = torch.tensor([domain == "uk" for domain in batch.domains])
    assert torch.equal(after[~is_own], before[~is_own])
    assert all(
        not torch.allclose(one, other, atol=1e-3)
        for one, other in zip(after[is_own], before[is_own], strict=True)
    )
    for stranger in (None, "us", "elsewhere"):
        unknown = in_domain(batch, [stranger] * 10)
        assert torch.equal(states(model, unknown), states(source, unknown))


@every_way
def test_an_utterance_is_heard_the_same_in_any_company(method: DomainBatchNorm) -> None:
    data = speech()
    model = adapted(method, source_of(), data)
    disturb(model)
    batch = mixed(data)
    together = states(model, batch)
    told = data.with_domains()
    for row, (examples_, index) in ((0, (told.target, 0)), (6, (told.unlabelled_speech, 1))):
        alone = states(model, examples_.batch([index]))[0]
        assert torch.allclose(together[row, : len(alone)], alone, atol=1e-5)


@every_way
def test_padding_changes_nothing_in_training_neither(method: DomainBatchNorm) -> None:
    data = speech()
    found = []
    for extra in (0, 30_000):
        model = adapted(method, source_of(), data).train()
        batch = mixed(data)
        longer = replace(batch, waveforms=F.pad(batch.waveforms, (0, extra)))
        encoded = model.encode(longer)
        time = int(encoded.lengths.max())
        found.append([encoded.states["main"][:, :time].detach(), *of_target(model).values()])
    assert all(
        torch.allclose(one.float(), other.float(), atol=1e-5) for one, other in zip(*found, strict=True)
    )


@every_way
def test_in_training_each_domain_is_normalised_by_its_own_frames_alone(method: DomainBatchNorm) -> None:
    """One pass over both equals a pass over each, as two models; checked at the first norm by hand too."""
    source, data = source_of(), speech()
    model = adapted(method, source, data).train()
    told = data.with_domains()
    parts = told.target.batch(range(5)), told.unlabelled_speech.batch(range(5))
    joint = model.encode(mixed(data)).states["main"].detach()
    for part, rows in zip(parts, (slice(0, 5), slice(5, 10)), strict=True):
        alone = adapted(Transfer(), source, data).train().encode(part).states["main"].detach()
        assert torch.allclose(joint[rows, : alone.shape[1]], alone, atol=1e-4)
    layers = source.inputs.of(None).layers
    for part, name in (
        (parts[0], "inputs.default.layers.first_norm"),
        (parts[1], "inserted.batch_norm_input.norms.first_norm.0"),
    ):
        features, frames = source.inputs.of(None).featurizer(part.waveforms, part.lengths)
        values = layers.first(features.transpose(1, 2)).transpose(1, 2)
        real = torch.cat([one[:n] for one, n in zip(values, ((frames + 1) // 2).tolist(), strict=True)])
        expected = 0.9 * layers.first_norm.running_mean + 0.1 * real.mean(dim=0)
        assert torch.allclose(model.state_dict()[f"{name}.running_mean"], expected, atol=1e-5)


def test_one_pass_over_stock_batch_norms_would_be_another() -> None:
    """The pair that the check above tells apart: mixed batches through shared norms."""
    source, data = source_of(), speech()
    joint = adapted(MixedBatches(), source, data).train().encode(mixed(data)).states["main"].detach()
    own = (
        adapted(DomainBatchNorm(affine="own"), source, data)
        .train()
        .encode(mixed(data))
        .states["main"]
        .detach()
    )
    assert not torch.allclose(joint, own, atol=0.1)


def test_gradients_of_one_domain_do_not_reach_the_other_s_norms() -> None:
    data = speech()
    model = adapted(DomainBatchNorm(affine="own"), source_of(), data).train()
    for rows, reached in ((slice(0, 5), "encoder."), (slice(5, 10), "inserted.")):
        model.zero_grad()
        model.encode(mixed(data)).states["main"][rows].square().sum().backward()
        for name in ("encoder.0.norm.weight", "inserted.batch_norm_encoder_0.norms.norm.0.weight"):
            gradient = dict(model.named_parameters())[name].grad
            moved = gradient is not None and float(gradient.abs().sum()) > 0
            assert moved == name.startswith(reached)
        assert float(model.encoder[0].convolution.weight.grad.abs().sum()) > 0, "all else is shared"


def test_a_shared_affine_is_trained_by_both_domains() -> None:
    data = speech()
    model = adapted(WAYS[1], source_of(), data).train()
    assert not any(name.startswith("inserted.") for name, _ in model.named_parameters())
    gradients = []
    for rows in (slice(0, 5), slice(5, 10)):
        model.zero_grad()
        model.encode(mixed(data)).states["main"][rows].square().sum().backward()
        gradients.append(model.encoder[0].norm.bias.grad.clone())
    assert all(float(gradient.abs().sum()) > 0 for gradient in gradients)


def test_a_shared_affine_gives_what_torch_s_batch_norm_gives() -> None:
    """Its own batch's mean and variance, the other's scale and shift, and the counter moves."""
    random = torch.Generator().manual_seed(2)
    own, other = MaskedBatchNorm(3, affine=False), MaskedBatchNorm(3)
    with torch.no_grad():
        other.weight.copy_(torch.rand(3, generator=random))
        other.bias.copy_(torch.rand(3, generator=random))
    expected = nn.BatchNorm1d(3)
    expected.load_state_dict(other.state_dict())
    values = torch.randn(2, 5, 3, generator=random)
    lengths = torch.tensor([5, 5])
    for mode in (True, False):
        for norm in (own, expected):
            norm.train(mode)
        found = own(values, lengths, affine_of=other)
        assert torch.equal(found.view(10, 3), expected(values.view(10, 3)))
    assert torch.equal(own.running_var, expected.running_var)
    assert int(own.num_batches_tracked) == int(expected.num_batches_tracked) == 1


@every_way
def test_it_loads_without_the_method_and_hears_by_domain(method: DomainBatchNorm, tmp_path: Path) -> None:
    data = speech()
    model = adapted(method, source_of("conformer"), data)
    disturb(model)
    save_model(model, tmp_path / "model", fingerprints=Fingerprints())
    loaded = load_model(tmp_path / "model").model
    batch = mixed(data)
    assert torch.equal(states(loaded, batch), states(model, batch))
    assert loaded.inserted.insertions == model.inserted.insertions
    (first, *_) = loaded.inserted.insertions
    assert first == Insertion(
        "batch_norm",
        "input",
        "domain",
        ("uk",),
        {"affine": method.affine, "norms": ["first_norm", "second_norm"]},
    )


def test_each_domain_of_the_unlabelled_speech_has_norms_of_its_own() -> None:
    data = speech()
    two = replace(data, unlabelled=silent(domains=["uk", "ie"] * 6))
    model = adapted(DomainBatchNorm(affine="own"), source_of(), two)
    assert {one.keys for one in model.inserted.insertions} == {("ie", "uk")}
    with torch.no_grad():
        for name, value in of_target(model).items():
            if name.endswith(".1.bias"):  # those of uk
                value.add_(0.5)
    batch = in_domain(mixed(data), ["us", "ie", "uk"] * 3 + [None])
    moved = [
        not torch.equal(one, other)
        for one, other in zip(states(model, batch), states(source_of(), batch), strict=True)
    ]
    assert moved == [False, False, True] * 3 + [False]


def test_inputs_by_domain_have_norms_where_the_unlabelled_speech_enters() -> None:
    """The telephone's speech has an input of its own, and its own norms there and in the encoder."""
    source, data = source_of(), speech()
    source.inputs.add(DomainInput("uk", FeatureSettings(mels=40, f_max=4000.0)), seed=0)
    source.eval()
    model = adapted(DomainBatchNorm(affine="own"), source, data)
    assert [one.block for one in model.inserted.insertions] == ["input.uk", "encoder.0", "encoder.1"]
    batch = mixed(data)
    assert torch.allclose(states(model, batch), states(source, batch), atol=1e-6)
    disturb(model)
    moved = [
        not torch.allclose(one, other, atol=1e-3)
        for one, other in zip(states(model, batch), states(source, batch), strict=True)
    ]
    assert moved == [False] * 5 + [True] * 5


def test_labelled_speech_of_the_target_goes_through_the_target_s_norms(tmp_path: Path) -> None:
    data = speech(domains=["us"] * 8 + ["uk"] * 4)
    model = adapted(DomainBatchNorm(affine="own"), source_of(), data)
    disturb(model)
    batch = data.with_domains().target.batch(range(12))
    assert batch.is_target.tolist() == [False] * 8 + [True] * 4
    moved = [
        not torch.allclose(one, other, atol=1e-3)
        for one, other in zip(states(model, batch), states(source_of(), batch), strict=True)
    ]
    assert moved == batch.is_target.tolist()


def test_blocks_without_batch_norms_get_none() -> None:
    model = adapted(DomainBatchNorm(affine="own"), source_of("bilstm"), speech())
    assert [one.block for one in model.inserted.insertions] == ["input"]
    assert norms_of(model.encoder[0]) == {}


def test_tests_that_do_not_say_the_domain_are_told() -> None:
    """They would be read through the source's norms, and nothing else would show it."""
    data = speech()
    model = begun(DomainBatchNorm(), data)

    def test_set(*domains: str | None) -> Corpus:
        rows = [
            Utterance(f"t/{place}", f"/{place}.wav", "a", "en", "cat", domain, 1.0, "test")
            for place, domain in enumerate(domains)
        ]
        return Corpus.from_utterances("t", rows)

    assert strange_domains_in_tests(model, {"t": test_set("uk", "uk", "us")}, data) == []
    (told,) = strange_domains_in_tests(model, {"t": test_set("uk", None, "Uk")}, data)
    assert told.startswith("t: 2 of 3 utterances are of no domain that has parts of its own (uk), and are")
    assert "without them: Uk, not named. If they are of one, say it: --tests.0.as-domain NAME" in told
    plain = begun(MixedBatches(), data)
    assert strange_domains_in_tests(plain, {"t": test_set(None)}, data) == []


def test_speech_that_names_no_domain_is_told_where_there_are_parts_for_some(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = begun(DomainBatchNorm(), speech())
    advise_on_unnamed_domains(model, ["uk", "us"], "t")
    advise_on_unnamed_domains(source_of(), [None], "t")
    assert caplog.text == ""
    advise_on_unnamed_domains(model, ["uk", None, None], "t")
    assert (
        "t: 2 of 3 name no domain, and are heard without the parts that the model has for uk" in caplog.text
    )
