import copy

import pytest
import torch
from speaking import ENCODERS, source, target
from torch.nn import functional as F

from speechtl.transfer import Adapters


def test_an_adapter_adds_a_bottleneck_to_a_blocks_output() -> None:
    """Golden: h + B relu(A norm(h) + a) + b by hand."""
    start, data = source(), target(4)
    model = Adapters(bottleneck=3, blocks=("encoder.1",)).adapt(copy.deepcopy(start), data, seed=0)
    adapter = model.inserted["adapter_encoder_1"]
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in adapter.parameters():
            value.copy_(torch.randn(value.shape, generator=random))
    batch = data.target.batch([0])
    h = start.encode(batch, taps=["encoder.1"]).taps["encoder.1"]
    hidden = F.relu(F.linear(F.layer_norm(h, (24,)), adapter.down[0], adapter.down_bias[0]))
    expected = h + F.linear(hidden, adapter.up[0], adapter.up_bias[0])
    found = model.eval().encode(batch, taps=["encoder.1"]).taps["encoder.1"]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_is_trained_is_two_narrow_matrices_and_biases_for_each_block(encoder: str) -> None:
    model = Adapters(bottleneck=3, by="speaker").adapt(source(encoder), target(), seed=0)
    trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
    assert trained == 2 * 2 * (3 * 24 + 3 + 24 * 3 + 24)


def test_matrices_decay_and_biases_do_not() -> None:
    model = Adapters(blocks=("encoder.0",)).adapt(source(), target(), seed=0)
    groups = Adapters().groups(model, weight_decay=0.1)
    decay = {name.rpartition(".")[2]: group.weight_decay for group in groups for name in group.names}
    assert decay == {"down": 0.1, "up": 0.1, "down_bias": 0.0, "up_bias": 0.0}


def test_the_draw_follows_the_seed_and_differs_by_block_and_leaves_the_global_generator_alone() -> None:
    def drawn(seed: int) -> list[torch.Tensor]:
        model = Adapters(bottleneck=4).adapt(source(), target(), seed=seed)
        return [value.detach() for name, value in model.named_parameters() if name.endswith(".down")]

    torch.manual_seed(0)
    state = torch.get_rng_state()
    first, again, other = drawn(1), drawn(1), drawn(2)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert not torch.equal(first[0], first[1])


def test_a_bottleneck_has_a_width() -> None:
    with pytest.raises(ValueError, match="bottleneck=0; expected 1 or more"):
        Adapters(bottleneck=0)
