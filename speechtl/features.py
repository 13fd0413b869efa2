"""Log-mel features with their normalisation, SpecAugment and speed perturbation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
import torchaudio
from torch import Tensor, nn

SAMPLE_RATE = 16_000
RIPPLE_REACH = 5
"""Filters to each side that an energy is compared with: some 200 Hz where harmonics are told apart."""

Masking = Callable[[Tensor, Tensor], Tensor]
"""Changes features (batch, time, views * mel) with lengths (batch,) in frames, shapes unchanged."""


@dataclass(frozen=True)
class FeatureSettings:
    """What the model sees of a waveform; saved with the model."""

    mels: int = 80
    """Mel filters."""
    window_ms: float = 25.0
    """Length of the analysis window, in milliseconds."""
    hop_ms: float = 10.0
    """Distance between frames, in milliseconds."""
    margin_seconds: float = 0.1
    """Silence added before and after every clip, in training and in use alike, so that a very short
    clip has frames enough for its labels."""
    views: tuple[Literal["level", "contrast", "ripple"], ...] = ("level", "contrast", "ripple")
    """Normalisations of the log-mel energies that stand side by side; see `LogMel`."""
    range_db: float = 60.0
    """Energies further than this below the loudest of the utterance count as silence, in decibels."""

    def __post_init__(self) -> None:
        if not 0 < self.hop_ms <= self.window_ms <= 32:
            raise ValueError(
                f"hop_ms={self.hop_ms} and window_ms={self.window_ms}: expected 0 < hop_ms <= window_ms <= 32"
            )
        if self.margin_seconds < 0 or self.range_db <= 0:
            raise ValueError("margin_seconds must not be negative, range_db must be above 0")
        if not self.views or len(set(self.views)) < len(self.views):
            raise ValueError(
                f"views={self.views}: expected one or more of level, contrast and ripple, once each"
            )

    @property
    def width(self) -> int:
        """Values of a frame."""
        return len(self.views) * self.mels


class LogMel(nn.Module):
    """Log-mel energies, normalised in up to three views that stand side by side.

    Level: decibels below the loudest energy of the utterance, from -2 (silence) to 2; one level for all
    filters keeps vowels apart in a clip of one syllable. Contrast: zero mean and unit variance for each
    filter over the clip, which takes the microphone away and makes movement large. Ripple: each filter above
    or below its neighbours, which is the harmonics, and so the pitch, without the vowel; without this view
    many runs never learn tones (`docs/results.md`).

    Frames are not centred, and a clip is followed by its margin, so no frame sees the end of the padded
    batch: padding never changes a result.
    """

    N_FFT = 512
    ripple: Tensor

    def __init__(self, settings: FeatureSettings) -> None:
        super().__init__()
        self.settings = settings
        self.hop_length = round(settings.hop_ms * SAMPLE_RATE / 1000)
        self.margin = round(settings.margin_seconds * SAMPLE_RATE)
        self.register_buffer("ripple", _ripple(settings.mels), persistent=False)
        self.mel = torchaudio.transforms.MelSpectrogram(
            sample_rate=SAMPLE_RATE,
            n_fft=self.N_FFT,
            win_length=round(settings.window_ms * SAMPLE_RATE / 1000),
            hop_length=self.hop_length,
            center=False,
            n_mels=settings.mels,
            f_min=20.0,
        )

    def frames(self, samples: Tensor) -> Tensor:
        """Number of frames of clips of so many samples, margins included."""
        return (samples + 2 * self.margin - self.N_FFT).div(self.hop_length, rounding_mode="floor") + 1

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Turn waveforms (batch, samples) with lengths (batch,) into features and their lengths.

        Returns:
            float32 features (batch, time, views * mel), zero past each length, and lengths (batch,).
        """
        with torch.autocast(waveforms.device.type, enabled=False):
            padded = nn.functional.pad(waveforms.float(), (self.margin, self.margin))
            energies = self.mel(padded).transpose(1, 2)
            frames = self.frames(lengths)
            return self.normalise(energies, frames), frames

    def normalise(self, energies: Tensor, lengths: Tensor) -> Tensor:
        """The views (batch, time, views * mel) of mel energies (batch, time, mel); zero past the lengths."""
        real = frame_mask(lengths, energies.shape[1]).unsqueeze(2)
        loudest = energies.masked_fill(~real, 0).amax(dim=(1, 2), keepdim=True).clamp_min(1e-10)
        level = torch.log((energies / loudest).clamp_min(10 ** (-self.settings.range_db / 10)))
        views = {
            "level": lambda: 2 + 4 * level / (self.settings.range_db * math.log(10) / 10),
            "contrast": lambda: self._contrast(level, real, lengths),
            "ripple": lambda: level @ self.ripple,
        }
        return torch.cat([views[name]() for name in self.settings.views], dim=2) * real

    def _contrast(self, level: Tensor, real: Tensor, lengths: Tensor) -> Tensor:
        """Levels (batch, time, mel) with zero mean and unit variance for each filter over the clip."""
        inside = (real & self._clip_frames(lengths, level.shape[1])).to(level.dtype)
        count = inside.sum(dim=1, keepdim=True).clamp_min(1)
        centred = level - (level * inside).sum(dim=1, keepdim=True) / count
        deviation = ((centred.square() * inside).sum(dim=1, keepdim=True) / count).sqrt()
        return (centred / (deviation + 0.1)).clamp(-4, 4)

    def _clip_frames(self, lengths: Tensor, time: int) -> Tensor:
        """True (batch, time, 1) for the frames that overlap the clip itself and not only its margin."""
        skip = max(0, (self.margin - self.N_FFT) // self.hop_length + 1)
        position = torch.arange(time, device=lengths.device)
        last = (lengths - skip).clamp_min(skip + 1)
        return ((position >= skip) & (position < last.unsqueeze(1))).unsqueeze(2)


def _ripple(mels: int) -> Tensor:
    """The matrix (mel, mel) that takes from each filter the weighted mean of those around it."""
    filters = torch.arange(mels)
    distance = (filters.unsqueeze(1) - filters).abs()
    weights = torch.cos(math.pi / 2 * distance / (RIPPLE_REACH + 1)).square() * (distance <= RIPPLE_REACH)
    return torch.eye(mels) - (weights / weights.sum(dim=1, keepdim=True)).T


def frame_mask(lengths: Tensor, time: int) -> Tensor:
    """True (batch, time) where a frame belongs to the utterance and is not padding."""
    return torch.arange(time, device=lengths.device) < lengths.unsqueeze(1)


@dataclass(frozen=True)
class AugmentSettings:
    """Random changes to the training speech; never used in evaluation."""

    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    """Speed factors, one drawn per utterance and epoch; pitch moves with speed. `1.0` alone is off."""
    mel_masks: int = 2
    """SpecAugment: bands of filters set to zero."""
    mel_width: int = 8
    """SpecAugment: widest band, in filters."""
    time_masks: int = 2
    """SpecAugment: stretches of time set to zero."""
    time_share: float = 0.05
    """SpecAugment: longest stretch, as a share of the utterance."""

    def __post_init__(self) -> None:
        if not self.speeds or any(not 0.5 <= speed <= 2 for speed in self.speeds):
            raise ValueError(f"speeds={self.speeds}: expected one or more factors between 0.5 and 2")
        if not 0 <= self.time_share <= 1:
            raise ValueError(f"time_share={self.time_share}: expected a share between 0 and 1")


@dataclass(frozen=True)
class SpecAugment:
    """Masks bands of filters and stretches of time with zero, the middle of the levels and of the others.

    Draws on each utterance's own length, not on the padded one, and anew from `seed` at every call: the
    same features always get the same masks.
    Source: Park et al. 2019, SpecAugment, section 2.
    """

    settings: AugmentSettings
    seed: int
    mels: int
    """Filters of a view."""

    def __call__(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Mask features (batch, time, views * mel), all views alike, with lengths (batch,) in frames."""
        batch, time, width = features.shape
        mels = self.mels
        settings, generator = self.settings, torch.Generator().manual_seed(self.seed)
        keep = torch.ones(batch, time, mels, dtype=torch.bool)
        if settings.mel_masks:
            total = torch.full((batch, settings.mel_masks), float(mels))
            keep &= ~_spans(total, settings.mel_width, mels, generator).unsqueeze(1)
        if settings.time_masks:
            total = lengths.cpu().float().unsqueeze(1).expand(batch, settings.time_masks)
            keep &= ~_spans(total, total * settings.time_share, time, generator).unsqueeze(2)
        return features * keep.repeat(1, 1, width // mels).to(features.device)


def _spans(total: Tensor, widest: Tensor | float, size: int, generator: torch.Generator) -> Tensor:
    """Union (batch, size) of random spans, each up to `widest` long and inside its total (batch, n)."""
    width = torch.rand(total.shape, generator=generator) * widest
    start = (torch.rand(total.shape, generator=generator) * (total - width).clamp_min(0)).floor()
    position = torch.arange(size)
    inside = (position >= start.unsqueeze(2)) & (position < (start + width.floor()).unsqueeze(2))
    return inside.any(dim=1)


def change_speed(waveform: Tensor, speed: float) -> Tensor:
    """Play a waveform (samples,) faster or slower, pitch included; speed 1.1 makes it 1.1 times shorter.

    Source: Ko et al. 2015, Audio augmentation for speech recognition.
    """
    if speed == 1.0:
        return waveform
    played: Tensor = _speed_changer(round(speed * 100))(waveform)
    return played


@lru_cache(maxsize=16)
def _speed_changer(percent: int) -> nn.Module:
    """A resampler keeps its filter, which costs more to make than to use."""
    changer: nn.Module = torchaudio.transforms.Resample(percent, 100)
    return changer
