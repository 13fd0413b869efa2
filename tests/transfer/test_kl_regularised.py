"""KL-divergence regularisation: what is compared with the source, by which weight, and what may move."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
from conservative import WORDS, a_source, a_target, adapted, equal, trained
from torch import Tensor, nn
from torch.nn import functional as F
from toy_speech import TINY, examples

from speechtl.augment import AugmentSettings, SpecAugment
from speechtl.batches import Batch
from speechtl.experiment import Experiment, load_recipe
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel, Encoded
from speechtl.models.inputs import DomainInput
from speechtl.models.inserted import Insertion
from speechtl.transfer import L2SP, Composed, KLRegularised, Transfer
from speechtl.transfer.data import ForwardPass

CLASSIFIER = replace(TINY, head="classifier")


def terms(method: Transfer, model: AcousticModel, source: AcousticModel, batch: Batch) -> dict[str, Tensor]:
    return method.losses(model, source, batch, 0.0)


def moved(model: AcousticModel, by: float = 0.3) -> AcousticModel:
    """The same model elsewhere."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in model.parameters():
            value += by * value.std(correction=0) * torch.randn(value.shape, generator=generator)
    return model


def gradient(model: AcousticModel, loss: Tensor) -> Tensor:
    """Of all parameters, in a row."""
    found = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    return torch.cat([value.flatten() for value in found if value is not None])


@pytest.mark.parametrize("language", ["en", "de"])
def test_without_a_share_it_is_fine_tuning_bit_for_bit(tmp_path: Path, language: str) -> None:
    source, data = a_source("en", "fr"), a_target(language)
    plain = trained(Transfer(), source, data, tmp_path)
    assert equal(trained(KLRegularised(rho=0), source, data, tmp_path).model, plain.model)
    assert not equal(trained(KLRegularised(rho=0.5), source, data, tmp_path / "half").model, plain.model)


@pytest.mark.parametrize(("settings", "languages"), [(TINY, ["en"]), (TINY, ["xx"]), (CLASSIFIER, ["en"])])
def test_the_divergence_has_no_value_and_no_gradient_at_the_source(
    settings: object, languages: list[str]
) -> None:
    """Under the same masks, in eval mode; through the one head, and for a new language through all."""
    source = a_source("en", "fr", settings=settings)
    model = adapted(KLRegularised(), source, a_target("en")).requires_grad_(True).eval()
    speech, _, _ = examples(6, ("en",))
    labels = [[1 + number % len(WORDS)] for number in range(6)]
    batch = replace(speech, labels=labels, languages=languages * 6).batch(range(6))
    batch = replace(batch, masking=SpecAugment(AugmentSettings(), 3, 80))
    known = replace(batch, languages=("en",) * 6)
    compared = KLRegularised(rho=1).terms({}, ForwardPass(model, source, batch, model.encode(batch), 0.0))
    assert compared["kl"].abs().max() < 1e-4
    reference = gradient(model, sum(terms(Transfer(), model, source, known).values()).sum())
    assert gradient(model, compared["kl"].sum()).norm() < 1e-5 * reference.norm()

    other = replace(batch, masking=SpecAugment(AugmentSettings(), 4, 80))
    differing = KLRegularised(rho=1).terms({}, ForwardPass(model, source, other, model.encode(batch), 0.0))
    assert differing["kl"].max() > 1e-3, "other masks are other speech"


@dataclass(frozen=True)
class FrameClassifier:
    """Scores of frames in float64, with what the method asks of a model."""

    logits: Tensor
    lengths: Tensor
    tokenizers: ClassVar = {"en": None}
    inputs: ClassVar = SimpleNamespace(domains=[])
    training = warps = False

    def encode(self, batch: Batch) -> Encoded:
        return Encoded({"main": self.logits}, self.lengths)

    def log_probs(self, encoded: Encoded, language: str, rows: Tensor) -> Tensor:
        return encoded.states["main"][rows].log_softmax(2)

    def output_lengths(self, encoded: Encoded, language: str, rows: Tensor) -> Tensor:
        return encoded.lengths[rows]


@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0])
def test_the_gradient_of_a_frame_classifier_is_that_of_the_interpolated_targets(rho: float) -> None:
    """(1 - ρ)∇CE + ρ∇KL, which is p minus the targets (1 - ρ) label + ρ p_source at every real frame."""
    generator = torch.Generator().manual_seed(0)
    shape, lengths = (3, 7, 5), torch.tensor([7, 4, 1])
    logits, taught = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    labels = torch.randint(5, shape[:2], generator=generator)
    real = torch.arange(7) < lengths.unsqueeze(1)
    logits.requires_grad_()
    student, teacher = FrameClassifier(logits, lengths), FrameClassifier(taught, lengths)
    entropy = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    losses = {"classification": (entropy * real).sum(1)}
    batch = SimpleNamespace(languages=("en",) * 3, domains=(None,) * 3, ids=("a", "b", "c"))
    found = KLRegularised(rho=rho).terms(
        losses, ForwardPass(student, teacher, batch, student.encode(batch), 0.0)
    )

    divergence = (taught.softmax(2) * (taught.log_softmax(2) - logits.log_softmax(2))).sum(2)
    (of_labels,) = torch.autograd.grad(losses["classification"].sum(), logits, retain_graph=True)
    (of_source,) = torch.autograd.grad((divergence * real).sum(), logits)
    (own,) = torch.autograd.grad(sum(value.sum() for value in found.values()), logits)
    assert (own - ((1 - rho) * of_labels + rho * of_source)).abs().max() < 1e-12
    targets = (1 - rho) * F.one_hot(labels, 5).double() + rho * taught.softmax(2)
    closed = (logits.softmax(2) - targets) * real.unsqueeze(2)
    assert (own - closed).abs().max() < 1e-12


