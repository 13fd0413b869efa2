"""Speed: the waveform played faster or slower, pitch included."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
import torchaudio
from torch import Tensor


def change_speed(waveform: Tensor, speed: float) -> Tensor:
    """Play a waveform (samples,) faster or slower, pitch included; speed 1.1 makes it 1.1 times shorter.

    Source: Ko et al. 2015, Audio augmentation for speech recognition.
    """
    if speed == 1.0:
        return waveform
    return resample(waveform, round(speed * 100), 100)


def resample(waveform: Tensor, old: int, new: int) -> Tensor:
    """A waveform (samples,) with `new` samples for every `old` ones, the length rounded up.

    The samples are those of `torchaudio.transforms.Resample`, whose call takes as long again as its
    convolution does for a word.
    """
    phases = _filter(old, new)
    padded = torch.nn.functional.pad(waveform, (phases.width, phases.width + phases.old))
    played = torch.conv1d(padded.view(1, 1, -1), phases.kernel, stride=phases.old)
    return played[0].t().reshape(-1)[: -(-phases.new * len(waveform) // phases.old)]


class _Filter(NamedTuple):
    """A low-pass filter in as many phases as there are new samples in a period."""

    kernel: Tensor
    """(new, 1, taps)."""
    width: int
    """Samples that it reaches to each side."""
    old: int
    """Samples of a period before, and `new` ones after: without common divisor."""
    new: int


@lru_cache(maxsize=256)
def _filter(old: int, new: int) -> _Filter:
    """Made once: that takes longer than to use it."""
    made = torchaudio.transforms.Resample(old, new)
    return _Filter(made.kernel, made.width, old // made.gcd, new // made.gcd)
