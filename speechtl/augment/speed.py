"""Speed: the waveform played faster or slower, pitch included."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
import torchaudio
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def change_speed(waveform: Tensor, speed: float) -> Tensor:
    """Play a waveform (samples,) faster or slower, pitch included; speed 1.1 makes it 1.1 times shorter.

    Source: Ko et al. 2015, Audio augmentation for speech recognition.
    """
    return change_speeds([waveform], speed)[0]


def change_speeds(waveforms: Sequence[Tensor], speed: float) -> list[Tensor]:
    """The same for several waveforms (samples,) of like length at once, which takes half of the time."""
    if speed == 1.0:
        return list(waveforms)
    return resample_all(waveforms, round(speed * 100), 100)


def resample(waveform: Tensor, old: int, new: int) -> Tensor:
    """A waveform (samples,) with `new` samples for every `old` ones, the length rounded up.

    The samples are those of `torchaudio.transforms.Resample`, whose call takes as long again as its
    convolution does for a word.
    """
    return resample_all([waveform], old, new)[0]


def resample_all(waveforms: Sequence[Tensor], old: int, new: int) -> list[Tensor]:
    """The same for several waveforms (samples,) at once; each comes out as if it were alone."""
    phases = _filter(old, new)
    padded = pad_sequence(list(waveforms), batch_first=True)
    padded = torch.nn.functional.pad(padded, (phases.width, phases.width + phases.old))
    played = torch.conv1d(padded.unsqueeze(1), phases.kernel, stride=phases.old)
    rows = played.transpose(1, 2).reshape(len(waveforms), -1)
    lengths = [-(-phases.new * len(wave) // phases.old) for wave in waveforms]
    return [row[:length] for row, length in zip(rows, lengths, strict=True)]


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