def test_the_terms_are_weighted_sums_over_an_utterance_s_frames() -> None:
    """As CTC's losses are: not divided by frames, and averaged over the batch's utterances later."""
    source, data = a_source("en", "fr"), a_target("en")
    model = moved(adapted(KLRegularised(), source, data)).eval()
    batch = data.target.batch(range(5))
    found = terms(KLRegularised(rho=0.3), model, source, batch)
    assert list(found) == ["ctc", "kl"]
    plain = terms(Transfer(), model, source, batch)
    assert torch.allclose(found["ctc"], 0.7 * plain["ctc"])
    assert list(terms(KLRegularised(rho=1), model, source, batch)) == ["kl"]
    for row in range(5):
        alone = data.target.batch([row])
        mine, theirs = (one.log_probs(one.encode(alone), "en")[0] for one in (model, source))
        expected = sum(
            F.kl_div(a, b, reduction="sum", log_target=True) for a, b in zip(mine, theirs, strict=True)
        )
        assert found["kl"][row].item() == pytest.approx(0.3 * expected.item(), rel=1e-4)


def test_padding_changes_no_divergence() -> None:
    source, data = a_source("en"), a_target("en")
    model = moved(adapted(KLRegularised(), source, data)).eval()
    batch = data.target.batch(range(6))
    padded = replace(batch, waveforms=F.pad(batch.waveforms, (0, 20_000)))
    one, other = (terms(KLRegularised(), model, source, which)["kl"] for which in (batch, padded))
    assert torch.allclose(one, other, rtol=1e-5, atol=1e-5)
    assert one.min() > 1e-3


def test_a_new_language_is_compared_through_every_head_of_the_source_and_the_mean_counts() -> None:
    source, data = a_source("en", "fr"), a_target("de")
    model = moved(adapted(KLRegularised(), source, data)).eval()
    batch = data.target.batch(range(4))
    whole = terms(KLRegularised(), model, source, batch)["kl"]
    each = [
        KLRegularised().terms({}, ForwardPass(model, source, named, model.encode(named), 0.0))["kl"]
        for named in (replace(batch, languages=(tag,) * 4) for tag in ("en", "fr"))
    ]
    assert not torch.allclose(*each, rtol=0.01)
    assert torch.allclose(whole, (each[0] + each[1]) / 2, rtol=1e-5)
    mixed = replace(batch, languages=("en", "de", "fr", "de"))
    found = KLRegularised().terms({}, ForwardPass(model, source, mixed, model.encode(mixed), 0.0))["kl"]
    assert torch.allclose(found, torch.stack([each[0][0], whole[1], each[1][2], whole[3]]), rtol=1e-5)


@pytest.mark.parametrize("source_heads", ["trained", "frozen"])
def test_the_source_s_heads_are_trained_by_the_comparison_or_stay(tmp_path: Path, source_heads: str) -> None:
    source, data = a_source("en", "fr"), a_target("de")
    method = KLRegularised(source_heads=source_heads)
    after = trained(method, source, data, tmp_path).model.state_dict()
    before = source.state_dict()
    kept = [name for name in before if name.startswith(("heads.en", "heads.fr", "shared_blank"))]
    assert len(kept) == 6
    stays = [torch.equal(before[name], after[name]) for name in kept]
    assert stays == [source_heads == "frozen"] * 6


def test_of_a_known_language_only_its_own_head_is_trained() -> None:
    model = adapted(KLRegularised(), a_source("en", "fr"), a_target("en"))
    assert model.head("en").units.weight.requires_grad
    assert not model.head("fr").units.weight.requires_grad


def test_the_teacher_never_moves_is_never_in_training_and_takes_no_gradient(tmp_path: Path) -> None:
    source, data = a_source("en", "fr"), a_target("de")
    before = {name: tensor.clone() for name, tensor in source.state_dict().items()}
    seen, own = [], set(source.modules())

    def note(module: nn.Module, *_: object) -> None:
        if module in own:  # the model is a copy, hooks and all
            seen.append((module.training, torch.is_grad_enabled()))

    for module in own:
        module.register_forward_hook(note)
    trained(KLRegularised(), source, data, tmp_path)
    assert set(seen) == {(False, False)}
    assert all(torch.equal(before[name], tensor) for name, tensor in source.state_dict().items())
    assert all(value.grad is None for value in source.parameters())
    model = adapted(KLRegularised(), source, data)
    with pytest.raises(AssertionError, match="eval mode"):
        terms(KLRegularised(), model, source.train(), data.target.batch([0]))


