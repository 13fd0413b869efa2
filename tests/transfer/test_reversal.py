"""Gradient reversal: the identity forwards, exactly -λ times the gradient backwards."""

import pytest
import torch
from torch.nn import functional as F

from speechtl.transfer.reversal import reverse, strength


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("weight", [0.1, 1.0, 3.0])
def test_forwards_nothing_changes_and_backwards_the_gradient_is_minus_lambda_times_it(weight: float) -> None:
    features, gradient = draw(3, 7, 5).requires_grad_(), draw(3, 7, 5, seed=1)
    out = reverse(features, weight)
    assert torch.equal(out, features)
    out.backward(gradient)
    assert features.grad is not None
    assert torch.equal(features.grad, -weight * gradient)


def test_at_strength_0_nothing_goes_back() -> None:
    features = draw(4, 5).requires_grad_()
    out = reverse(features, 0.0)
    assert torch.equal(out, features)
    assert not out.requires_grad


def test_a_gradient_that_is_not_finite_does_not_reach_features_at_strength_0() -> None:
    features, weight = draw(4, 5).requires_grad_(), draw(5).requires_grad_()
    ((reverse(features, 0.0) * weight).sum() * torch.inf + features.sum()).backward()
    assert torch.equal(features.grad, torch.ones(4, 5))


def test_the_features_gradient_is_that_of_the_labels_minus_lambda_that_of_the_domains() -> None:
    features = draw(6, 5).requires_grad_()
    reader, head = draw(5, 3, seed=1), draw(5, 2, seed=2).requires_grad_()
    labels, domains = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 0, 0, 1, 1, 1])
    of_labels = F.cross_entropy(features @ reader, labels)
    of_domains = F.cross_entropy(features @ head, domains)
    (g_labels,) = torch.autograd.grad(of_labels, features, retain_graph=True)
    g_domains, g_head = torch.autograd.grad(of_domains, (features, head))
    both = of_labels + F.cross_entropy(reverse(features, 0.7) @ head, domains)
    g_both, head_under_reversal = torch.autograd.grad(both, (features, head))
    assert torch.allclose(g_both, g_labels - 0.7 * g_domains, atol=1e-7)
    assert torch.equal(head_under_reversal, g_head)


@pytest.mark.parametrize(
    ("progress", "expected"), [(0, 0.0), (0.25, 0.848284), (0.5, 0.986614), (1, 0.999909)]
)
def test_the_schedule_is_the_published_one(progress: float, expected: float) -> None:
    assert strength(progress, gamma=10) == pytest.approx(expected, abs=5e-7)


def test_the_schedule_never_falls_and_rises_sooner_with_gamma() -> None:
    steps = [step / 50 for step in range(51)]
    slow, fast = ([strength(p, gamma) for p in steps] for gamma in (3, 10))
    assert slow == sorted(slow)
    assert fast == sorted(fast)
    assert all(one < other for one, other in zip(slow[1:], fast[1:], strict=True))
