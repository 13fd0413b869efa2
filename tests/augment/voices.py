"""Sounds that augmentation is tested on."""

import numpy as np
import torch
from torch import Tensor


def tone(hertz: float, seconds: float = 1.0) -> Tensor:
    """A sine (samples,)."""
    time = torch.arange(round(16_000 * seconds), dtype=torch.float64) / 16_000
    return (0.3 * torch.sin(2 * torch.pi * hertz * time)).float()


def voiced(seconds: float, seed: int = 0) -> Tensor:
    """Something like speech (samples,): a gliding buzz in syllables, with a little noise."""
    random = np.random.default_rng(seed)
    time = np.arange(round(16_000 * seconds)) / 16_000
    pitch = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 2 * time)) / 16_000
    buzz = sum(np.sin(n * pitch) / n for n in range(1, 15))
    syllables = np.clip(np.sin(2 * np.pi * 3 * time), 0, 1)
    samples = 0.1 * buzz * syllables + random.normal(0, 0.0005, len(time))
    return torch.from_numpy(samples.astype(np.float32))


def frequency(waveform: Tensor) -> float:
    """Hertz of the strongest partial."""
    windowed = waveform * torch.hann_window(len(waveform))
    return float(torch.fft.rfft(windowed, n=1 << 18).abs().argmax()) * 16_000 / (1 << 18)


def power(waveform: Tensor) -> float:
    """Mean power."""
    return float(waveform.double().square().mean())