def test_a_classifier_s_divergence_is_that_of_its_classes() -> None:
    source, data = a_source("en", settings=CLASSIFIER), a_target("en")
    model = moved(adapted(KLRegularised(), source, data)).eval()
    batch = data.target.batch(range(3))
    found = KLRegularised(rho=1).terms({}, ForwardPass(model, source, batch, model.encode(batch), 0.0))["kl"]
    mine, theirs = (one.log_probs(one.encode(batch), "en")[:, 0, 1:] for one in (model, source))
    assert torch.allclose(found, F.kl_div(mine, theirs, reduction="none", log_target=True).sum(1), rtol=1e-4)
    assert torch.isfinite(gradient(model, found.sum())).all()


@pytest.mark.parametrize("rho", [-0.1, 1.1])
def test_a_share_is_from_0_to_1(rho: float) -> None:
    with pytest.raises(ValueError, match="expected a number from 0 to 1"):
        KLRegularised(rho=rho)


def test_what_makes_no_sense_is_refused_in_a_sentence() -> None:
    source = a_source("en")
    with pytest.raises(ValueError, match=r"the new head for de would never learn; choose a rho below 1"):
        adapted(KLRegularised(rho=1), source, a_target("de"))
    data = a_target("en")
    model = adapted(KLRegularised(), source, data)
    model.inputs.add(DomainInput("telephone", FeatureSettings(mels=40, f_max=4000.0)), seed=0)
    batch = replace(data.target, domains=["telephone"] * len(data.target)).batch([0, 1])
    with pytest.raises(ValueError, match=r"no input for telephone.*leave the input out of the recipe"):
        terms(KLRegularised(), model, source, batch)
    with pytest.raises(ValueError, match="KLRegularised needs a source"):
        replace(load_recipe("taiwanese/kl"), source=None, source_tests=())


def test_the_recipe_differs_from_fine_tuning_in_its_method_and_its_rate_only() -> None:
    recipe, control = load_recipe("taiwanese/kl"), load_recipe("taiwanese/finetune")
    train = replace(recipe.train, lr=control.train.lr)
    assert replace(recipe, name=control.name, method=control.method, train=train) == control
    assert Experiment.from_dict(recipe.to_dict()).method == KLRegularised(rho=0.1)


def test_terms_of_other_methods_keep_their_weight_in_either_order() -> None:
    source, data = a_source("en", "fr"), a_target("de")
    methods = L2SP(alpha=2.0), KLRegularised(rho=0.3)
    batch, found = data.target.batch(range(4)), []
    for order in (methods, methods[::-1]):
        composed = Composed(methods=order)
        model = moved(adapted(composed, source, data)).eval()
        assert model.head("en").units.weight.requires_grad, "the comparison trains it"
        assert {group.weight_decay for group in composed.groups(model, 0.5)} == {0.0}
        found.append(terms(composed, model, source, batch))
    assert found[0].keys() == found[1].keys() == {"ctc", "kl", "l2_sp"}
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())
    assert torch.allclose(found[0]["ctc"], 0.7 * terms(Transfer(), model, source, batch)["ctc"])
    assert torch.equal(found[0]["l2_sp"], terms(methods[0], model, source, batch)["l2_sp"])


def test_where_the_model_warps_the_filters_the_source_hears_the_same() -> None:
    """As it does on a CPU, where the features of a batch are made before."""
    source = a_source("en", "fr")
    model = copy.deepcopy(source)
    warp = model.insert(Insertion("warp", "input", "speaker", ("ann",)))
    warp.factors.fill_(1.2)
    speech = replace(examples(4, ("en",))[0], speakers=["ann", None, "ann", "bob"])
    batch = speech.batch(range(4))
    batches = {"waveforms": batch, "features": model.featurized(batch)}
    assert batches["features"].features is not None
    assert not equal_states(source, batch, batches["features"])
    for name, one in batches.items():
        forward = ForwardPass(model.eval(), source, one, model.encode(one), 0.0)
        assert KLRegularised(rho=1).terms({}, forward)["kl"].abs().max() < 1e-4, name


def equal_states(model: AcousticModel, one: Batch, other: Batch) -> bool:
    states = [model.encode(batch).states["main"] for batch in (one, other)]
    return torch.allclose(*states, atol=1e-5)


def test_where_heads_alone_are_trained_those_of_other_languages_stay() -> None:
    """Behind an encoder that is the source's they could only decay."""
    source, data = a_source("en", "fr"), a_target("de")
    model = adapted(KLRegularised(trains="head"), source, data)
    assert {f.block for f in model.fates.values() if not f.frozen} == {"head.de"}
    whole = adapted(KLRegularised(), source, data)
    assert {"head.en", "head.fr"} <= {f.block for f in whole.fates.values() if not f.frozen}
