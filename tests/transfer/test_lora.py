import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from speaking import ENCODERS, disturb, outputs, source, target, tuned
from torch import nn
from torch.nn.utils import parametrize

from speechtl.transfer import LoRA
from speechtl.transfer.receipt import Beginning, totals


def matrices(block: nn.Module) -> int:
    """How many weights a block has that are matrices: of convolutions, linear layers and LSTMs."""
    kinds = (nn.Conv1d, nn.Linear, nn.LSTM)
    return sum(
        1
        for module in block.modules()
        if isinstance(module, kinds)
        for value in module.parameters(recurse=False)
        if value.ndim > 1
    )


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_convolution_linear_and_recurrent_weight_has_a_low_rank_change(encoder: str) -> None:
    start = source(encoder)
    expected = sum(matrices(block) for name, block in start.blocks().items() if not name.startswith("head"))
    model = LoRA(rank=2).adapt(start, target(), seed=0)
    ups = [name for name, _ in model.named_parameters() if name.endswith(".up")]
    assert len(ups) == expected >= 4
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    assert trained == {name for name, _ in model.named_parameters() if name.endswith((".up", ".down"))}


def test_a_convolution_is_changed_by_the_product_of_two_matrices() -> None:
    """Golden: W + (alpha / rank) B A, reshaped."""
    start = source()
    model = LoRA(rank=2, alpha=6).adapt(copy.deepcopy(start), target(), seed=0)
    convolution = model.encoder[0].convolution
    change = convolution.parametrizations.weight[0]
    assert change.down.shape == (2, 24 * 3)
    assert (change.up == 0).all()
    with torch.no_grad():
        change.up.copy_(torch.arange(48.0).view(24, 2))
    weight = start.encoder[0].convolution.weight
    expected = weight + 3 * (change.up @ change.down).view(24, 24, 3)
    torch.testing.assert_close(convolution.weight, expected, atol=1e-5, rtol=1e-5)


def test_the_rank_is_at_most_what_a_weight_has() -> None:
    model = LoRA(rank=1000, blocks=("encoder.0",)).adapt(source("conformer"), target(), seed=0)
    change = model.encoder[0].convolution.depthwise.parametrizations.weight[0]
    assert change.down.shape == (15, 15)
    assert change.scale == 16 / 15


@pytest.mark.parametrize("encoder", ENCODERS)
def test_merged_is_exact_and_twice_is_once(encoder: str) -> None:
    start, data = source(encoder), target()
    model = LoRA(rank=2).adapt(copy.deepcopy(start), data, seed=0)
    disturb(model)
    batch = data.target.batch(range(8))
    before = outputs(model, batch)
    assert not torch.allclose(before, outputs(start, batch), atol=1e-2)
    left = copy.deepcopy(model)
    merged = LoRA(rank=2).finish(model)
    assert merged.state_dict().keys() == start.state_dict().keys()
    assert not any(parametrize.is_parametrized(module) for module in merged.modules())
    torch.testing.assert_close(outputs(merged, batch), before, atol=1e-5, rtol=0)
    once = {name: value.clone() for name, value in merged.state_dict().items()}
    twice = LoRA(rank=2).finish(merged).state_dict()
    assert all(torch.equal(twice[name], value) for name, value in once.items())
    assert torch.equal(outputs(left, batch), before), "a copy keeps its own changes"


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_was_trained_is_what_is_merged(encoder: str, tmp_path: Path) -> None:
    """After training, biases, norms and buffers are the source's; every weight differs by a low rank."""
    start, data = source(encoder), target()
    model = LoRA(rank=2).adapt(copy.deepcopy(start), data, seed=0)
    fitted = tuned(LoRA(rank=2), model, data, tmp_path, steps=12, average=0.0, weight_decay=0.0).model
    before, after = start.state_dict(), fitted.state_dict()
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(after[name], before[name])}
    assert len(changed) == sum(matrices(b) for n, b in start.blocks().items() if not n.startswith("head"))
    for name in changed:
        difference = (after[name] - before[name]).flatten(1).double()
        assert torch.linalg.matrix_rank(difference, rtol=1e-3) <= 2
    torch.testing.assert_close(
        outputs(fitted, data.target.batch(range(8))), outputs(model, data.target.batch(range(8)))
    )


def test_a_resumed_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    data = target()

    def train(folder: Path, last: int | None) -> dict[str, torch.Tensor]:
        model = LoRA(rank=2).adapt(source("bilstm"), data, seed=0)
        return tuned(LoRA(rank=2), model, data, folder, last=last).model.state_dict()

    whole = train(tmp_path / "whole", None)
    train(tmp_path / "parts", 2)
    resumed = train(tmp_path / "parts", None)
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())


def test_the_receipt_tells_low_rank_changes_before_and_merged_weights_after() -> None:
    start, data = source("bilstm"), target()
    model = LoRA(rank=2).adapt(copy.deepcopy(start), data, seed=0)
    begun = Beginning.of(model, start)
    before = {tensor.name: tensor for tensor in begun.receipt(model, "LoRA", "x").tensors}
    weight = before["encoder.0.forwards.weight_hh_l0"]
    assert (weight.fate, weight.frozen) == ("copied", True)
    assert not before["encoder.0.forwards.weight_hh_l0.0.up"].frozen
    disturb(model)
    receipt = begun.receipt(LoRA(rank=2).finish(model), "LoRA", "x")
    after = {tensor.name: tensor for tensor in receipt.tensors}
    assert after.keys() == start.state_dict().keys()
    assert receipt.faults() == []
    weight, bias = after["encoder.0.forwards.weight_hh_l0"], after["encoder.0.forwards.bias_hh_l0"]
    assert not weight.frozen
    assert weight.drift > 0
    assert (bias.frozen, bias.drift) == (True, 0)
    planned = totals(list(before.values()))[1]
    assert totals(receipt.tensors)[1] == planned < sum(tensor.values for tensor in after.values()) / 2


@pytest.mark.parametrize("changes", [{"rank": 0}, {"alpha": 0.0}])
def test_a_change_has_a_rank_and_a_scale(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected 1 or more, and above 0"):
        replace(LoRA(), **changes)
