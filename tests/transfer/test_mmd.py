"""MMD²: the estimate of the paper, its gradient, and what it makes of equal and of different samples."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from two_domains import begun, mixed, speech

from speechtl.transfer import MMD
from speechtl.transfer.domain_features import pooled
from speechtl.transfer.mmd import bandwidths, squared_mmd


def samples(m: int, n: int, shift: float = 0.0, width: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    source = torch.randn(m, width, generator=random, dtype=torch.float64)
    return source, shift + 1.3 * torch.randn(n, width, generator=random, dtype=torch.float64)


def kernel(x: NDArray[np.float64], y: NDArray[np.float64], widths: list[float]) -> float:
    return sum(math.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / w) for w in widths) / len(
        widths
    )


def by_hand(xs: NDArray[np.float64], ys: NDArray[np.float64], widths: list[float]) -> float:
    """Gretton et al. 2012, equation 3, pair by pair."""
    m, n = len(xs), len(ys)
    within = sum(kernel(xs[i], xs[j], widths) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    within += sum(kernel(ys[i], ys[j], widths) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return within - 2 / (m * n) * sum(kernel(x, y, widths) for x in xs for y in ys)


@pytest.mark.parametrize(("m", "n", "shift"), [(2, 2, 0.0), (5, 3, 0.5), (4, 9, 10.0)])
def test_it_is_the_sum_over_pairs(m: int, n: int, shift: float) -> None:
    source, target = samples(m, n, shift)
    widths = [0.7, 3.0, 11.0]
    expected = by_hand(source.numpy(), target.numpy(), widths)
    assert squared_mmd(source, target, torch.tensor(widths, dtype=torch.float64)).item() == pytest.approx(
        expected, abs=1e-12
    )
    assert squared_mmd(target, source, torch.tensor(widths, dtype=torch.float64)).item() == pytest.approx(
        expected, abs=1e-12
    )


def test_two_and_two_points_on_a_line() -> None:
    """0 and 1 against 2 and 3, one kernel of width 1: e^-1 + e^-1 - (e^-4 + e^-9 + e^-1 + e^-4) / 2."""
    source, target = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]])
    expected = 2 * math.exp(-1) - (2 * math.exp(-4) + math.exp(-9) + math.exp(-1)) / 2
    assert squared_mmd(source, target, torch.ones(1)).item() == pytest.approx(expected, abs=1e-6)


def test_the_bandwidths_are_multiples_of_the_median_squared_distance() -> None:
    source, target = samples(4, 3)
    rows = np.concatenate([source.numpy(), target.numpy()])
    squares = [((rows[i] - rows[j]) ** 2).sum() for i in range(7) for j in range(i)]
    assert len(squares) == 21
    expected = np.median(squares) * np.array([0.25, 1, 4])
    assert np.allclose(bandwidths(source, target, (0.25, 1.0, 4.0)).numpy(), expected)


def test_its_gradient_is_the_difference_quotient_and_the_median_is_no_part_of_it() -> None:
    source, target = (rows.requires_grad_() for rows in samples(4, 3, 0.5))
    widths = bandwidths(source, target, MMD().multiples)
    assert not widths.requires_grad
    assert torch.autograd.gradcheck(lambda x, y: squared_mmd(x, y, widths), (source, target))


def test_units_do_not_matter() -> None:
    """Features of a thousand times the size are as far apart."""
    source, target = samples(6, 5, 0.8)
    values = [
        squared_mmd(s * source, s * target, bandwidths(s * source, s * target, (1.0, 2.0)))
        for s in (1e-3, 1.0, 1e3)
    ]
    assert values[0].item() == pytest.approx(values[1].item()) == pytest.approx(values[2].item())


def test_far_from_the_origin_nothing_is_rounded_away() -> None:
    source, target = samples(20, 20, 0.5)
    widths = bandwidths(source, target, MMD().multiples)
    expected = squared_mmd(source, target, widths).item()
    far = squared_mmd((source + 1000).float(), (target + 1000).float(), widths.float()).item()
    assert far == pytest.approx(expected, abs=1e-4)


def test_it_is_unbiased_where_nothing_differs_and_large_where_something_does() -> None:
    same, moved = [], []
    for seed in range(300):
        source, target = samples(6, 8, 0.0, seed=seed)
        alike = (source, target / 1.3)
        same.append(squared_mmd(*alike, torch.tensor([2.0, 8.0]).double()).item())
        moved.append(squared_mmd(source, target + 3, torch.tensor([2.0, 8.0]).double()).item())
    spread = np.std(same) / math.sqrt(len(same))
    assert abs(np.mean(same)) < 3 * spread
    assert min(same) < 0, "a biased estimate would never be"
    assert np.mean(moved) > 0.5


def test_samples_that_are_all_one_point_have_no_distance_and_a_finite_gradient() -> None:
    source, target = torch.ones(3, 4, requires_grad=True), torch.ones(2, 4, requires_grad=True)
    value = squared_mmd(source, target, bandwidths(source, target, MMD().multiples))
    value.backward()
    assert value.item() == pytest.approx(0.0, abs=1e-6)
    assert torch.isfinite(source.grad).all()
    assert torch.isfinite(target.grad).all()


def test_of_a_batch_it_is_the_sum_over_blocks_of_the_means_over_real_frames() -> None:
    data = speech()
    method = MMD(weight=0.5, blocks=("input", "encoder.1", "norm"), multiples=(0.5, 2.0))
    model, batch = begun(method, data).eval(), mixed(data, labelled=6, unlabelled=4)
    found = method.losses(model, None, batch, 0.5)["mmd"].item()
    encoded, expected = model.encode(batch, method.blocks), 0.0
    for block in method.blocks:
        states = encoded.taps[block].detach().double().numpy()
        rows = np.stack(
            [one[:length].mean(axis=0) for one, length in zip(states, encoded.lengths.tolist(), strict=True)]
        )
        squares = [((rows[i] - rows[j]) ** 2).sum() for i in range(10) for j in range(i)]
        median = sorted(squares)[len(squares) // 2]
        expected += by_hand(rows[:6], rows[6:], [0.5 * median, 2 * median])
    assert found == pytest.approx(0.5 * expected, abs=1e-5)


def test_pooling_leaves_padding_out_whatever_it_holds() -> None:
    states = torch.tensor([[[1.0], [3.0], [torch.inf]], [[2.0], [4.0], [6.0]]])
    assert pooled(states, torch.tensor([2, 3])).tolist() == [[2.0], [4.0]]


@pytest.mark.parametrize("multiples", [(), (1.0, 0.0)])
def test_kernels_without_a_width_are_refused(multiples: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="one bandwidth or more, all above 0"):
        MMD(multiples=multiples)
