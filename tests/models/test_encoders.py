"""What every encoder promises, checked on each."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from toy_speech import PLAIN, SETTINGS, examples, train

from speechtl.batches import Batch
from speechtl.checkpoint import load_model, save_model
from speechtl.features import FeatureSettings
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.models.bilstm import BiLSTMBlock
from speechtl.models.conformer import ConformerBlock, rotated
from speechtl.models.layers import ChannelDropout, set_dropout
from speechtl.models.settings import ModelSettings

SMALL = {
    "tdnn": ModelSettings(dim=24, blocks=2, dilations=(1, 2)),
    "bilstm": ModelSettings(encoder="bilstm", dim=24, blocks=2),
    "conformer": ModelSettings(encoder="conformer", dim=24, blocks=2, attention_heads=2, depthwise_kernel=5),
}
every_encoder = pytest.mark.parametrize("name", sorted(SMALL))


def build(name: str, seed: int = 0) -> tuple[AcousticModel, Batch]:
    labelled, _, tokenizers = examples(6)
    return AcousticModel(SMALL[name], FeatureSettings(), tokenizers, seed=seed), labelled.batch(range(6))


@every_encoder
@pytest.mark.parametrize("training", [True, False])
def test_padding_changes_neither_states_nor_losses_nor_statistics(name: str, training: bool) -> None:
    (one, batch), (other, _) = build(name), build(name)
    one.train(training)
    other.train(training)
    longer = replace(batch, waveforms=nn.functional.pad(batch.waveforms, (0, 9_999)))
    first, second = one.encode(batch), other.encode(longer)
    assert torch.equal(first.lengths, second.lengths)
    for row, length in enumerate(first.lengths.tolist()):
        a, b = first.states["main"][row, :length], second.states["main"][row, :length]
        assert torch.allclose(a, b, atol=1e-5)
    a, b = one.task_losses(first, batch)["ctc"], other.task_losses(second, longer)["ctc"]
    assert torch.allclose(a, b, atol=1e-5)
    for (label, mine), theirs in zip(one.named_buffers(), other.buffers(), strict=True):
        assert torch.allclose(mine.float(), theirs.float(), atol=1e-5), label


@every_encoder
def test_padding_changes_no_gradient(name: str) -> None:
    gradients = []
    for samples in (0, 9_999):
        model, batch = build(name)
        padded = replace(batch, waveforms=nn.functional.pad(batch.waveforms, (0, samples)))
        model.task_losses(model.encode(padded), padded)["ctc"].mean().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


@every_encoder
def test_neighbours_change_no_utterance_in_eval_mode(name: str) -> None:
    model, batch = build(name)
    labelled, _, _ = examples(6)
    together = model.eval().encode(batch)
    for row, length in enumerate(together.lengths.tolist()):
        alone = model.encode(labelled.batch([row])).states["main"][0]
        assert len(alone) == length
        assert torch.allclose(together.states["main"][row, :length], alone, atol=1e-5)


@every_encoder
def test_a_block_keeps_shape_and_lengths_and_leaves_padding_zero(name: str) -> None:
    model, _ = build(name)
    states, lengths = torch.randn(3, 11, 24), torch.tensor([11, 1, 6])
    for row, length in enumerate(lengths.tolist()):
        states[row, length:] = 0
    for block in model.encoder:
        out, after = block(states, lengths)
        assert out.shape == states.shape
        assert torch.equal(after, lengths)
        assert all((out[row, length:] == 0).all() for row, length in enumerate(lengths.tolist()))


@every_encoder
def test_every_real_frame_reaches_its_neighbours_on_both_sides(name: str) -> None:
    model, _ = build(name)
    states, lengths = torch.randn(1, 9, 24), torch.tensor([9])
    changed = states.clone()
    changed[0, 4] = torch.randn(24)
    one, other = (model.eval().encoder[0](entry, lengths)[0] for entry in (states, changed))
    moved = (one - other).abs().amax(dim=2)[0] > 1e-6
    assert moved[3:6].all(), "both neighbours see a frame"
    if name != "tdnn":
        assert moved[2:7].all()


@every_encoder
def test_blocks_are_named_alike_and_can_be_tapped(name: str) -> None:
    model, batch = build(name)
    assert list(model.blocks()) == ["input", "encoder.0", "encoder.1", "norm", "head.en"]
    encoded = model.eval().encode(batch, taps=["input", "encoder.0", "encoder.1", "norm"])
    assert list(encoded.taps) == ["input", "encoder.0", "encoder.1", "norm"]
    shapes = {tuple(tap.shape) for tap in encoded.taps.values()}
    assert shapes == {(6, int(encoded.lengths.max()), 24)}
    assert torch.equal(encoded.taps["norm"], encoded.states["main"])
    assert torch.equal(model.encoded_frames(batch.lengths), encoded.lengths)


@every_encoder
def test_a_start_follows_from_the_seed_and_each_blocks_name(name: str) -> None:
    model, other = build(name, seed=3)[0], build(name, seed=4)[0]
    taller = AcousticModel(replace(SMALL[name], blocks=3), FeatureSettings(), {}, seed=3)
    for index in (0, 1):
        mine, its = (built.encoder[index].state_dict() for built in (model, taller))
        assert all(torch.equal(value, its[key]) for key, value in mine.items())
    first, second = (list(model.encoder[index].parameters()) for index in (0, 1))
    assert any(not torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert any(
        not torch.equal(a, b)
        for a, b in zip(model.encoder.parameters(), other.encoder.parameters(), strict=True)
    )


@every_encoder
def test_a_saved_model_is_the_same_model(name: str, tmp_path: Path) -> None:
    model, batch = build(name)
    model.train()
    model.encode(batch)  # batch norm's statistics are saved too
    save_model(model, tmp_path / "model", fingerprints=Fingerprints())
    loaded = load_model(tmp_path / "model").model
    assert loaded.settings == model.settings
    states = [built.eval().encode(batch).states["main"] for built in (model, loaded)]
    assert torch.equal(*states)


@every_encoder
def test_bfloat16_autocast_stays_close(name: str) -> None:
    if name == "bilstm" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this CPU has no bfloat16, and torch no LSTM of that type without it")
    model, batch = build(name)
    exact = model.task_losses(model.encode(batch), batch)["ctc"]
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model.task_losses(model.encode(batch), batch)["ctc"]
    assert rounded.dtype == torch.float32
    assert torch.allclose(rounded, exact, rtol=0.05)
    rounded.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@every_encoder
def test_dropout_is_set_for_each_block(name: str) -> None:
    model, batch = build(name)
    for block in model.encoder:
        assert any(isinstance(layer, ChannelDropout) for layer in block.modules())
    model.train()
    plain = model.encode(batch).states["main"]
    set_dropout(model, 0.4)
    assert not torch.equal(model.encode(batch).states["main"], plain)


@every_encoder
def test_a_toy_task_is_learned_in_seconds(name: str, tmp_path: Path) -> None:
    model, _ = build(name)
    settings = replace(SETTINGS, steps=60, average=0.8, evaluations=2, checkpoint_seconds=1000, dropout=0.0)
    fitted = train(tmp_path, settings=settings, model=model, augment=PLAIN)
    assert fitted.best["error"] < 0.5


def test_a_bilstm_of_two_directions_equals_packed_sequences() -> None:
    block, reference = BiLSTMBlock(8), nn.LSTM(8, 4, batch_first=True, bidirectional=True)
    weights = dict(block.forwards.state_dict())
    weights |= {f"{name}_reverse": value for name, value in block.backwards.state_dict().items()}
    reference.load_state_dict(weights)
    states, lengths = torch.randn(4, 7, 8), torch.tensor([7, 3, 1, 5])
    packed = nn.utils.rnn.pack_padded_sequence(
        block.norm(states), lengths, batch_first=True, enforce_sorted=False
    )
    expected, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    out, _ = block(states, lengths)
    assert torch.allclose(out - states, expected, atol=1e-6)


def test_rotary_products_depend_on_the_distance_alone() -> None:
    query, key = torch.randn(2, 1, 1, 1, 8, dtype=torch.float64).unbind(0)
    turned = [rotated(vector.expand(1, 1, 30, 8))[0, 0] for vector in (query, key)]
    products = turned[0] @ turned[1].T
    for distance in (-7, 0, 3):
        diagonal = products.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[0].expand_as(diagonal), atol=1e-9)
    assert not torch.allclose(products.diagonal(0)[0], products.diagonal(5)[0])
    assert torch.allclose(turned[0].norm(dim=1), query.flatten().norm().expand(30)), (
        "a rotation keeps lengths"
    )


def test_attention_at_one_frame_is_its_own_value() -> None:
    """With a single real frame nothing else can be attended to, whatever the padding holds."""
    block = ConformerBlock(8, 2, 2, 3).eval()
    states, real = torch.randn(1, 5, 8), torch.tensor([[True, False, False, False, False]])
    attention = block.attention
    value = attention.project(attention.norm(states)).view(1, 5, 3, 8)[:, :1, 2]
    assert torch.allclose(attention(states, real)[:, :1], attention.join(value), atol=1e-6)


def test_equal_weights_at_the_sizes_that_the_settings_name() -> None:
    sizes = [
        ModelSettings(),
        ModelSettings(encoder="bilstm", blocks=4),
        ModelSettings(encoder="conformer", dim=144, blocks=5),
    ]
    counts = []
    for settings in sizes:
        model = AcousticModel(settings, FeatureSettings(), {})
        counts.append(sum(parameter.numel() for parameter in model.encoder.parameters()))
    assert max(counts) / min(counts) < 1.01


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"encoder": "rnn"}, "encoder='rnn'; expected one of tdnn, bilstm, conformer"),
        ({"encoder": "bilstm", "dim": 7}, "half of it to each direction"),
        ({"encoder": "conformer", "dim": 20, "attention_heads": 4}, "choose a multiple of 8"),
        ({"encoder": "conformer", "depthwise_kernel": 4}, "depthwise_kernel=4: expected an odd number"),
        ({"encoder": "conformer", "feed_forward": 0}, "feed_forward=0"),
        ({"encoder": "bilstm", "kernel": 5}, "kernel=5 is for encoder=tdnn, not for bilstm"),
        ({"attention_heads": 8}, "attention_heads=8 is for encoder=conformer, not for tdnn"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelSettings(**wrong)
