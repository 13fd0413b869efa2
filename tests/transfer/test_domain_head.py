"""The domain head: what it makes of features and of posteriors, and how its loss weighs classes."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechtl.transfer.conditional import Conditioning
from speechtl.transfer.domain_head import DomainHead, balanced_mean, losses_and_hits


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("hidden", [(), (100,), (8, 6)])
def test_the_head_is_linear_layers_with_relu_between(hidden: tuple[int, ...]) -> None:
    head = DomainHead(("a", "b", "c"), 5, hidden)
    linear = [layer for layer in head.layers if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in linear] == [*hidden, 3]
    features = draw(4, 7, 5)
    expected = features
    for layer in linear[:-1]:
        expected = torch.relu(layer(expected))
    assert torch.equal(head(features), linear[-1](expected))
    assert head.classes == ("a", "b", "c")


def test_the_loss_and_the_hits_are_means_over_real_frames() -> None:
    scores, lengths, classes = draw(3, 6, 4), torch.tensor([6, 2, 1]), torch.tensor([0, 3, 1])
    losses, hits = losses_and_hits(scores, lengths, classes)
    for row, length in enumerate(lengths.tolist()):
        real, truth = scores[row, :length], classes[row].expand(length)
        assert losses[row].item() == pytest.approx(F.cross_entropy(real, truth).item(), rel=1e-6)
        share = (real.argmax(1) == truth).float().mean().item()
        assert hits[row].item() == pytest.approx(share)
    assert not hits.requires_grad


def test_every_class_that_is_there_weighs_alike() -> None:
    values, classes = torch.tensor([1.0, 3.0, 8.0, 2.0, 2.0, 2.0]), torch.tensor([0, 0, 3, 5, 5, 5])
    assert balanced_mean(values, classes).item() == pytest.approx((2 + 8 + 2) / 3)
    assert balanced_mean(values[:2], classes[:2]).item() == pytest.approx(2)


def test_the_gradient_of_a_rare_class_is_as_large_as_that_of_a_frequent_one() -> None:
    values = torch.zeros(9, requires_grad=True)
    classes = torch.tensor([0] * 8 + [1])
    balanced_mean(values, classes).backward()
    assert values.grad[:8].sum() == values.grad[8] == 0.5


def test_the_joint_features_are_all_products() -> None:
    """Of a tiny case by hand: two features, posteriors of one language with two units and the blank."""
    joint = Conditioning(2, {"en": 3}, seed=0)
    found = joint(torch.tensor([[2.0, -1.0]]), torch.tensor([[0.5, 0.3, 0.2]]))
    assert torch.allclose(found, torch.tensor([[1.0, 0.6, 0.4, -0.5, -0.3, -0.2]]))
    assert joint.width == 6
    assert joint.feature_map is None


def test_many_products_are_combined_by_maps_that_the_seed_draws() -> None:
    sizes = {"en": 40, "fr": 60}
    one, again, other = (Conditioning(64, sizes, seed) for seed in (3, 3, 4))
    assert one.width == 1024
    assert torch.equal(one.feature_map, again.feature_map)
    assert torch.equal(one.posterior_map, again.posterior_map)
    assert not torch.equal(one.feature_map, other.feature_map)
    assert not list(one.parameters())
    features, posteriors = draw(5, 64), draw(5, 100, seed=1).softmax(1)
    expected = (features @ one.feature_map) * (posteriors @ one.posterior_map) / 32
    assert torch.allclose(one(features, posteriors), expected)


def test_random_combinations_keep_inner_products_on_average() -> None:
    """⟨T(f, g), T(f', g')⟩ ≈ ⟨f, f'⟩⟨g, g'⟩, which is that of the products themselves."""
    features, posteriors = draw(2, 64), draw(2, 100, seed=1).abs()
    kept = []
    for seed in range(40):
        first, second = Conditioning(64, {"en": 100}, seed)(features, posteriors)
        kept.append((first @ second, first @ first))
    across, own = torch.tensor(kept).mean(0).tolist()
    products = (features @ features.T) * (posteriors @ posteriors.T)
    assert own == pytest.approx(products[0, 0].item(), rel=0.05)
    spread = math.sqrt(products[0, 0].item() * products[1, 1].item())
    assert abs(across - products[0, 1].item()) < 0.05 * spread


def test_the_limit_between_products_and_combinations() -> None:
    assert Conditioning(64, {"en": 64}, 0).width == 4096
    assert Conditioning(64, {"en": 65}, 0).width == 1024


def test_each_language_has_places_of_its_own() -> None:
    places = Conditioning(4, {"en": 3, "fr": 5}, 0).places
    assert places == {"en": slice(0, 3), "fr": slice(3, 8)}
