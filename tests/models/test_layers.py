import pytest
import torch
from torch import nn

from speechtl.models.layers import ChannelDropout, MaskedBatchNorm, convolve, seed_of, seeded, set_dropout


def test_statistics_equal_stock_batch_norm_on_the_real_frames() -> None:
    torch.manual_seed(0)
    values, lengths = torch.randn(3, 7, 5), torch.tensor([7, 2, 4])
    masked, stock = MaskedBatchNorm(5), nn.BatchNorm1d(5)
    rows = torch.cat([values[i, :n] for i, n in enumerate(lengths.tolist())])
    expected = stock(rows)
    out = masked(values, lengths)
    found = torch.cat([out[i, :n] for i, n in enumerate(lengths.tolist())])
    assert torch.equal(found, expected)
    assert torch.equal(masked.running_mean, stock.running_mean)
    assert torch.equal(masked.running_var, stock.running_var)
    assert (out[1, 2:] == 0).all()


def test_extra_padding_changes_neither_output_nor_statistics() -> None:
    torch.manual_seed(0)
    values, lengths = torch.randn(2, 6, 4), torch.tensor([6, 3])
    padded = nn.functional.pad(values, (0, 0, 0, 5), value=9.0)
    one, other = MaskedBatchNorm(4), MaskedBatchNorm(4)
    assert torch.equal(one(values, lengths), other(padded, lengths)[:, :6])
    assert torch.equal(one.running_var, other.running_var)


def test_eval_mode_uses_and_keeps_the_running_statistics() -> None:
    layer = MaskedBatchNorm(4).eval()
    before = layer.running_mean.clone()
    values = torch.randn(2, 3, 4) + 5
    out = layer(values, torch.tensor([3, 3]))
    assert torch.equal(layer.running_mean, before)
    assert torch.allclose(out, values / (1 + layer.eps) ** 0.5)


def test_dropout_drops_whole_channels_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer = ChannelDropout(0.25).train()
    out = layer(torch.ones(40, 9, 50))
    dropped = out == 0
    assert torch.equal(dropped.all(dim=1), dropped.any(dim=1)), "a channel was dropped in part"
    assert abs(dropped.float().mean().item() - 0.25) < 0.05
    assert abs(out.mean().item() - 1) < 0.05
    assert torch.equal(layer.eval()(out), out)


def test_seeds_depend_on_every_name_and_leave_the_global_generator_alone() -> None:
    assert len({seed_of(0, "a"), seed_of(1, "a"), seed_of(0, "b"), seed_of(0, "a", 1)}) == 4
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    with seeded(0, "head.nan"):
        first = torch.rand(1)
    assert torch.equal(torch.rand(1), expected)
    with seeded(0, "head.nan"):
        assert torch.equal(torch.rand(1), first)


def test_set_dropout_reaches_every_dropout_inside() -> None:
    model = nn.Sequential(ChannelDropout(), nn.Sequential(ChannelDropout(0.5)), nn.Linear(2, 2))
    set_dropout(model, 0.3)
    assert [layer.share for layer in model.modules() if isinstance(layer, ChannelDropout)] == [0.3, 0.3]


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "groups", "bias"),
    [(3, 1, 1, 1, False), (3, 1, 4, 1, True), (5, 2, 1, 1, False), (5, 2, 3, 1, True), (3, 1, 1, 6, False)],
)
@pytest.mark.parametrize("time", [1, 2, 9, 10])
def test_a_convolution_and_its_gradients_are_those_of_the_layer(
    kernel: int, stride: int, dilation: int, groups: int, bias: bool, time: int
) -> None:
    torch.manual_seed(0)
    margin = kernel // 2 * dilation
    layer = nn.Conv1d(
        6, 12, kernel, stride=stride, padding=margin, dilation=dilation, groups=groups, bias=bias
    ).double()
    inputs = torch.randn(3, time, 6, dtype=torch.float64, requires_grad=True)
    found, expected = convolve(layer, inputs), layer(inputs.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    pulled = torch.randn_like(expected)
    parameters = [inputs, *layer.parameters()]
    gradients = [torch.autograd.grad((out * pulled).sum(), parameters) for out in (found, expected)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_convolution_in_bf16_is_the_layers_own() -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Conv1d(8, 8, 3, padding=1), torch.randn(2, 5, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert convolve(layer, inputs).dtype == torch.bfloat16
        assert torch.equal(convolve(layer, inputs), layer(inputs.transpose(1, 2)).transpose(1, 2))
