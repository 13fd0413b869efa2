"""The benchmark's networks are the published ones, and every named block says and gives what methods need."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_digits import bars
from torch import Tensor, nn
from torch.nn import functional

from recipes.mnist_m.data import LANGUAGE, Digits, tokenizer
from recipes.mnist_m.network import FEATURES, ImageModel, Name, mean_pixel
from speechtl.batches import Batch, concatenate
from speechtl.models.layers import MaskedBatchNorm, set_dropout
from speechtl.transfer import DANN, LHUC, AdaBN, DomainBatchNorm
from speechtl.transfer.base import TransferData

torch.set_num_threads(1)

MEAN = np.array([0.2, 0.3, 0.4])


def images(domain: str, count: int = 12, seed: int = 0) -> Digits:
    """Bars, in the domain `mnist-m` before coloured noise."""
    grey, labels = bars(count, seed)
    pixels = np.repeat(grey[:, None], 3, axis=1).astype(np.int16)
    if domain == "mnist-m":
        pixels = np.abs(pixels - np.random.default_rng(seed).integers(60, 200, pixels.shape))
    return Digits(domain, pixels.astype(np.uint8), labels)


def data() -> TransferData:
    return TransferData(
        images("mnist").examples(),
        {LANGUAGE: tokenizer()},
        unlabelled=images("mnist-m", seed=1).examples(is_labelled=False),
    )


def mixed() -> Batch:
    """Both domains in one batch."""
    both = data().with_domains()
    indices = range(len(both.target))
    return concatenate([both.target.batch(indices), both.unlabelled_speech.batch(indices)])


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        ("paper", (3 * 25 + 1) * 32 + (32 * 25 + 1) * 48 + 769 * 100 + 101 * 100 + 101 * 10),
        (
            "wide",
            (3 * 25 + 1) * 64 + (64 * 25 + 1) * 50 + 801 * 100 + 101 * 100 + 101 * 10
            + 2 * (64 + 50 + 100 + 100),
        ),
    ],
)  # fmt: skip
def test_the_weights_are_as_many_as_published(network: Name, parameters: int) -> None:
    model = ImageModel(network, MEAN, seed=0)
    assert sum(value.numel() for value in model.parameters()) == parameters


@pytest.mark.parametrize(
    ("network", "widths"),
    [
        ("paper", (3 * 28 * 28, 32 * 12 * 12, 48 * 4 * 4, 100, 100, 100)),
        ("wide", (3 * 28 * 28, 64 * 12 * 12, 50 * 4 * 4, 100, 100, 100)),
    ],
)
def test_blocks_are_as_wide_as_they_say(network: Name, widths: tuple[int, ...]) -> None:
    model = ImageModel(network, MEAN, seed=0).eval()
    names = [name for name in model.blocks() if not name.startswith("head.")]
    assert names == ["input", "encoder.0", "encoder.1", "encoder.2", "encoder.3", "norm"]
    encoded = model.encode(mixed(), names)
    assert tuple(encoded.taps[name].shape for name in names) == tuple((24, 1, width) for width in widths)
    assert tuple(model.block_width(name) for name in names) == widths
    assert encoded.lengths.tolist() == [1] * 24
    with pytest.raises(ValueError, match=r"no block named 'head\.zxx' has states"):
        model.block_width("head.zxx")


def test_the_papers_network_is_what_its_figure_shows() -> None:
    """Beside the plain layers, channel first, with the same weights."""
    model = ImageModel("paper", MEAN, seed=1).eval()
    digits = images("mnist-m")
    log_probs = model.log_probs(model.encode(digits.examples().batch(range(12))), LANGUAGE)
    first, second, third, fourth = model.encoder
    head = model.head(LANGUAGE)
    mean = torch.tensor(MEAN, dtype=torch.float32).view(3, 1, 1)
    states = torch.from_numpy(digits.pixels).float() / 255 - mean
    for block in (first, second):
        convolution = block.convolution
        assert isinstance(convolution, nn.Conv2d)
        assert convolution.kernel_size == (5, 5)
        states = functional.max_pool2d(convolution(states).relu(), 2)
    assert states.shape == (12, 48, 4, 4)
    side_by_side = states.permute(0, 2, 3, 1).flatten(1)
    hidden = fourth.linear(third.linear(side_by_side).relu()).relu()
    expected = head.units(hidden).log_softmax(dim=1)
    torch.testing.assert_close(log_probs[:, 0, 1:], expected, rtol=1e-4, atol=1e-5)
    assert (log_probs[:, 0, 0] == -torch.inf).all()


def test_the_wide_network_normalises_each_channel_over_all_pixels_and_images() -> None:
    model = ImageModel("wide", MEAN, seed=1).train()
    block, digits = model.encoder[0], images("mnist-m")
    states = model.encode(digits.examples().batch(range(12)), ("encoder.0",)).taps["encoder.0"]
    pixels = torch.from_numpy(digits.pixels).float() / 255 - torch.tensor(MEAN).float().view(3, 1, 1)
    plain = nn.BatchNorm2d(64).train()
    expected = functional.max_pool2d(plain(block.convolution(pixels)), 2).relu()
    torch.testing.assert_close(states, expected.permute(0, 2, 3, 1).reshape(12, 1, -1), rtol=1e-4, atol=1e-4)
    assert isinstance(block.norm, MaskedBatchNorm)
    torch.testing.assert_close(block.norm.running_mean, plain.running_mean, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(block.norm.running_var, plain.running_var, rtol=1e-4, atol=1e-6)


def test_the_mean_is_that_of_all_pixels_and_is_taken_off() -> None:
    few, many = images("mnist", 4), images("mnist-m", 12)
    mean = mean_pixel(few, many)
    every = np.concatenate([few.pixels, many.pixels]) / 255
    np.testing.assert_allclose(mean, every.mean(axis=(0, 2, 3)))
    model = ImageModel("paper", mean, seed=0)
    inputs = [
        model.encode(digits.examples().batch(range(len(digits))), ("input",)).taps["input"]
        for digits in (few, many)
    ]
    by_channel = torch.cat(inputs).view(16, 28 * 28, 3).mean(dim=(0, 1))
    torch.testing.assert_close(by_channel, torch.zeros(3), rtol=0, atol=1e-6)


def test_equal_seeds_begin_alike_in_every_row_and_others_do_not() -> None:
    first, again, other = (ImageModel("paper", MEAN, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[n], other[n]) for n in first if n != "inputs.default.mean")


def domain_gradients(weight: float) -> dict[str, Tensor | None]:
    """The gradient of the domain loss alone at half of the training, by parameter."""
    method = DANN(block=FEATURES, weight=weight, schedule="constant")
    model = method.begin(ImageModel("paper", MEAN, seed=0), data(), 0)
    method.losses(model, None, mixed(), 0.5)["domain"].backward()
    return {name: value.grad for name, value in model.named_parameters()}


def test_the_reversal_reaches_the_convolutions_and_nothing_behind_them() -> None:
    once, thrice = domain_gradients(1.0), domain_gradients(3.0)
    for name, gradient in once.items():
        other = thrice[name]
        if name.startswith(("encoder.0", "encoder.1")):
            assert gradient is not None
            assert other is not None
            assert gradient.abs().max() > 0
            torch.testing.assert_close(other, 3 * gradient)
        elif name.startswith("helpers"):
            assert gradient is not None
            assert other is not None
            torch.testing.assert_close(other, gradient, msg="the domain head learns at full strength")
        else:
            assert gradient is None, f"{name} is behind the features"


def test_the_convolutions_get_the_reverse_of_what_the_domain_head_wants() -> None:
    model = DANN(block=FEATURES).begin(ImageModel("paper", MEAN, seed=0), data(), 0)
    batch = mixed()
    features = model.encode(batch, (FEATURES,)).taps[FEATURES].squeeze(1)
    scores = model.helpers["domain"](features)
    functional.cross_entropy(scores, batch.is_target.long()).backward()
    reverse = domain_gradients(1.0)
    for name, value in model.encoder.named_parameters():
        if name.startswith(("0.", "1.")):
            torch.testing.assert_close(reverse[f"encoder.{name}"], -value.grad, rtol=1e-3, atol=1e-7)


def test_the_control_leaves_the_model_to_the_labels() -> None:
    assert all(
        gradient is None or name.startswith("helpers") for name, gradient in domain_gradients(0.0).items()
    )


def test_each_domain_goes_through_batch_norms_of_its_own() -> None:
    method = DomainBatchNorm()
    model = method.begin(ImageModel("wide", MEAN, seed=0), data(), 0).train()
    model.encode(mixed())
    theirs = [part.norms["norm"][0] for part in model.inserted.all()]
    assert [norm.num_features for norm in theirs] == [64, 50, 100, 100]
    ours = [block.norm for block in model.encoder]
    assert all(norm.num_batches_tracked == 1 for norm in (*ours, *theirs))
    alone = ImageModel("wide", MEAN, seed=0).train()
    alone.encode(data().target.batch(range(12)))
    torch.testing.assert_close(ours[0].running_mean, alone.encoder[0].norm.running_mean)
    alone = ImageModel("wide", MEAN, seed=0).train()
    alone.encode(data().unlabelled_speech.batch(range(12)))
    torch.testing.assert_close(theirs[0].running_mean, alone.encoder[0].norm.running_mean)


def test_adabn_takes_the_statistics_of_the_photo_digits_and_keeps_the_weights() -> None:
    source = ImageModel("wide", MEAN, seed=0).eval()
    adapted = AdaBN().adapt(ImageModel("wide", MEAN, seed=0).eval(), data(), 0)
    for (name, before), (_, after) in zip(source.named_parameters(), adapted.named_parameters(), strict=True):
        assert torch.equal(before, after), name
    pixels = torch.from_numpy(images("mnist-m", seed=1).pixels).float() / 255
    convolved = source.encoder[0].convolution(pixels - torch.tensor(MEAN).float().view(3, 1, 1))
    norm = adapted.encoder[0].norm
    torch.testing.assert_close(norm.running_mean, convolved.mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-5)
    variance = convolved.var(dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(norm.running_var, variance, rtol=1e-3, atol=1e-5)


def test_inserted_modules_begin_as_the_identity_on_images_too() -> None:
    model = ImageModel("paper", MEAN, seed=0).eval()
    batch = data().target.batch(range(12))
    before = model.log_probs(model.encode(batch), LANGUAGE)
    speakers = replace(data(), target=replace(data().target, speakers=["writer"] * 12))
    adapted = LHUC().adapt(model, speakers, 0).eval()
    torch.testing.assert_close(adapted.log_probs(adapted.encode(batch), LANGUAGE), before)
    assert len(adapted.inserted.all()) > 0


def test_dropout_drops_whole_channels_of_the_second_block() -> None:
    model = ImageModel("wide", MEAN, seed=0)
    set_dropout(model, 0.5)
    torch.manual_seed(0)
    states = model.train().encode(mixed(), (FEATURES,)).taps[FEATURES].view(24, 16, 50)
    is_dropped = (states == states[:, :1]).all(dim=1)
    assert 0.3 < is_dropped.float().mean() < 0.8
    unchanged = model.eval().encode(mixed(), (FEATURES,)).taps[FEATURES].view(24, 16, 50)
    assert (unchanged == unchanged[:, :1]).all(dim=1).float().mean() < 0.3
