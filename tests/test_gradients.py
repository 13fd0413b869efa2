"""Clipping: the step is that of a gradient no longer than the bound, however the optimiser applies it."""

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from speechtl.gradients import clip_gradient, unwrapped


def model_with_gradients(seed: int, scale: float) -> nn.Module:
    """Two layers, one of them unused, that hold a gradient."""
    random = torch.Generator().manual_seed(seed)
    model = nn.ModuleList([nn.Linear(40, 30), nn.Linear(3, 3)])
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(torch.randn(value.shape, generator=random))
    for value in model[0].parameters():
        value.grad = scale * torch.randn(value.shape, generator=random)
    return model


def optimiser_of(model: nn.Module, *, fused: bool) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=0.1, eps=0.1, fused=fused)


@pytest.mark.parametrize("fused", [True, False])
def test_the_step_is_that_of_a_clipped_gradient(fused: bool) -> None:
    model, expected = model_with_gradients(0, 1.0), model_with_gradients(0, 1.0)
    ours, plain = optimiser_of(model, fused=fused), optimiser_of(expected, fused=False)
    for seed, scale in ((1, 1.0), (2, 0.01), (3, 10.0)):  # too long, short enough, too long again
        for one in (model, expected):
            other = model_with_gradients(seed, scale)
            for value, source in zip(one.parameters(), other.parameters(), strict=True):
                value.grad = None if source.grad is None else source.grad.clone()
        norm = clip_gradient(Accelerator(), ours, 5.0)
        stated = torch.nn.utils.clip_grad_norm_(expected.parameters(), 5.0)
        ours.step()
        plain.step()
        assert norm.item() == pytest.approx(stated.item(), rel=1e-6)
        for value, wanted in zip(model.parameters(), expected.parameters(), strict=True):
            assert torch.allclose(value, wanted, atol=1e-6)
    assert clip_gradient(Accelerator(), ours, 5.0) <= 5.0 * 1.00001, "the step left the clipped gradient"


def test_a_gradient_that_is_not_finite_has_such_a_norm() -> None:
    model = model_with_gradients(0, 1.0)
    model[0].bias.grad[3] = torch.nan
    assert not torch.isfinite(clip_gradient(Accelerator(), optimiser_of(model, fused=True), 5.0))
    model[0].bias.grad[3] = torch.inf
    assert not torch.isfinite(clip_gradient(Accelerator(), optimiser_of(model, fused=True), 5.0))


def test_a_checkpoint_does_not_hold_the_clipping_of_its_last_step() -> None:
    model = model_with_gradients(0, 10.0)
    optimiser = optimiser_of(model, fused=True)
    clip_gradient(Accelerator(), optimiser, 5.0)
    optimiser.step()
    assert set(optimiser.state_dict()) == {"state", "param_groups"}
    assert "grad_scale" not in optimiser.state_dict()["param_groups"][0]


def test_only_an_optimiser_that_scales_losses_stays_wrapped() -> None:
    plain = optimiser_of(nn.Linear(2, 2), fused=True)
    wrapped = Accelerator().prepare(plain)
    assert unwrapped(wrapped) is plain
    wrapped.scaler = torch.amp.GradScaler("cpu")
    assert unwrapped(wrapped) is wrapped


def test_groups_that_are_not_clipped_neither_count_nor_are_shortened() -> None:
    """A helper, such as a domain's head, must not slow the model down, nor be slowed by it."""
    model, alone = model_with_gradients(0, 10.0), model_with_gradients(0, 10.0)
    helper = nn.Linear(2, 2)
    for value in helper.parameters():
        value.grad = torch.full_like(value, 100.0)
    groups = [
        {"params": [*model.parameters()], "is_clipped": True},
        {"params": [*helper.parameters()], "is_clipped": False},
    ]
    both = torch.optim.AdamW(groups, lr=0.1, eps=0.1, fused=True)
    one = optimiser_of(alone, fused=True)
    norms = [clip_gradient(Accelerator(), optimiser, 5.0) for optimiser in (both, one)]
    assert norms[0] == norms[1] > 5
    assert all(torch.equal(value.grad, torch.full_like(value, 100.0)) for value in helper.parameters())
    both.step()
    one.step()
    for value, wanted in zip(model.parameters(), alone.parameters(), strict=True):
        assert torch.equal(value, wanted), "bit for bit"


def test_without_any_gradient_there_is_nothing_to_shorten() -> None:
    assert clip_gradient(Accelerator(), optimiser_of(nn.Linear(2, 2), fused=True), 5.0) == 0
