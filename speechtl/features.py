"""Log-mel features with their normalisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol, cast

import torch
import torchaudio
from torch import Tensor, nn

SAMPLE_RATE = 16_000
F_MIN = 20.0
"""Lower edge of the lowest filter, in hertz."""
RIPPLE_REACH = 5
"""Filters to each side that an energy is compared with: some 200 Hz where harmonics are told apart."""

WARP_STEP = 0.02
"""Warps are rounded to multiples of this, so that each filter bank is made once."""
BENT_FROM = 0.6
"""Share of the band from which on a warp is bent, so that its edge stays: 4.8 of 8 kHz in the source."""


class Masking(Protocol):
    """Changes features, shapes unchanged."""

    def __call__(self, features: Tensor, lengths: Tensor, /) -> Tensor:
        """Change features (batch, time, views * mel) with lengths (batch,) in frames."""
        ...

    def of_input(self, domain: str, mels: int) -> Masking:
        """The same for the utterances of a domain that has an input of its own, with so many filters."""
        ...


@dataclass(frozen=True)
class FeatureSettings:
    """What the model sees of a waveform; saved with the model."""

    mels: int = 80
    """Mel filters."""
    window_ms: float = 25.0
    """Length of the analysis window, in milliseconds."""
    f_max: float = 8000.0
    """Upper edge of the highest filter, in hertz; 4000 for speech from the telephone."""
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
        if self.mels < 1 or not F_MIN < self.f_max <= SAMPLE_RATE / 2:
            raise ValueError(
                f"mels={self.mels} and f_max={self.f_max}: expected one filter or more, up to an edge above "
                f"{F_MIN:g} Hz and of at most {SAMPLE_RATE // 2} Hz"
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
            f_min=F_MIN,
            f_max=float(settings.f_max),
        )

    def frames(self, samples: Tensor) -> Tensor:
        """Number of frames of clips of so many samples, margins included."""
        return (samples + 2 * self.margin - self.N_FFT).div(self.hop_length, rounding_mode="floor") + 1

    def forward(
        self, waveforms: Tensor, lengths: Tensor, warps: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Turn waveforms (batch, samples) with lengths (batch,) into features and their lengths.

        Args:
            waveforms: (batch, samples).
            lengths: (batch,) in samples.
            warps: (batch,) factors of vocal tract length: at 1.1 a filter hears what lies at 1.1 times its
                frequency, as if the speaker's vocal tract were 1.1 times longer. 1, as None, changes nothing.

        Returns:
            float32 features (batch, time, views * mel), zero past each length, and lengths (batch,).
        """
        with torch.autocast(waveforms.device.type, enabled=False):
            padded = nn.functional.pad(waveforms.float(), (self.margin, self.margin))
            energies = self._energies(padded, warps)
            frames = self.frames(lengths)
            return self.normalise(energies, frames), frames

    def _energies(self, padded: Tensor, warps: Tensor | None) -> Tensor:
        """Mel energies (batch, time, mel) of waveforms (batch, samples)."""
        spectra, bank = self._spectra(padded), cast(Tensor, self.mel.mel_scale.fb)
        steps = [] if warps is None else (warps / WARP_STEP).round().int().tolist()
        unwarped = round(1 / WARP_STEP)
        if all(step == unwarped for step in steps):
            return spectra @ bank
        banks = [
            bank if step == unwarped else warped_bank(self.settings, step, spectra.shape[2]) for step in steps
        ]
        return torch.bmm(spectra, torch.stack([bank.to(spectra.device) for bank in banks]))

    def _spectra(self, padded: Tensor) -> Tensor:
        """Power spectra (batch, time, bins) of waveforms (batch, samples).

        They are those of `torchaudio.transforms.Spectrogram`, which goes by magnitudes: root, then square.
        """
        window = self.mel.spectrogram.window
        outside = self.N_FFT - len(window)
        window = nn.functional.pad(window, (outside // 2, outside - outside // 2))
        frames = padded.unfold(1, self.N_FFT, self.hop_length) * window
        squares = torch.view_as_real(torch.fft.rfft(frames)).square()
        return squares[..., 0] + squares[..., 1]

    def normalise(self, energies: Tensor, lengths: Tensor) -> Tensor:
        """The views (batch, time, views * mel) of mel energies (batch, time, mel); zero past the lengths."""
        real = frame_mask(lengths, energies.shape[1]).unsqueeze(2)
        loudest = energies.amax(dim=2, keepdim=True).masked_fill(~real, 0).amax(dim=1, keepdim=True)
        loudest = loudest.clamp_min(1e-10)
        level = torch.log((energies / loudest).clamp_min(10 ** (-self.settings.range_db / 10)))
        views = {
            "level": lambda: 2 + 4 * level / (self.settings.range_db * math.log(10) / 10),
            "contrast": lambda: self._contrast(level, real, lengths),
            "ripple": lambda: level @ self.ripple,
        }
        return torch.cat([views[name]() for name in self.settings.views], dim=2).mul_(real)

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


@lru_cache(maxsize=256)
def warped_bank(settings: FeatureSettings, step: int, bins: int) -> Tensor:
    """The mel filters (bin, mel) with their corners moved by a warp of `step` times `WARP_STEP`.

    Triangles over corners that are evenly spaced in mel and then warped, piecewise linearly: by the factor up
    to `BENT_FROM` of the band, from there on such that the upper edge stays where it is.
    Source: Jaitly and Hinton 2013, Vocal Tract Length Perturbation, equation 1.
    """
    highest = 2595 * math.log10(1 + settings.f_max / 700)
    lowest = 2595 * math.log10(1 + F_MIN / 700)
    mel = torch.linspace(lowest, highest, settings.mels + 2, dtype=torch.float64)
    corners = warped(700 * (10 ** (mel / 2595) - 1), step * WARP_STEP, settings.f_max)
    frequencies = torch.linspace(0, SAMPLE_RATE / 2, bins, dtype=torch.float64).unsqueeze(1)
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    rising = (frequencies - left) / (centre - left)
    falling = (right - frequencies) / (right - centre)
    return torch.minimum(rising, falling).clamp_min(0).float()


def warped(frequencies: Tensor, factor: float, edge: float) -> Tensor:
    """Frequencies in hertz as a warp moves them; `edge` stays.

    >>> warped(torch.tensor([1000.0, 8000.0]), 1.1, 8000.0)
    tensor([1100., 8000.])
    """
    bend = BENT_FROM * edge * min(factor, 1) / factor
    above = edge - (edge - factor * bend) / (edge - bend) * (edge - frequencies)
    return torch.where(frequencies <= bend, factor * frequencies, above)
