import itertools

import pytest
import torch
from torch import nn

from speechtl.models.heads import ClassifierHead, CTCHead, class_losses, ctc_losses, frames_needed


def test_the_loss_is_the_sum_over_all_paths() -> None:
    """Against brute force: every labelling of four frames that collapses to the labels."""
    torch.manual_seed(0)
    log_probs = torch.randn(1, 4, 3, dtype=torch.float64).log_softmax(2)
    for labels in ([1], [1, 2], [2, 2], [1, 2, 1]):
        total = torch.tensor(0.0, dtype=torch.float64)
        for path in itertools.product(range(3), repeat=4):
            collapsed = [unit for unit, _ in itertools.groupby(path) if unit]
            if collapsed == labels:
                total += torch.stack([log_probs[0, t, unit] for t, unit in enumerate(path)]).sum().exp()
        lengths = torch.tensor([4])
        found = ctc_losses(log_probs, lengths, torch.tensor([labels]), torch.tensor([len(labels)]))
        assert found.item() == pytest.approx(-total.log().item(), abs=1e-9)


def test_labels_that_do_not_fit_are_infinite_without_a_gradient() -> None:
    log_probs = torch.randn(2, 2, 3).log_softmax(2).requires_grad_()
    labels = torch.tensor([[1, 1], [1, 2]])
    losses = ctc_losses(log_probs, torch.tensor([2, 2]), labels, torch.tensor([2, 2]))
    assert losses.isinf().tolist() == [True, False]
    losses[1].backward()
    assert (log_probs.grad[0] == 0).all()
    assert log_probs.grad.isfinite().all()


def test_frames_needed_counts_a_blank_between_equal_units() -> None:
    labels = torch.tensor([[1, 2, 3, 0], [1, 1, 2, 2], [4, 0, 0, 0], [0, 0, 0, 0]])
    assert frames_needed(labels, torch.tensor([3, 4, 1, 0])).tolist() == [3, 6, 1, 0]


def test_a_tagged_softmax_is_the_joint_one_masked_by_language() -> None:
    """Softmax over all tagged units and one blank, masked to a language, against the head's own softmax."""
    torch.manual_seed(1)
    states, blank = torch.randn(2, 5, 8), nn.Linear(8, 1)
    heads = [CTCHead(8, units, own_blank=False) for units in (3, 4)]
    joint = torch.cat([blank(states), heads[0].units(states), heads[1].units(states)], dim=2)
    for head, first in zip(heads, (1, 4), strict=True):
        mask = torch.full((8,), -torch.inf)
        mask[0] = 0
        mask[first : first + head.units.out_features] = 0
        masked = (joint + mask).log_softmax(2)
        expected = torch.cat([masked[..., :1], masked[..., first : first + head.units.out_features]], dim=2)
        assert torch.allclose(head(states, blank), expected, atol=1e-6)


def test_a_head_with_its_own_blank_ignores_the_shared_one() -> None:
    states = torch.randn(1, 3, 4)
    head = CTCHead(4, 2, own_blank=True)
    assert torch.equal(head(states, nn.Linear(4, 1)), head(states))
    assert head(states).dtype == torch.float32
    assert torch.allclose(head(states).exp().sum(2), torch.ones(1, 3))


def test_a_classifier_decides_on_the_mean_of_the_real_frames() -> None:
    torch.manual_seed(2)
    head, states, lengths = ClassifierHead(4, 3), torch.randn(2, 5, 4), torch.tensor([5, 2])
    found = head(states, lengths)
    assert found.shape == (2, 1, 4)
    assert (found[..., 0] == -torch.inf).all()
    expected = torch.stack([head.units(states[0].mean(0)), head.units(states[1, :2].mean(0))])
    assert torch.allclose(found[:, 0, 1:], expected.log_softmax(1), atol=1e-6)


def test_the_loss_of_a_classifier_is_cross_entropy() -> None:
    torch.manual_seed(3)
    scores, labels = torch.randn(6, 4, requires_grad=True), torch.tensor([1, 4, 2, 2, 3, 1])
    log_probs = nn.functional.pad(scores.log_softmax(1), (1, 0), value=-torch.inf).unsqueeze(1)
    losses = class_losses(log_probs, labels.unsqueeze(1))
    assert torch.allclose(losses, nn.functional.cross_entropy(scores, labels - 1, reduction="none"))
    (gradient,) = torch.autograd.grad(losses.sum(), scores)
    assert torch.allclose(gradient, scores.softmax(1) - nn.functional.one_hot(labels - 1, 4), atol=1e-6)
