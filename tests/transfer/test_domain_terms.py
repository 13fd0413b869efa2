"""What every term that draws two domains together must do, and what its control is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conservative import SHORT, a_source, adapted, equal
from torch import Tensor
from torch.nn import functional as F
from two_domains import begun, logged, mixed, speech, trained

from speechtl.augment import AugmentSettings
from speechtl.batches import Examples, concatenate
from speechtl.method_json import method_from_json, method_to_json
from speechtl.transfer import CORAL, DANN, MMD, Composed, MixedBatches, Transfer
from speechtl.transfer.base import StreamSettings, TransferData
from speechtl.transfer.receipt import Beginning, require_sound

TERMS = {"mmd": MMD(blocks=("encoder.0", "norm")), "coral": CORAL(weight=30.0, blocks=("encoder.0", "norm"))}
every_term = pytest.mark.parametrize("name", list(TERMS))


@every_term
@pytest.mark.parametrize("has_source", [False, True])
def test_without_weight_it_trains_as_the_mixed_batches_bit_for_bit(
    tmp_path: Path, name: str, has_source: bool
) -> None:
    data, source = speech(), a_source("en", "fr") if has_source else None
    control = trained(MixedBatches(), data, tmp_path / "control", source=source)
    without = trained(replace(TERMS[name], weight=0.0), data, tmp_path / "without", source=source)
    assert equal(without, control)
    assert not equal(trained(TERMS[name], data, tmp_path / "with", source=source), control)


@every_term
def test_the_log_has_the_distance_without_the_weight(tmp_path: Path, name: str) -> None:
    """At the second step the model is the untrained one whatever the weight, since the first has rate 0."""
    second = []
    for weight in (0.0, 1.0, 50.0):
        method = replace(TERMS[name], weight=weight)
        trained(method, speech(), tmp_path / str(weight), replace(SHORT, steps=2))
        line = logged(tmp_path / str(weight))[1]
        second.append(line[f"{name}_distance"])
        assert line[name] == pytest.approx(weight * second[-1], rel=1e-3, abs=1e-5)
    assert second[0] == second[1] == second[2] != 0


@every_term
def test_the_labels_loss_is_untouched_and_the_gradient_grows_with_the_weight(name: str) -> None:
    data = speech()
    model, batch = begun(TERMS[name], data).eval(), mixed(data)
    gradients = []
    for weight in (0.0, 50.0, 100.0):
        losses = replace(TERMS[name], weight=weight).losses(model, None, batch, 0.0)
        assert set(losses) == {"ctc", name}
        assert losses[name].requires_grad == (weight > 0)
        model.zero_grad()
        (losses["ctc"].mean() + losses[name]).backward()
        found = [value.grad.flatten() for value in model.encoder.parameters() if value.grad is not None]
        gradients.append(torch.cat(found))
    alone, once, twice = gradients
    assert (once - alone).norm() > 1e-6
    assert torch.allclose(twice - alone, 2 * (once - alone), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("method", [MixedBatches(), DANN(), *TERMS.values()], ids=lambda one: one.label)
def test_one_pass_over_both_domains_whose_norms_see_all_frames(method: Transfer) -> None:
    """Separate passes would give each domain its own statistics, and their last one the running mean."""
    data = speech()
    model, batch = begun(method, data).train(), mixed(data)
    norm = model.encoder[0].norm
    heard: list[Tensor] = []
    norm.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0].detach()))
    before = norm.running_mean.clone()
    method.losses(model, None, batch, 0.0)
    (rows,), after = heard, norm.running_mean.clone()
    real = torch.arange(rows.shape[1]) < model.encode(batch).lengths[:, None]
    assert len(set(batch.domains)) == 2
    assert torch.allclose(after, before + norm.momentum * (rows[real].mean(dim=0) - before), atol=1e-5)


@every_term
def test_labels_of_the_unlabelled_speech_change_nothing(tmp_path: Path, name: str) -> None:
    data = speech()
    told = replace(data, unlabelled=replace(data.unlabelled, labels=[[1, 2, 3]] * 12))
    models = [trained(TERMS[name], one, tmp_path / way) for way, one in (("none", data), ("told", told))]
    assert equal(*models)


@every_term
@pytest.mark.parametrize("adversary", [False, True])
def test_a_few_labelled_utterances_of_the_target_domain_are_on_its_side(
    tmp_path: Path, name: str, adversary: bool
) -> None:
    """They are trained on with their labels, and told apart from those of the other domain."""
    few = speech(domains=["us"] * 8 + ["uk"] * 4)
    method = DANN() if adversary else TERMS[name]
    batch = few.with_domains().target.batch([0, 1, 8, 9])
    assert (batch.is_labelled.all(), batch.is_target.tolist()) == (True, [False, False, True, True])
    model = trained(method, few, tmp_path / "few", source=a_source("en", "fr"))
    none = trained(method, speech(), tmp_path / "none", source=a_source("en", "fr"))
    assert not equal(model, none), "the term is between other sides"
    assert all(np.isfinite(value) for line in logged(tmp_path / "few") for value in line.values() if value)


def test_the_unlabelled_speech_is_drawn_by_another_seed() -> None:
    data = speech()
    data = replace(data, unlabelled=replace(data.target, domains=["uk"] * 12))
    streams = MixedBatches().mixed_streams(data, StreamSettings(8.0, seed=2))
    assert streams["target"].seed == 2
    same = [streams["target"].batch(step).ids == streams["unlabelled"].batch(step).ids for step in range(6)]
    assert not all(same)


@every_term
def test_padding_changes_nothing(name: str) -> None:
    data = speech()
    model, batch = begun(TERMS[name], data), mixed(data)
    longer = replace(batch, waveforms=F.pad(batch.waveforms, (0, 30_000)))
    for mode in (False, True):
        model.train(mode)
        one, other = (TERMS[name].losses(model, None, b, 0.5)[name].item() for b in (batch, longer))
        assert one == pytest.approx(other, abs=1e-5)


@every_term
@pytest.mark.parametrize(("labelled", "unlabelled"), [(5, 1), (1, 5), (5, 0), (0, 5)])
def test_a_batch_with_hardly_anything_of_a_domain_adds_nothing(
    name: str, labelled: int, unlabelled: int
) -> None:
    data = speech()
    told = data.with_domains()
    parts = [(told.target, labelled), (told.unlabelled_speech, unlabelled)]
    joined = concatenate([examples.batch(range(count)) for examples, count in parts if count])
    model = begun(TERMS[name], data).eval()
    losses = TERMS[name].losses(model, None, joined, 0.5)
    assert losses[name].item() == 0
    if labelled:
        sum(loss.sum() for loss in losses.values()).backward()
        gradients = [value.grad for value in model.parameters() if value.grad is not None]
        assert len(gradients) > 10
        assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert model.helpers[name].measures == {}, "a distance of 0 would say that the domains agree"


@every_term
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path: Path, name: str) -> None:
    data, method = speech(), TERMS[name]
    whole = trained(method, data, tmp_path / "whole")
    trained(method, data, tmp_path / "stopped", last=4)
    assert len(logged(tmp_path / "stopped")) == 4
    assert equal(trained(method, data, tmp_path / "stopped"), whole)
    one, other = ([line[name] for line in logged(tmp_path / n)] for n in ("whole", "stopped"))
    assert one == other


@every_term
def test_in_half_precision_the_distance_is_that_of_single_precision(name: str) -> None:
    data = speech()
    model, batch = begun(TERMS[name], data).eval(), mixed(data)
    encoded = model.encode(batch, TERMS[name].taps)
    plain = TERMS[name].losses(model, None, batch, 0.5)[name]
    with torch.autocast("cpu", torch.bfloat16):
        mixed_precision = TERMS[name].losses(model, None, batch, 0.5)[name]
    assert mixed_precision.dtype == torch.float32
    assert mixed_precision.item() == pytest.approx(plain.item(), rel=0.1, abs=1e-3)
    assert set(encoded.taps) == {"encoder.0", "norm"}


@every_term
def test_it_leaves_nothing_behind_and_its_receipt_is_sound(tmp_path: Path, name: str) -> None:
    data, source = speech(), a_source("en", "fr")
    begun_from = Beginning.of(adapted(TERMS[name], source, data), source)
    model = trained(TERMS[name], data, tmp_path, source=source)
    require_sound(begun_from.receipt(model, name, "source"), tmp_path)
    assert len(model.helpers) == 0
    assert model.state_dict().keys() == source.state_dict().keys()


@every_term
def test_what_means_nothing_is_refused(name: str) -> None:
    method, data = TERMS[name], speech()
    with pytest.raises(ValueError, match=r"no block named 'encoder.7' has states; this model has input, enc"):
        begun(replace(method, blocks=("encoder.7",)), data)
    with pytest.raises(ValueError, match=r"no block named 'head.en' has states"):
        begun(replace(method, blocks=("head.en",)), data)
    with pytest.raises(ValueError, match=r"expected one block or more"):
        begun(replace(method, blocks=()), data)
    with pytest.raises(ValueError, match="expected 0 or more"):
        replace(method, weight=-1.0)
    with pytest.raises(ValueError, match="trains=head freezes every block"):
        replace(method, trains="head")


def test_both_terms_together_are_both(tmp_path: Path) -> None:
    data, method = speech(), Composed(methods=(MMD(), CORAL(weight=30.0, blocks=("encoder.1",))))
    assert method.taps == ("norm", "encoder.1")
    assert method_from_json(json.loads(json.dumps(method_to_json(method)))) == method
    trained(method, data, tmp_path)
    assert {"ctc", "mmd", "coral"} <= logged(tmp_path)[-1].keys()


def test_the_control_hears_half_of_each_and_keeps_the_last_weights() -> None:
    data, method = speech(), MixedBatches()
    assert not method.chooses_on_dev
    streams = method.mixed_streams(data, StreamSettings(batch_seconds=6, seed=0))
    assert list(streams) == ["target", "unlabelled"]
    batches = {name: stream.batch(0) for name, stream in streams.items()}
    assert all(batches["target"].is_labelled)
    assert not any(batches["unlabelled"].is_labelled)
    assert all(batches["unlabelled"].is_target)
    assert not any(batches["target"].is_target)
    assert all(stream.batch_seconds == 3 for stream in streams.values())


def test_the_control_is_fine_tuning_but_for_what_it_hears(tmp_path: Path) -> None:
    """Its batch norms hear the unlabelled speech, and its loss does not."""
    data = speech()
    model, batch = begun(MixedBatches(), data), mixed(data)
    assert set(MixedBatches().losses(model, None, batch, 0.0)) == {"ctc"}
    alone = trained(Transfer(), data, tmp_path / "alone")
    both = trained(MixedBatches(), data, tmp_path / "both")
    name = "inputs.default.layers.first_norm.running_mean"
    assert not torch.equal(alone.state_dict()[name], both.state_dict()[name])


def of_length(seconds: float, count: int = 40) -> TransferData:
    """Silence of about so many seconds in each domain."""
    lengths = np.random.default_rng(0).uniform(0.9 * seconds, 1.1 * seconds, count)
    data = speech()

    def long(found: Examples, labels: list[int]) -> Examples:
        return replace(
            found,
            waveforms=[np.zeros(round(16_000 * length), np.int16) for length in lengths],
            seconds=lengths,
            labels=[labels] * count,
            languages=["en"] * count,
            ids=[str(number) for number in range(count)],
            speakers=[None] * count,
            domains=[found.domains[0]] * count,
        )

    assert data.unlabelled is not None
    return replace(data, target=long(data.target, [1]), unlabelled=long(data.unlabelled, []))


@every_term
def test_batches_that_hold_one_utterance_of_each_domain_are_refused_or_told(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Else nothing would be added, and a distance of 0 would say that the domains agree."""
    settings = StreamSettings(24.0, 0, AugmentSettings.off(), 1.0, True, None)

    def check(seconds: float, batch_seconds: float = 24.0) -> None:
        draws = replace(settings, batch_seconds=batch_seconds)
        TERMS[name].check_streams(TERMS[name].mixed_streams(of_length(seconds), draws), draws)

    check(3.0)
    assert not caplog.messages
    with pytest.raises(ValueError, match=r"0 % of the batches .* are 24 s long.*--train.batch-seconds"):
        check(9.0)
    check(5.9)
    (told,) = caplog.messages
    assert "With --train.batch-seconds 30 it would be 100 %" in told
    caplog.clear()
    check(5.9, 30.0)
    assert not caplog.messages


