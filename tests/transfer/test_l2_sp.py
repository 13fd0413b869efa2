"""L2-SP: the penalty's value and gradient, what it leaves alone, and what it does in training."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conservative import SHORT, a_source, a_target, adapted, equal, trained
from torch import Tensor, nn
from torch.nn.utils import parametrize

from speechtl.experiment import Experiment, load_recipe
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inserted import Insertion
from speechtl.transfer import L2SP, Composed, InputAffine, Transfer
from speechtl.transfer.l2_sp import penalty

WITHOUT_DECAY = replace(SHORT, weight_decay=0.0)


def moved(model: AcousticModel) -> AcousticModel:
    """The same model elsewhere."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in model.parameters():
            value += torch.randn(value.shape, generator=generator)
    return model


def gradients(model: AcousticModel, loss: Tensor) -> dict[str, Tensor]:
    """By the names of the parameters that have one."""
    names, values = zip(*((n, v) for n, v in model.named_parameters() if v.requires_grad), strict=True)
    found = torch.autograd.grad(loss, values, allow_unused=True)
    return {name: value for name, value in zip(names, found, strict=True) if value is not None}


def test_without_strength_it_is_fine_tuning_without_weight_decay_bit_for_bit(tmp_path: Path) -> None:
    source, data = a_source("en", "fr"), a_target("de")
    plain = trained(Transfer(), source, data, tmp_path, WITHOUT_DECAY).model
    assert equal(trained(L2SP(alpha=0, beta=0), source, data, tmp_path, SHORT).model, plain)
    assert not equal(trained(L2SP(), source, data, tmp_path / "strong", SHORT).model, plain)


def test_value_and_gradient_are_0_at_the_source() -> None:
    source = a_source("en")
    model = adapted(L2SP(), source, a_target("en"))
    value = penalty(model, source, alpha=3.0, beta=5.0)
    assert value == 0
    found = gradients(model, value)
    assert found, "weights are pulled"
    assert all((gradient == 0).all() for gradient in found.values())


def test_the_gradient_is_alpha_times_the_distance_and_beta_times_new_weights() -> None:
    source, data = a_source("en", "fr"), a_target("de")
    method = L2SP(plan=("encoder.1=random",), head_rows="random")
    model = moved(adapted(method, source, data))
    found = gradients(model, penalty(model, source, alpha=0.3, beta=0.02))
    started = source.state_dict()
    new = {"heads.de.units.weight", "heads.de.blank.weight", "encoder.1.convolution.weight"}
    old = {
        "inputs.default.layers.first.weight",
        "inputs.default.layers.second.weight",
        "encoder.0.convolution.weight",
    }
    assert found.keys() == new | old, "no biases, no norms, no frozen heads"
    for name, value in model.named_parameters():
        if name in found:
            expected = 0.02 * value if name in new else 0.3 * (value - started[name])
            assert torch.allclose(found[name], expected, rtol=1e-5), name
    sizes = {name: value.detach() for name, value in model.named_parameters()}
    by_hand = 0.15 * sum((sizes[name] - started[name]).square().sum() for name in old)
    by_hand += 0.01 * sum(sizes[name].square().sum() for name in new)
    assert torch.allclose(penalty(model, source, 0.3, 0.02), by_hand, rtol=1e-5)


def test_what_is_inserted_is_pulled_to_the_identity_if_it_decays() -> None:
    source, data = a_source("en"), a_target("en")
    method = Composed(methods=(InputAffine(), L2SP(alpha=0.3, beta=0.02)), plan=("norm=train",))
    model = moved(adapted(method, source, data))
    found = gradients(model, penalty(model, source, alpha=0.3, beta=0.02))
    weights = {n: v for n, v in model.named_parameters() if n.startswith("inserted.") and n in found}
    assert [name for name, value in weights.items() if value.ndim > 1] == list(weights)
    assert weights
    for name, value in weights.items():
        assert torch.allclose(found[name], 0.02 * value, rtol=1e-5), name
    spared = model.inserted.without_decay("inserted.")
    assert spared
    assert not spared & found.keys(), "the bias"


