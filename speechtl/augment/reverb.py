"""Reverberation: speech as it is heard in a room."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from torch import Tensor

from speechtl.features import SAMPLE_RATE

FIRST_REFLECTION = 0.0025
"""Seconds after the direct sound at which the room answers: a way 0.9 m longer."""


def room_response(rt60: float, direct_db: float, random: np.random.Generator) -> NDArray[np.float32]:
    """The impulse response (samples,) of a room: the direct sound, then noise that dies away.

    The direct sound is sample 0 with height 1, so that speech stays where its labels are. The noise is
    Gaussian under an exponential that falls by 60 dB in `rt60`.
    Source: Polack 1988, La transmission de l'énergie sonore dans les salles; for training, Ko et al. 2017, A
    study on data augmentation of reverberant speech for robust speech recognition.

    Args:
        rt60: Reverberation time in seconds; the response ends there.
        direct_db: Energy of the direct sound above all that follows, in decibels.
        random: Draws the noise.
    """
    first = round(FIRST_REFLECTION * SAMPLE_RATE)
    samples = max(first + 1, round(rt60 * SAMPLE_RATE))
    response = np.zeros(samples, dtype=np.float32)
    decay = np.exp(np.arange(samples - first, dtype=np.float32) * (-3 * math.log(10) / (rt60 * SAMPLE_RATE)))
    tail = random.standard_normal(samples - first, dtype=np.float32) * decay
    tail *= np.float32(math.sqrt(10 ** (-direct_db / 10) / float(np.square(tail).sum())))
    response[0], response[first:] = 1, tail
    return response


def reverberate(waveform: Tensor, response: NDArray[np.float32]) -> Tensor:
    """A waveform (samples,) in a room, with its length and mean power; what rings on after it is cut off."""
    dry = waveform.numpy()
    size = next_fast_len(len(dry) + len(response) - 1, real=True)
    wet = irfft(rfft(dry, size) * rfft(response, size), size)[: len(dry)]
    power = float(np.square(wet).mean())
    if power == 0:
        return waveform
    wet *= np.float32(math.sqrt(float(np.square(dry).mean()) / power))
    return torch.from_numpy(wet)