@every_term
def test_one_utterance_is_no_spread(name: str) -> None:
    data = of_length(1.0)
    alone = replace(data, unlabelled=data.unlabelled.some([0]))
    draws = StreamSettings(24.0, 0, AugmentSettings.off(), 1.0, True, None)
    with pytest.raises(ValueError, match=r"one utterance on a side \(\d+ with labels, 1 without\)"):
        TERMS[name].check_streams(TERMS[name].mixed_streams(alone, draws), draws)


@every_term
def test_where_longer_batches_do_not_help_none_are_advised(name: str) -> None:
    """Lengths that are far apart are never in one batch."""
    data = of_length(1.0)
    lengths = [int(1.2**place * 8000) for place in range(12)]
    unlabelled = replace(
        data.unlabelled,
        waveforms=[np.zeros(length, dtype=np.int16) for length in lengths],
        seconds=np.array(lengths) / 16_000,
        **{
            field: list(getattr(data.unlabelled, field))[:12]
            for field in ("labels", "languages", "ids", "speakers", "domains")
        },
    )
    draws = StreamSettings(300.0, 0, AugmentSettings.off(), 1.0, True, None)
    streams = TERMS[name].mixed_streams(replace(data, unlabelled=unlabelled), draws)
    with pytest.raises(ValueError, match="Longer batches would not mend it"):
        TERMS[name].check_streams(streams, draws)
