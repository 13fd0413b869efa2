"""Layers that respect utterance lengths: masked batch norm and whole-channel dropout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import torch
from torch import Tensor, nn

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


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm over (batch, time, dim) whose statistics leave padding out.

    Stock `BatchNorm1d` counts padded frames, so an utterance would change with its neighbours' lengths.
    Padded frames come out as zero.
    """

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Normalise inputs (batch, time, dim); lengths (batch,) in frames."""
        if lengths is None:
            raise ValueError("MaskedBatchNorm needs the lengths of its inputs")
        real = frame_mask(lengths, inputs.shape[1]).unsqueeze(2)
        with torch.autocast(inputs.device.type, enabled=False):
            values = inputs.float()
            if self.training:
                mean, variance = self._batch_statistics(values, real)
            else:
                assert self.running_mean is not None
                assert self.running_var is not None
                mean, variance = self.running_mean, self.running_var
            scale = self.weight * torch.rsqrt(variance + self.eps)
            return (values * scale + (self.bias - mean * scale)) * real

    def _batch_statistics(self, values: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        count = real.sum()
        masked = values * real
        mean = masked.sum(dim=(0, 1)) / count
        variance = ((values - mean).square() * real).sum(dim=(0, 1)) / count
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            unbiased = variance * (count / (count - 1).clamp_min(1))
            momentum = self.momentum or 0.0
            self.running_mean.lerp_(mean.detach(), momentum)
            self.running_var.lerp_(unbiased.detach(), momentum)
            self.num_batches_tracked.add_(1)
        return mean, variance


class ChannelDropout(nn.Module):
    """Drop whole channels of an utterance: fewer random numbers than dropout per value, and a stronger one."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, inputs: Tensor) -> Tensor:
        """Drop channels of inputs (batch, time, dim)."""
        if not self.training or self.share == 0:
            return inputs
        kept = torch.rand(inputs.shape[0], 1, inputs.shape[2], device=inputs.device) >= self.share
        return inputs * (kept.to(inputs.dtype) / (1 - self.share))
