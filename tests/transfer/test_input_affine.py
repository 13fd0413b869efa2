import copy
from dataclasses import replace

import pytest
import torch
from speaking import of, outputs, source, target
from torch import Tensor

from speechtl.features import FeatureSettings
from speechtl.models.inputs import DomainInput
from speechtl.transfer import InputAffine

TELEPHONE = DomainInput("telephone", FeatureSettings(mels=40, f_max=4000.0))


@pytest.mark.parametrize(("form", "count"), [("diagonal", 2 * 240), ("full", 240 * 240 + 240)])
def test_what_is_trained_is_a_map_of_the_features(form: str, count: int) -> None:
    model = InputAffine(form=form, by="speaker").adapt(source(), target(), seed=0)
    assert sum(value.numel() for value in model.parameters() if value.requires_grad) == 2 * count


@pytest.mark.parametrize("form", ["diagonal", "full"])
def test_the_features_become_the_map_of_themselves(form: str) -> None:
    """Golden: (I + Δ) x + b by hand, behind the normalisation, zero at padded frames."""
    start, data = source(), target()
    model = InputAffine(form=form).adapt(copy.deepcopy(start), data, seed=0)
    module = model.inserted["affine_input"]
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in module.parameters():
            value.copy_(0.1 * torch.randn(value.shape, generator=random))
    batch = data.target.batch(range(8))
    features, lengths = start.inputs.of(None).featurizer(batch.waveforms, batch.lengths)
    delta = module.delta[0] if form == "full" else torch.diag(module.delta[0])
    expected = features @ (torch.eye(240) + delta).T + module.bias
    for row, length in enumerate(lengths.tolist()):
        expected[row, length:] = 0
    found = module(features, lengths, module.rows(batch))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    entered = seen_by_the_layers(model, batch)
    torch.testing.assert_close(entered, expected, atol=1e-5, rtol=0)


def seen_by_the_layers(model, batch) -> Tensor:
    seen = []
    handle = model.inputs.of(None).layers.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.eval().encode(batch)
    handle.remove()
    return seen[0]


def test_what_is_masked_stays_masked() -> None:
    class Silence:
        def __call__(self, features: Tensor, lengths: Tensor) -> Tensor:
            return features.index_fill(1, torch.tensor([1, 2, 3]), 0.0)

    data = target()
    model = InputAffine().adapt(source(), data, seed=0)
    with torch.no_grad():
        model.inserted["affine_input"].bias.fill_(3.0)
    entered = seen_by_the_layers(model, replace(data.target.batch(range(4)), masking=Silence()))
    assert (entered[:, 1:4] == 0).all()
    assert (entered[:, 0].abs() > 0).any()


@pytest.mark.parametrize("form", ["diagonal", "full"])
def test_decay_is_on_delta_alone(form: str) -> None:
    model = InputAffine(form=form).adapt(source(), target(), seed=0)
    groups = InputAffine().groups(model, weight_decay=0.1)
    assert {group.names: group.weight_decay for group in groups} == {
        ("inserted.affine_input.delta",): 0.1,
        ("inserted.affine_input.bias",): 0.0,
    }


def test_each_input_that_the_target_goes_through_has_a_map_of_its_own_width() -> None:
    start = source()
    start.inputs.add(TELEPHONE, seed=0)
    data = target()
    plain = InputAffine().adapt(copy.deepcopy(start), data, seed=0)
    assert [one.block for one in plain.inserted.insertions] == ["input"]
    mixed = replace(data.target, domains=["telephone", None] * 4)
    known = start.state_dict().keys()
    both = InputAffine(by="domain").adapt(copy.deepcopy(start), replace(data, target=mixed), 0, known)
    assert [(one.block, one.keys) for one in both.inserted.insertions] == [
        ("input", ("telephone",)),
        ("input.telephone", ("telephone",)),
    ]
    assert both.inserted["affine_input_telephone"].bias.shape == (1, 120)
    batch = mixed.batch(range(8))
    expected = outputs(start, batch)
    assert torch.equal(outputs(both, batch), expected)
    with torch.no_grad():
        both.inserted["affine_input_telephone"].bias.fill_(1.0)
    changed = (outputs(both, batch) - expected).abs().amax(dim=(1, 2)) > 1e-4
    assert changed.tolist() == [True, False] * 4


def test_a_diagonal_map_undoes_a_known_distortion_of_the_features() -> None:
    """Scales and shifts of features, as another microphone has them, are within its reach."""
    start, data = source(), target(4)
    model = InputAffine(form="diagonal", by="speaker").adapt(copy.deepcopy(start), data, seed=0)
    module = model.inserted["affine_input"]
    batch = of(data.target, "bob").batch(range(4))
    features, lengths = start.inputs.of(None).featurizer(batch.waveforms, batch.lengths)
    with torch.no_grad():
        module.delta[1] = 1 / 1.5 - 1
        module.bias[1] = -0.4 / 1.5
    real = features.abs().sum(dim=2, keepdim=True) > 0
    restored = module((1.5 * features + 0.4) * real, lengths, module.rows(batch))
    torch.testing.assert_close(restored, features, atol=1e-5, rtol=0)
