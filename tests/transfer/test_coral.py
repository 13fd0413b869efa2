"""CORAL: the distance of covariances as the paper has it, and its gradient."""

import numpy as np
import pytest
import torch
from torch import Tensor
from two_domains import begun, mixed, speech

from speechtl.transfer import CORAL
from speechtl.transfer.coral import covariance, covariance_distance


def samples(m: int, n: int, width: int = 3) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(3)
    source = torch.randn(m, width, generator=random, dtype=torch.float64)
    return source, 5 + 2 * torch.randn(n, width, generator=random, dtype=torch.float64)


@pytest.mark.parametrize(("m", "n"), [(2, 2), (7, 4), (3, 12)])
def test_it_is_that_of_numpy_s_covariances(m: int, n: int) -> None:
    source, target = samples(m, n)
    difference = np.cov(source.numpy().T) - np.cov(target.numpy().T)
    expected = np.linalg.norm(difference, "fro") ** 2 / (4 * 3**2)
    assert covariance_distance(source, target).item() == pytest.approx(expected, rel=1e-12)


def test_covariances_are_those_of_the_paper_s_equations() -> None:
    """Equation 2 in its own form: (DᵀD - (1ᵀD)ᵀ(1ᵀD) / n) / (n - 1)."""
    rows, _ = samples(6, 2)
    data, ones = rows.numpy(), np.ones((6, 1))
    total = ones.T @ data
    expected = (data.T @ data - total.T @ total / 6) / 5
    assert np.allclose(covariance(rows).numpy(), expected)


def test_two_points_each() -> None:
    """Variances 2 and 8 of one feature: (2 - 8)² / 4 = 9."""
    source, target = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])
    assert covariance_distance(source, target).item() == 9.0


def test_it_sees_a_stretch_and_no_move() -> None:
    source, _ = samples(8, 2)
    assert covariance_distance(source, source + 100).item() == pytest.approx(0.0, abs=1e-20)
    assert covariance_distance(source, 2 * source).item() > 0.1


def test_its_gradient_is_the_difference_quotient() -> None:
    source, target = (rows.requires_grad_() for rows in samples(5, 4))
    assert torch.autograd.gradcheck(covariance_distance, (source, target))


def test_its_gradient_is_the_paper_s() -> None:
    """Equation 4, for the source: (Dᵀ - (1ᵀD)ᵀ1ᵀ / n)ᵀ (C_S - C_T) / (d² (n - 1))."""
    source, target = samples(5, 4)
    (found,) = torch.autograd.grad(covariance_distance(source.requires_grad_(), target), source)
    data = source.detach().numpy()
    centred = data - data.mean(axis=0)
    difference = np.cov(data.T) - np.cov(target.numpy().T)
    assert np.allclose(found.numpy(), centred @ difference / (3**2 * 4))


def test_of_a_batch_it_is_the_sum_over_blocks_of_the_means_over_real_frames() -> None:
    data = speech()
    method = CORAL(weight=3.0, blocks=("encoder.0", "norm"))
    model, batch = begun(method, data).eval(), mixed(data, labelled=4, unlabelled=6)
    found = method.losses(model, None, batch, 0.5)["coral"].item()
    encoded, expected = model.encode(batch, method.blocks), 0.0
    for block in method.blocks:
        states = encoded.taps[block].detach().double().numpy()
        rows = np.stack(
            [one[:length].mean(axis=0) for one, length in zip(states, encoded.lengths.tolist(), strict=True)]
        )
        difference = np.cov(rows[:4].T) - np.cov(rows[4:].T)
        expected += (difference**2).sum() / (4 * rows.shape[1] ** 2)
    assert found == pytest.approx(3 * expected, rel=1e-4)