def test_rows_mapped_from_the_source_are_new() -> None:
    source = a_source("en")
    data = replace(a_target("de"), unit_table={"ä": (("en", "a"),)})
    model = adapted(L2SP(), source, data)
    weights = [model.head("de").units.weight, model.head("de").blank.weight]
    expected = sum(weight.square().sum() for weight in weights) / 2
    assert torch.allclose(penalty(model, source, alpha=1.0, beta=1.0), expected)


class Doubled(nn.Module):
    def forward(self, value: Tensor) -> Tensor:
        return 2 * value


def test_a_parametrised_weight_is_pulled_to_its_own_start_and_inserted_ones_only_if_they_decay() -> None:
    source, data = a_source("en"), a_target("en")
    model = adapted(L2SP(), source, data)
    before = model.fates
    parametrize.register_parametrization(model.encoder[0].convolution, "weight", Doubled())
    name = "encoder.0.convolution.parametrizations.weight.original"
    model.fates = {**before, name: replace(before["encoder.0.convolution.weight"], name=name)}
    assert penalty(model, source, 1.0, 1.0) == 0
    model.insert(Insertion("lhuc", "encoder.1"))
    (inserted,) = (key for key, _ in model.named_parameters() if key.startswith("inserted."))
    with torch.no_grad():
        model.get_parameter(inserted).fill_(1.0)
    assert penalty(model, source, 1.0, 1.0) == 0, "the gain of a hidden unit is no weight"


def test_a_strong_pull_keeps_the_source_s_weights_and_leaves_biases_and_norms_free(tmp_path: Path) -> None:
    source, data = a_source("en"), a_target("en")
    settings = replace(WITHOUT_DECAY, steps=30, average=0.0, dropout=0.0)
    started = source.state_dict()

    def farthest(model: AcousticModel, *, weights: bool) -> float:
        drifts = [
            (value - started[name]).abs().max()
            for name, value in model.named_parameters()
            if (value.ndim > 1) == weights
        ]
        return max(drifts).item()

    free = trained(L2SP(alpha=0, beta=0), source, data, tmp_path / "free", settings).model
    held = trained(L2SP(alpha=1e5), source, data, tmp_path / "held", settings).model
    assert farthest(held, weights=True) < 0.1 * farthest(free, weights=True)
    assert farthest(held, weights=False) > 0.3 * farthest(free, weights=False)


def test_the_optimiser_s_own_weight_decay_is_off() -> None:
    model = adapted(L2SP(), a_source("en"), a_target("de"))
    assert {group.weight_decay for group in L2SP().groups(model, 0.5)} == {0.0}
    assert {group.weight_decay for group in Transfer().groups(model, 0.5)} == {0.0, 0.5}


def test_the_starting_point_never_moves(tmp_path: Path) -> None:
    source, data = a_source("en"), a_target("en")
    before = {name: tensor.clone() for name, tensor in source.state_dict().items()}
    trained(L2SP(), source, data, tmp_path)
    assert all(torch.equal(before[name], tensor) for name, tensor in source.state_dict().items())
    shared = {value.data_ptr() for value in source.parameters()}
    assert not shared & {value.data_ptr() for value in adapted(L2SP(), source, data).parameters()}


def test_what_makes_no_sense_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"alpha=-1, beta=0\.01: expected numbers of 0 or more"):
        L2SP(alpha=-1)
    with pytest.raises(ValueError, match="L2SP needs a source"):
        replace(load_recipe("taiwanese/l2_sp"), source=None, source_tests=())


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    from speechtl.checkpoint import save_model
    from speechtl.leakage import Fingerprints

    save_model(a_source("en", seed=1), tmp_path / "other", fingerprints=Fingerprints())
    method = L2SP(plan=(f"{tmp_path / 'other'}:encoder",))
    with pytest.raises(ValueError, match=r"which L2SP would pull towards the source's; name that model"):
        adapted(method, a_source("en"), a_target("en"))


def test_the_recipe_differs_from_fine_tuning_in_its_method_and_its_rate_only() -> None:
    recipe, control = load_recipe("taiwanese/l2_sp"), load_recipe("taiwanese/finetune")
    train = replace(recipe.train, lr=control.train.lr)
    assert replace(recipe, name=control.name, method=control.method, train=train) == control
    assert Experiment.from_dict(recipe.to_dict()).method == L2SP(alpha=0.001)
