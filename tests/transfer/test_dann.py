"""DANN: what its head is told, what reaches the model, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conservative import WORDS, a_source, adapted
from torch import Tensor
from torch.nn import functional as F
from toy_speech import TINY
from two_domains import begun, mixed, silent, speech

from speechtl.augment import AugmentSettings
from speechtl.batches import Batch
from speechtl.models.acoustic import AcousticModel
from speechtl.text import Tokenizer
from speechtl.transfer import DANN, MMD, Composed, LayerTransfer, PseudoLabels, SourceReplay
from speechtl.transfer.data import ForwardPass, StreamSettings
from speechtl.transfer.domain_features import pooled

CLASSIFIER = replace(TINY, head="classifier")
WAYS = [DANN(), DANN(level="frame"), DANN(is_conditional=True), DANN(level="frame", is_conditional=True)]
every_way = pytest.mark.parametrize("method", WAYS, ids=lambda m: f"{m.level}-{m.is_conditional}")


def domain_loss(method: DANN, model: AcousticModel, batch: Batch, progress: float = 0.5) -> Tensor:
    return method.losses(model, None, batch, progress)["domain"]


@every_way
def test_the_features_get_minus_lambda_times_the_head_s_gradient_exactly(method: DANN) -> None:
    data = speech()
    model, batch = begun(method, data).eval(), mixed(data)
    encoded = model.encode(batch, method.taps)

    def gradient(weight: float) -> Tensor:
        one = replace(method, weight=weight, schedule="constant")
        forward = ForwardPass(model, None, batch, encoded, 0.5)
        loss = one.terms({}, forward)["domain"]
        (found,) = torch.autograd.grad(loss, encoded.taps["norm"], retain_graph=True)
        return found

    forwards = -gradient(1.0)
    assert forwards.abs().max() > 1e-5
    for weight in (0.3, 0.7, 2.5):
        assert torch.equal(gradient(weight), -weight * forwards)


@every_way
def test_the_head_s_gradients_do_not_know_lambda_and_the_model_s_are_linear_in_it(method: DANN) -> None:
    data = speech()
    model, batch = begun(method, data).eval(), mixed(data)
    heads, features = [], []
    for weight in (0.0, 1.0, 2.5):
        model.zero_grad()
        terms = replace(method, weight=weight, schedule="constant").losses(model, None, batch, 0.0)
        (terms["ctc"].mean() + terms["domain"]).backward()
        named = {
            name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None
        }
        heads.append([named[name] for name in named if name.startswith("helpers.")])
        features.append(torch.cat([named[n].flatten() for n in named if n.startswith(("encoder", "inputs"))]))
    assert len(heads[0]) == 4
    for other in heads[1:]:
        assert all(torch.equal(one, two) for one, two in zip(heads[0], other, strict=True))
    g_labels, of_domains = features[0], features[0] - features[1]
    assert of_domains.norm() > 1e-4 * g_labels.norm()
    assert torch.allclose(features[2], g_labels - 2.5 * of_domains, rtol=1e-4, atol=1e-5)


@every_way
def test_padding_changes_no_loss(method: DANN) -> None:
    data = speech()
    model, batch = begun(method, data), mixed(data)
    longer = replace(batch, waveforms=F.pad(batch.waveforms, (0, 30_000)))
    for mode in (False, True):
        model.train(mode)
        one, other = (domain_loss(method, model, which).item() for which in (batch, longer))
        assert one == pytest.approx(other, abs=1e-5)


@every_way
def test_the_loss_is_what_it_is_by_hand(method: DANN) -> None:
    """Utterance by utterance on its real frames; then the mean of each domain, then of both."""
    data = speech()
    model, batch = begun(method, data).eval(), mixed(data)
    encoded = model.encode(batch, ("norm",))
    posteriors = model.log_probs(encoded, "en").exp()
    first, _, last = model.helpers["domain"].layers
    each = []
    for row, length in enumerate(encoded.lengths.tolist()):
        states, shares = encoded.taps["norm"][row, :length], posteriors[row, :length]
        if method.level == "utterance":
            states, shares = states.mean(0, keepdim=True), shares.mean(0, keepdim=True)
        if method.is_conditional:
            states = torch.stack([torch.outer(f, g).flatten() for f, g in zip(states, shares, strict=True)])
        scores = last(torch.relu(first(states)))
        each.append(F.cross_entropy(scores, torch.full((len(scores),), int(row >= 5))))
    expected = (torch.stack(each[:5]).mean() + torch.stack(each[5:]).mean()) / 2
    assert domain_loss(method, model, batch).item() == pytest.approx(expected.item(), rel=1e-5)


def test_both_domains_weigh_alike_however_many_utterances_they_have() -> None:
    data, method = speech(), DANN()
    model, batch = begun(method, data).eval(), mixed(data, 5, 2)
    mean = pooled(model.encode(batch, method.taps).taps["norm"], model.encode(batch).lengths)
    entropies = F.cross_entropy(model.helpers["domain"](mean), batch.is_target.long(), reduction="none")
    expected = (entropies[:5].mean() + entropies[5:].mean()) / 2
    assert domain_loss(method, model, batch).item() == pytest.approx(expected.item(), rel=1e-5)
    assert expected.item() != pytest.approx(entropies.mean().item(), rel=1e-4)


def test_labelled_speech_of_the_target_domain_is_of_the_target_s_class() -> None:
    data = speech(domains=["us"] * 10 + ["uk"] * 2)
    told = data.with_domains()
    assert told.target.is_target.tolist() == [False] * 10 + [True] * 2
    method = DANN()
    batch = told.target.batch([0, 10])
    _, classes = method._targets(batch, method.classes(data))
    assert classes.tolist() == [0, 1]
    assert batch.is_labelled.all()


@pytest.mark.parametrize("domain", ["uk", None])
def test_a_column_that_tells_the_domains_not_apart_tells_nothing(domain: str | None) -> None:
    """All labelled speech says that it is of the unlabelled domain, or neither says anything."""
    data = speech(domains=[domain] * 12)
    told = replace(data, unlabelled=replace(data.unlabelled, domains=[domain] * 12)).with_domains()
    assert not told.target.is_target.any()
    assert told.unlabelled_speech.batch(range(3)).is_target.all()
    assert not any(told.unlabelled_speech.labels)


def test_beside_the_source_s_speech_all_of_the_target_s_is_of_its_domain() -> None:
    """Replay brings the other domain, so that a target with a few labels is not taken for it."""
    data = replace(speech(domains=["uk"] * 12), source=replace(speech().target, is_target=False))
    method = Composed(methods=(SourceReplay(share=0.5), DANN()))
    settings = StreamSettings(24.0, 0, AugmentSettings.off(), 1.0, True, None)
    streams = method.mixed_streams(data, settings)
    sides = {name: np.unique(np.asarray(one.examples.is_target)).tolist() for name, one in streams.items()}
    assert sides == {"target": [True], "source": [False], "unlabelled": [True]}
    confident = Composed(methods=(DANN(), PseudoLabels())).mixed_streams(replace(data, source=None), settings)
    assert not np.any(confident["target"].examples.is_target), (
        "what it hears without labels is no other domain"
    )
    alone = DANN().mixed_streams(data, settings)
    assert not np.any(alone["target"].examples.is_target), "without it labelled is one side, as ever"


def test_a_reversal_before_which_nothing_is_trained_is_refused() -> None:
    data, kept = speech(), LayerTransfer(retrain="upper:1")
    with pytest.raises(ValueError, match=r"nothing is trained up to the block encoder.0"):
        adapted(Composed(methods=(kept, DANN(block="encoder.0"))), a_source("en", "fr"), data)
    adapted(Composed(methods=(kept, DANN(block="norm"))), a_source("en", "fr"), data)
    control = Composed(methods=(kept, DANN(block="encoder.0", weight=0.0)))
    adapted(control, a_source("en", "fr"), data)  # which changes nothing by its nature
    both = Composed(methods=(kept, DANN(block="encoder.0", weight=0.0), MMD()))
    adapted(both, a_source("en", "fr"), data)
    with pytest.raises(ValueError, match=r"nothing is trained up to the block encoder.0"):
        adapted(
            DANN(block="encoder.0", plan=("input=freeze", "encoder.0=freeze")), a_source("en", "fr"), data
        )


def test_an_utterance_without_a_value_counts_nothing() -> None:
    data = speech(speakers=["ann", None, "bob"] * 4)
    method = DANN(over="speaker")
    model, batch = begun(method, data).eval(), mixed(data)
    assert model.helpers["domain"].classes == ("ann", "bob", "cat", "dan")
    rows, _ = method._targets(batch, model.helpers["domain"].classes)
    assert rows.tolist() == [0, 2, 3, 5, 6, 7, 8, 9]
    one = domain_loss(method, model, batch)
    waves = batch.waveforms.clone()
    waves[[1, 4]] = waves[[1, 4]].flip(1)
    assert domain_loss(method, model, replace(batch, waveforms=waves)).item() == pytest.approx(
        one.item(), abs=1e-6
    )
    unknown = method.losses(model, None, replace(batch, speakers=(None,) * 10), 0.5)
    assert unknown["domain"] == 0
    assert set(model.helpers["domain"].measures) == {"domain_chance", "reversal"}


def test_a_conditional_head_sees_the_posteriors_of_each_utterance_s_language_without_a_gradient() -> None:
    data = speech(("en", "fr"))
    method = DANN(is_conditional=True)
    model, batch = begun(method, data).eval(), mixed(data, 2, 2)
    encoded = model.encode(batch, method.taps)
    joint = model.helpers["domain"].conditioning
    found = joint.posteriors(ForwardPass(model, None, batch, encoded, 0.0))
    assert found.shape == (4, encoded.states["main"].shape[1], 10)
    assert not found.requires_grad
    for row, language in enumerate(batch.languages):
        here = joint.places[language]
        assert torch.equal(found[row, :, here], model.log_probs(encoded, language)[row].exp())
        assert found[row].sum() == pytest.approx(found[row, :, here].sum().item())
    model.zero_grad()
    method.losses(model, None, batch, 1.0)["domain"].backward()
    assert model.head("en").units.weight.grad is None


@pytest.mark.parametrize("level", ["utterance", "frame"])
def test_a_classifier_s_posteriors_are_those_of_all_frames(level: str) -> None:
    source = a_source("en", settings=CLASSIFIER)
    found = speech()
    labels = [[1 + number % len(WORDS)] for number in range(12)]
    data = replace(found, target=replace(found.target, labels=labels), tokenizers=source.tokenizers)
    method = DANN(is_conditional=True, level=level)
    model = adapted(method, source, data).eval()
    batch = data.unlabelled.batch(range(3))
    encoded = model.encode(batch, method.taps)
    forward = ForwardPass(model, source, batch, encoded, 0.5)
    posteriors = model.helpers["domain"].conditioning.posteriors(forward)
    whole = model.log_probs(encoded, "en").exp()
    assert torch.equal(posteriors, whole.expand(-1, encoded.states["main"].shape[1], -1))
    assert posteriors[:, :, 0].max() == 0, "a classifier has no blank"
    assert torch.isfinite(method.terms({}, forward)["domain"])


@pytest.mark.parametrize("block", ["input", "encoder.0", "norm"])
def test_the_reversal_behind_a_block_reaches_what_lies_before_it_and_nothing_else(block: str) -> None:
    data, method = speech(), DANN(schedule="constant", block=block)
    model = begun(method, data)
    domain_loss(method, model, mixed(data)).backward()
    reached = {name.split(".helpers")[0] for name, v in model.named_parameters() if v.grad is not None}
    order = ["inputs", "encoder.0", "encoder.1", "norm"]
    behind = order[: 1 + {"input": 0, "encoder.0": 1, "norm": 3}[block]]
    assert {part for part in order if any(name.startswith(part) for name in reached)} == set(behind)
    assert not any(name.startswith("heads") for name in reached)


def test_its_loss_is_in_full_precision_under_autocast() -> None:
    data, method = speech(), DANN()
    model, batch = begun(method, data).eval(), mixed(data)
    exact = domain_loss(method, model, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = domain_loss(method, model, batch)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(exact.item(), rel=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": -1.0}, r"weight=-1.0: expected 0 or more"),
        ({"gamma": 0.0}, r"gamma=0.0: expected a number above 0.*schedule=constant"),
        ({"hidden": (100, 0)}, r"hidden=\(100, 0\): expected widths of 1 or more"),
        ({"trains": "head"}, "trains=head freezes every block that the reversal could change"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DANN(**changes)


def test_speech_and_blocks_that_it_can_make_nothing_of_are_refused_in_a_sentence() -> None:
    data = speech()
    with pytest.raises(ValueError, match=r"block='encoder.9'.*the nearest are encoder\.\d.*all are input, "):
        begun(DANN(block="encoder.9"), data)
    with pytest.raises(ValueError, match=r"block='head\.en' is no block before the heads"):
        begun(DANN(block="head.en"), data)
    with pytest.raises(
        ValueError, match=r"has en\. Fill the column `language` of both.*--method.over domain"
    ):
        begun(DANN(over="language"), data)
    nobody = replace(speech(speakers=[None] * 12), unlabelled=silent(speakers=[None] * 12))
    with pytest.raises(ValueError, match=r"speech has none\. Fill the column `speaker`"):
        begun(DANN(over="speaker"), nobody)
    with pytest.raises(ValueError, match="learns from speech without labels, and there is none"):
        begun(DANN(), replace(data, unlabelled=None))
    untold = replace(speech(domains=["us", "gb"] * 6), unlabelled=silent(domains=[None] * 12))
    with pytest.raises(
        ValueError, match=r"none of the unlabelled utterances says its domain.*as-domain NAME"
    ):
        begun(DANN(over="accent"), untold)
    unnamed = replace(data, unlabelled=silent(speakers=[None] * 12))
    with pytest.raises(ValueError, match=r"says its speaker.*of their corpus, or hide which speech"):
        begun(DANN(over="speaker"), unnamed)
    foreign = replace(data, unlabelled=silent(languages=("fr",)))
    with pytest.raises(ValueError, match=r"what the model reads in fr, and it will have no head"):
        begun(DANN(is_conditional=True), foreign)
    assert begun(DANN(), foreign).helpers["domain"].classes == ("source", "target")


def test_many_units_are_seen_through_maps_that_the_seed_draws() -> None:
    data = speech()
    many = replace(data, tokenizers={"en": Tokenizer("en", tuple(map(str, range(200))), "default")})
    method = DANN(is_conditional=True)
    one, again, other = (begun(method, many, seed).helpers["domain"] for seed in (0, 0, 1))
    assert one.conditioning.width == 1024
    assert all(torch.equal(v, again.state_dict()[n]) for n, v in one.state_dict().items())
    assert not torch.equal(one.conditioning.feature_map, other.conditioning.feature_map)
    assert not torch.equal(one.layers[0].weight, other.layers[0].weight)
