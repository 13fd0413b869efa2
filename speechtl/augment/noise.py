"""Noise in the background of speech, at a level that is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from torch import Tensor

from speechtl.augment.activity import frame_energies, speech_frames
from speechtl.features import SAMPLE_RATE

LOWEST_HERTZ = 20.0
"""Pink noise has no more power below this than at it."""


def add_noise(waveform: Tensor, noise: Tensor, snr: float) -> Tensor:
    """A waveform (samples,) with noise (samples,) so many decibels below the speech.

    Both powers are measured where there is speech, so that silence around it makes no noise louder. Silence
    stays silence, and so does what noise of zeros is added to.
    Source: Snyder et al. 2018, X-vectors: robust DNN embeddings for speaker recognition, which adds noise and
    the babble of three to seven voices; that speech is measured where it is active: ITU-T P.56.
    """
    inside = speech_frames(waveform)
    speech, background = (float(frame_energies(part)[inside].sum()) for part in (waveform, noise))
    if speech == 0 or background == 0:
        return waveform
    return waveform + noise * math.sqrt(speech / background * 10 ** (-snr / 10))


def white(samples: int, random: np.random.Generator) -> Tensor:
    """White Gaussian noise (samples,)."""
    return torch.from_numpy(random.standard_normal(samples, dtype=np.float32))


def pink(samples: int, random: np.random.Generator) -> Tensor:
    """Gaussian noise (samples,) with a power that falls as 1/f, as in most rooms; a frequency at a time.

    Source: Timmer and König 1995, On generating power law noise.
    """
    size = next_fast_len(samples, real=True)
    spectrum = rfft(random.standard_normal(size, dtype=np.float32))
    hertz = np.arange(len(spectrum), dtype=np.float32) * np.float32(SAMPLE_RATE / size)
    shaped: NDArray[np.float32] = irfft(spectrum / np.sqrt(np.maximum(hertz, LOWEST_HERTZ)), size)
    return torch.from_numpy(shaped[:samples])


def babble(voices: Sequence[Tensor], samples: int, random: np.random.Generator) -> Tensor:
    """Several voices (any samples,) at once, equally loud, each repeated from a random place (samples,)."""
    mixed = np.zeros(samples, dtype=np.float32)
    for voice in voices:
        power = float(voice.square().mean()) if len(voice) else 0.0
        if power > 0:
            start = int(random.integers(len(voice)))
            mixed += np.resize(np.roll(voice.numpy(), -start), samples) / np.float32(math.sqrt(power))
    return torch.from_numpy(mixed)
