"""The Fisher information: exact values, what sampling converges to, and what it must not depend on."""

import itertools
from dataclasses import replace

import pytest
import torch
from conservative import a_source, a_target
from torch import Tensor
from torch.nn import functional as F
from toy_speech import TINY, examples

from speechtl.batches import Examples
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.models.heads import ctc_losses
from speechtl.text import Tokenizer
from speechtl.transfer.fisher import Sampled, Weighted, collapse, diagonal_fisher, enumerated

CLASSIFIER = replace(TINY, head="classifier")


def sampled(samples: int, seed: int = 0) -> Sampled:
    return Sampled(samples, torch.Generator().manual_seed(seed))


def two_classes() -> tuple[AcousticModel, Examples]:
    """A logistic regression behind a frozen encoder, and speech for it."""
    model = a_source("en", settings=CLASSIFIER)
    for value in model.head("en").parameters():
        value.requires_grad_(True)
    with torch.no_grad():
        model.head("en").units.bias.copy_(torch.tensor([0.4, -0.4]))
    return model, examples(3)[0]


def by_hand(model: AcousticModel, speech: Examples) -> tuple[Tensor, Tensor]:
    """p(1 - p)x² and p(1 - p), means over the speech, for the weights and biases of both classes."""
    weights, biases = [], []
    for index in range(len(speech)):
        encoded = model.encode(speech.batch([index]))
        x = encoded.states["main"][0].mean(0)
        p = torch.sigmoid((model.head("en").units.weight @ x + model.head("en").units.bias).diff())
        weights.append((p * (1 - p) * x.square()).detach().expand(2, -1))
        biases.append((p * (1 - p)).detach().expand(2))
    return torch.stack(weights).mean(0), torch.stack(biases).mean(0)


def test_of_a_logistic_regression_it_is_p_times_1_minus_p_times_x_squared() -> None:
    model, speech = two_classes()
    found = diagonal_fisher(model, speech, enumerated, utterances=3, seed=0)
    weight, bias = by_hand(model, speech)
    assert found.keys() == {"heads.en.units.weight", "heads.en.units.bias"}
    assert torch.allclose(found["heads.en.units.weight"], weight, rtol=1e-4)
    assert torch.allclose(found["heads.en.units.bias"], bias, rtol=1e-4)


def test_sampled_labels_converge_to_it() -> None:
    model, speech = two_classes()
    expected, _ = by_hand(model, speech)
    errors = []
    for samples in (10, 1500):
        found = diagonal_fisher(model, speech, sampled(samples), utterances=3, seed=0)
        errors.append((found["heads.en.units.weight"] / expected - 1).abs().max())
    assert errors[1] < 0.05
    assert errors[1] < errors[0]


def all_sequences(log_probs: Tensor, is_ctc: bool) -> list[Weighted]:
    """Every label sequence of a short clip with the probability of all its paths."""
    assert is_ctc
    shares: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        labels = tuple(collapse(torch.tensor(path)).tolist())
        probability = log_probs[range(len(path)), path].sum().exp().item()
        shares[labels] = shares.get(labels, 0.0) + probability
    return [Weighted(share, torch.tensor(labels, dtype=torch.int64)) for labels, share in shares.items()]


@pytest.fixture
def short() -> tuple[AcousticModel, Examples]:
    """A CTC head of two units whose blank is no favourite, behind a frozen encoder, and one short clip."""
    tokenizers = {"en": Tokenizer.fit(["ao"], "en")}
    model = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=3).eval().requires_grad_(False)
    with torch.no_grad():
        model.shared_blank.bias.zero_()
    model.head("en").units.weight.requires_grad_(True)
    speech = examples(1)[0]
    clip = [speech.waveforms[0][:1600]]
    return model, replace(speech, waveforms=clip, seconds=speech.seconds * 0 + 0.1)


def test_sampled_ctc_converges_to_all_label_sequences(short: tuple[AcousticModel, Examples]) -> None:
    model, speech = short
    exact = diagonal_fisher(model, speech, all_sequences, utterances=1, seed=0)["heads.en.units.weight"]
    found = diagonal_fisher(model, speech, sampled(1500), utterances=1, seed=0)["heads.en.units.weight"]
    assert exact.max() > 1e-3
    assert (found - exact).norm() < 0.1 * exact.norm()


def test_a_path_is_drawn_with_the_probability_that_ctc_gives_its_labels(
    short: tuple[AcousticModel, Examples],
) -> None:
    model, speech = short
    encoded = model.encode(speech.batch([0]))
    log_probs = model.log_probs(encoded, "en").detach()
    expected = all_sequences(log_probs[0], True)
    assert sum(entry.share for entry in expected) == pytest.approx(1, abs=1e-4)
    drawn = [tuple(entry.labels.tolist()) for entry in sampled(5000)(log_probs[0], True)]
    for share, labels in expected:
        count, padded = torch.tensor([len(labels)]), F.pad(labels, (0, 1)).unsqueeze(0)
        loss = ctc_losses(log_probs, encoded.lengths, padded, count)[0]
        assert (-loss).exp().item() == pytest.approx(share, rel=1e-3)
        assert drawn.count(tuple(labels.tolist())) / 5000 == pytest.approx(share, abs=0.03)


def test_it_is_the_mean_over_utterances_one_at_a_time() -> None:
    """Not the square of the batch's mean gradient, which is smaller."""
    model, speech = two_classes()
    whole = diagonal_fisher(model, speech, enumerated, utterances=3, seed=0)
    alone = [
        diagonal_fisher(
            model,
            replace(speech, waveforms=[speech.waveforms[i]], ids=["a"]),
            enumerated,
            utterances=1,
            seed=0,
        )
        for i in range(3)
    ]
    for name, value in whole.items():
        assert torch.allclose(value, sum(one[name] for one in alone) / 3, rtol=1e-4)


def test_transcripts_are_not_looked_at_and_draws_are_pinned() -> None:
    model = a_source("en", "fr").requires_grad_(True)
    speech = a_target("de").source
    other = replace(speech, labels=[[1]] * len(speech))
    one, again, third = (
        diagonal_fisher(model, which, sampled(1, seed), utterances=4, seed=seed)
        for which, seed in ((speech, 0), (other, 0), (speech, 1))
    )
    assert all(torch.equal(value, again[name]) for name, value in one.items())
    assert not all(torch.equal(value, third[name]) for name, value in one.items())


def test_the_model_is_left_as_it_was_and_heard_in_eval_mode() -> None:
    model = a_source("en", "fr").requires_grad_(True).train()
    model.encoder[0].eval()
    modes = [module.training for module in model.modules()]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    speech = a_target("de").source
    in_training = diagonal_fisher(model, speech, sampled(1), utterances=4, seed=0)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(value.grad is None for value in model.parameters())
    evaluated = diagonal_fisher(model.eval(), speech, sampled(1), utterances=4, seed=0)
    assert all(torch.equal(value, in_training[name]) for name, value in evaluated.items())


def test_where_no_speech_gets_there_is_none() -> None:
    model = a_source("en", "fr").requires_grad_(True)
    speech = replace(a_target("de").source, languages=["en"] * 10)
    found = diagonal_fisher(model, speech, sampled(1), utterances=3, seed=0)
    assert found.keys() == {name for name, _ in model.named_parameters()}
    assert (found["heads.fr.units.weight"] == 0).all()
    assert (found["heads.en.units.weight"] > 0).any()
