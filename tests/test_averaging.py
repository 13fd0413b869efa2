"""The running average of a model, batch-norm statistics and counters among it."""

import copy

import pytest
import torch
from torch import nn

from speechtl.averaging import RunningAverage, kept_share


def test_the_average_follows_its_formula() -> None:
    model, average = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    with torch.no_grad():
        model.weight.fill_(2.0)
        model.running_mean.fill_(1.0)
        model.num_batches_tracked.fill_(7)
    RunningAverage(average, model, decay=0.99).update(0)
    assert torch.allclose(average.weight, torch.full((3,), 0.1 * 1 + 0.9 * 2))
    assert torch.allclose(average.running_mean, torch.full((3,), 0.9))
    assert average.num_batches_tracked == 7
    RunningAverage(average, model, decay=0.5).update(100)
    assert torch.allclose(average.weight, torch.full((3,), 0.5 * 1.9 + 0.5 * 2))


def test_the_share_that_stays_rises_to_the_decay() -> None:
    assert kept_share(0.99, 890) == pytest.approx(891 / 900)
    assert kept_share(0.99, 891) == pytest.approx(0.99)


def test_it_follows_weights_that_are_loaded_later_and_a_model_without_counters() -> None:
    model = nn.Linear(2, 2)
    average = copy.deepcopy(model).requires_grad_(False)
    running = RunningAverage(average, model, decay=0.0)
    model.load_state_dict({"weight": torch.full((2, 2), 5.0), "bias": torch.zeros(2)})
    average.load_state_dict({"weight": torch.zeros(2, 2), "bias": torch.ones(2)})
    running.update(0)
    assert torch.equal(average.weight, model.weight)
    assert torch.equal(average.bias, model.bias)
    assert model.weight.requires_grad, "only the average is moved, outside the gradient"
