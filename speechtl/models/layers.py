"""Layers that respect utterance lengths: masked batch norm, convolution and whole-channel dropout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechtl.features import frame_mask


def seed_of(seed: int, *names: object) -> int:
    """A 63-bit seed from a run's seed and a name, so that every part draws from its own stream."""
    text = "\x1f".join(map(str, (seed, *names)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


@contextmanager
def seeded(seed: int, *names: object) -> Iterator[None]:
    """Draw from a generator keyed by (seed, names) inside, and leave the global one as it was."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed_of(seed, *names))
        yield


def convolve(layer: nn.Conv1d, inputs: Tensor) -> Tensor:
    """Convolve inputs (batch, time, dim), zero at padded frames, over time.

    On a CPU in fp32 as a product of two matrices, which takes a quarter less time there than a convolution.
    """
    is_product = inputs.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
    if not is_product or layer.groups > 1:
        return cast(Tensor, layer(inputs.transpose(1, 2)).transpose(1, 2))
    (kernel,), (stride,), (dilation,) = layer.kernel_size, layer.stride, layer.dilation
    (margin,) = cast(tuple[int], layer.padding)
    padded = functional.pad(inputs, (0, 0, margin, margin))
    last = padded.shape[1] - dilation * (kernel - 1)  # the first place after those of a kernel's begin
    taps = [padded[:, dilation * tap : dilation * tap + last : stride] for tap in range(kernel)]
    weight = layer.weight.transpose(1, 2).reshape(layer.out_channels, -1)
    return functional.linear(torch.cat(taps, dim=2), weight, layer.bias)


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm over (batch, time, dim) whose statistics leave padding out.

    Stock `BatchNorm1d` on padded frames would change an utterance with its neighbours' lengths. Here only
    the real frames are normalised, as rows of one matrix; padded frames come out as zero.
    """

    keeps_statistics = False
    """Whether it normalises with its running statistics in training too, and leaves them as they are."""

    def train(self, mode: bool = True) -> MaskedBatchNorm:
        """Switch to training, unless the statistics are kept."""
        super().train(mode and not self.keeps_statistics)
        return self

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, affine_of: MaskedBatchNorm | None = None
    ) -> Tensor:
        """Normalise inputs (batch, time, dim) with lengths (batch,) in frames, in float32.

        With `affine_of` by its own statistics, but with another norm's scale and shift.
        """
        assert lengths is not None, "MaskedBatchNorm needs the lengths of its inputs"
        batch, time, dim = inputs.shape
        real = frame_mask(lengths, time).flatten().nonzero().squeeze(1)
        with torch.autocast(inputs.device.type, enabled=False):
            rows = inputs.reshape(-1, dim)
            is_padded = len(real) < len(rows)  # where it is not, two copies are spared
            rows = (rows.index_select(0, real) if is_padded else rows).float()
            rows = super().forward(rows) if affine_of is None else self._normalised(rows, affine_of)
            if is_padded:
                rows = rows.new_zeros(batch * time, dim).index_copy(0, real, rows)
            return rows.view(batch, time, dim)

    def _normalised(self, rows: Tensor, other: MaskedBatchNorm) -> Tensor:
        """Rows (frames, dim) by the statistics of this norm and the scale and shift of another."""
        assert self.momentum is not None, "an average over all batches is not supported here"
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        return functional.batch_norm(
            rows,
            self.running_mean,
            self.running_var,
            other.weight,
            other.bias,
            self.training,
            self.momentum,
            self.eps,
        )


def set_dropout(model: nn.Module, share: float) -> None:
    """Let every dropout inside a model drop this share; how much is a matter of the run, not of the model."""
    for module in model.modules():
        if isinstance(module, ChannelDropout):
            module.share = share


class ChannelDropout(nn.Module):
    """Drop whole channels of an utterance: far fewer random numbers than dropout of single values."""

    def __init__(self, share: float = 0.0) -> None:
        super().__init__()
        self.share = share

    def forward(self, inputs: Tensor) -> Tensor:
        """Drop channels of inputs (batch, time, dim)."""
        if not self.training or self.share == 0:
            return inputs
        kept = torch.rand(inputs.shape[0], 1, inputs.shape[2], device=inputs.device) >= self.share
        return inputs * (kept.to(inputs.dtype) / (1 - self.share))
