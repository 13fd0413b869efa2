"""The benchmark's two networks as models of named blocks, so that every transfer method works on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from recipes.mnist_m.data import CHANNELS, SIDE, Digits, tokenizer
from speechtl.features import FeatureSettings, Masking
from speechtl.models.acoustic import AcousticModel, ModelSettings
from speechtl.models.inputs import DEFAULT, Inputs
from speechtl.models.inserted import UNCHANGED, Adjustment
from speechtl.models.layers import ChannelDropout, MaskedBatchNorm, seeded

Name = Literal["paper", "wide"]

KERNEL = 5
POOL = 2
HIDDEN = 100
"""Units of each fully connected layer."""
FEATURES = "encoder.1"
"""The block whose outputs are the features: what follows is the classifier."""


@dataclass(frozen=True)
class Network:
    """What tells the two networks apart."""

    channels: tuple[int, int]
    """Of the two convolutions."""
    has_batch_norm: bool
    """Whether there is a batch norm in each block, and dropout in the second and the third."""


NETWORKS: dict[str, Network] = {"paper": Network((32, 48), False), "wide": Network((64, 50), True)}
"""`paper`: Ganin et al. 2016, figure 4a. `wide`: that of the popular port to PyTorch."""


class ImageInput(nn.Module):
    """Pixels from 0 to 1, less the mean of their channel. Masks, which are for spectra, are not applied."""

    mean: Tensor

    def __init__(self, mean: NDArray[np.float64]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))

    def frames(self, samples: Tensor) -> Tensor:
        """Frames (batch,) of images of so many samples: one each."""
        return torch.ones_like(samples)

    def featurizer(
        self, waveforms: Tensor, lengths: Tensor, warps: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Map samples (batch, channel * height * width), pixels / 2^15, to frames and their numbers, ones.

        The frames (batch, 1, height * width * channel) hold the channels of a pixel side by side.
        """
        channels = waveforms.view(len(waveforms), CHANNELS, -1) * (32768 / 255)
        pixels = (channels - self.mean.unsqueeze(1)).transpose(1, 2)
        return pixels.reshape(len(waveforms), 1, -1), self.frames(lengths)

    def forward(
        self,
        waveforms: Tensor,
        lengths: Tensor,
        warps: Tensor | None = None,
        masking: Masking | None = None,
        adjust: Adjustment = UNCHANGED,
    ) -> tuple[Tensor, Tensor]:
        """Map samples (batch, channel * height * width) to frames as `featurizer` does."""
        return self.enter(*self.featurizer(waveforms, lengths, warps), masking, adjust)

    def enter(
        self, features: Tensor, lengths: Tensor, masking: Masking | None, adjust: Adjustment = UNCHANGED
    ) -> tuple[Tensor, Tensor]:
        """Frames (batch, 1, pixels) as an inserted module changes them, and their numbers, ones."""
        return adjust(features, lengths), lengths


class ImageInputs(Inputs):
    """The one input of images."""

    def __init__(self, mean: NDArray[np.float64], features: FeatureSettings, dim: int, *, seed: int) -> None:
        super().__init__(features, dim, seed=seed)
        self[DEFAULT] = ImageInput(mean)

    @property
    def feature_rate(self) -> float:
        """0: pixels are taken as they are, and nothing is made of them that would be worth keeping."""
        return 0.0


class ConvolutionBlock(nn.Module):
    """Convolution, batch norm and dropout of channels where there are any, max-pooling, ReLU.

    States are frames (batch, 1, height * width * channel): an image with the channels of a pixel side by
    side, which on a CPU takes two thirds of the time of channels one after another.
    """

    def __init__(self, side: int, entering: int, leaving: int, norm: bool, dropout: bool) -> None:
        """Draw the weights.

        Args:
            side: pixels of the height and of the width that enter.
            entering: channels that enter.
            leaving: channels that leave.
            norm: whether there is a batch norm.
            dropout: whether there is dropout.
        """
        super().__init__()
        self.convolution = nn.Conv2d(entering, leaving, KERNEL)
        self.norm = MaskedBatchNorm(leaving) if norm else None
        self.dropout = ChannelDropout() if dropout else None
        self.side, self.entering, self.leaving = side, entering, leaving
        self.out_side = (side - KERNEL + 1) // POOL
        self.hidden_width = leaving * self.out_side**2

    def forward(
        self, states: Tensor, lengths: Tensor, adjust: Adjustment = UNCHANGED
    ) -> tuple[Tensor, Tensor]:
        """Map frames (batch, 1, height * width * channel) to the like, lengths unchanged.

        `adjust` changes the frames that leave, or whose batch norm they go through.
        """
        images = states.view(len(states), self.side, self.side, self.entering).permute(0, 3, 1, 2)
        images = self.convolution(images)
        if self.norm is not None:
            images = self._normalised(images, self.norm, adjust)
        pooled = torch.relu(functional.max_pool2d(images, POOL))
        return adjust(pooled.permute(0, 2, 3, 1).reshape(len(states), 1, -1), lengths), lengths

    def _normalised(self, images: Tensor, norm: MaskedBatchNorm, adjust: Adjustment) -> Tensor:
        """Images (batch, channel, height, width) behind the batch norm; each pixel counts as a frame."""
        batch, channels, height, width = images.shape
        pixels = images.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        lengths = torch.full((batch,), height * width, device=images.device)
        pixels = adjust.normalise("norm", norm, pixels, lengths)
        if self.dropout is not None:
            pixels = self.dropout(pixels)
        return pixels.view(batch, height, width, channels).permute(0, 3, 1, 2)


class DenseBlock(nn.Module):
    """Fully connected layer, batch norm where there is one, ReLU, dropout where there is any."""

    def __init__(self, width: int, norm: bool, dropout: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(width, HIDDEN)
        self.norm = MaskedBatchNorm(HIDDEN) if norm else None
        self.dropout = ChannelDropout() if dropout else None
        self.hidden_width = HIDDEN

    def forward(
        self, states: Tensor, lengths: Tensor, adjust: Adjustment = UNCHANGED
    ) -> tuple[Tensor, Tensor]:
        """Map frames (batch, 1, width) to frames (batch, 1, 100), lengths unchanged."""
        hidden = self.linear(states)
        if self.norm is not None:
            hidden = adjust.normalise("norm", self.norm, hidden, lengths)
        hidden = adjust(torch.relu(hidden), lengths)
        return hidden if self.dropout is None else self.dropout(hidden), lengths


class ImageModel(AcousticModel):
    """An acoustic model whose input and encoder are those of images: one frame each, no layer norm.

    The blocks: `input`, the convolutions `encoder.0` and `encoder.1`, the fully connected layers `encoder.2`
    and `encoder.3`, `norm`, which changes nothing, and `head.zxx`.
    """

    def __init__(self, network: Name, mean: NDArray[np.float64], *, seed: int) -> None:
        digits = tokenizer()
        settings = ModelSettings(dim=HIDDEN, blocks=4, head="classifier")
        super().__init__(settings, FeatureSettings(), {digits.language: digits}, seed=seed)
        self.inputs = ImageInputs(mean, self.features, HIDDEN, seed=seed)
        self.encoder = nn.ModuleList(encoder_blocks(NETWORKS[network], seed))
        self.norm = nn.Identity()  # type: ignore[assignment]

    def block_width(self, block: str) -> int:
        """Width of the states (batch, 1, width) that come out of a block."""
        usual = super().block_width(block)
        if block == "input":
            return CHANNELS * SIDE * SIDE
        inner = self.blocks()[block]
        return cast(int, getattr(inner, "hidden_width", usual))


def encoder_blocks(network: Network, seed: int) -> list[nn.Module]:
    """The blocks between the pixels and the head; each draws its weights from a generator of its own."""
    norm, (first, second) = network.has_batch_norm, network.channels
    with seeded(seed, "encoder.0"):
        below = ConvolutionBlock(SIDE, CHANNELS, first, norm, dropout=False)
    with seeded(seed, "encoder.1"):
        features = ConvolutionBlock(below.out_side, first, second, norm, dropout=norm)
    with seeded(seed, "encoder.2"):
        third = DenseBlock(features.hidden_width, norm, dropout=norm)
    with seeded(seed, "encoder.3"):
        fourth = DenseBlock(HIDDEN, norm, dropout=False)
    return [below, features, third, fourth]


def mean_pixel(*images: Digits) -> NDArray[np.float64]:
    """The mean (channel,) of the pixels of some images, from 0 to 1."""
    means = [digits.pixels.mean(axis=(0, 2, 3)) / 255 for digits in images]
    return np.average(means, axis=0, weights=[len(digits) for digits in images])
