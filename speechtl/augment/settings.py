"""AugmentSettings: which random changes training speech goes through, and how strong they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from speechtl.choices import refuse_unknown_words

NoiseKind = Literal["white", "pink", "babble"]

PITCH_STEP = 0.5
"""Distance of the shifts of pitch that are drawn, in semitones."""
FACTOR_STEP = 0.02
"""Distance of the tempos, and of the warps of the vocal tract, that are drawn."""


@dataclass(frozen=True)
class AugmentSettings:
    """Random changes to the training speech; never used in evaluation."""

    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    """Speed factors, one drawn per utterance and epoch; pitch moves with speed. `1.0` alone is off."""
    pitch: float = 0.0
    """Widest shift of the pitch up or down, in semitones; the duration stays. Drawn in steps of 0.5."""
    tempo: float = 0.0
    """Most that the tempo rises or falls, as a share; the pitch stays. Drawn in steps of 0.02."""
    vocal_tract: float = 0.0
    """Most that the frequency axis is stretched or shrunk, as another length of the vocal tract does it, as a
    share. Drawn in steps of 0.02."""
    reverb: float = 0.0
    """Share of utterances that are heard in a room."""
    rt60: tuple[float, float] = (0.2, 0.8)
    """Shortest and longest time in which a room's sound falls by 60 dB, in seconds."""
    noise: float = 0.0
    """Share of utterances with noise in the background."""
    snr: tuple[float, float] = (5.0, 25.0)
    """Lowest and highest level of the speech above the noise, in decibels."""
    noise_kinds: tuple[NoiseKind, ...] = ("white", "pink", "babble")
    """Kinds of noise, one drawn per noisy utterance; `babble` is other training utterances at once."""
    chain: float = 0.0
    """Share of utterances that others of the same language and speaker follow in one phrase; where no
    speakers are known, others of the same domain."""
    chain_longest: int = 4
    """Most utterances in a phrase."""
    chain_pause: tuple[float, float] = (0.1, 0.4)
    """Shortest and longest pause in a phrase, in seconds."""
    mel_masks: int = 2
    """SpecAugment: bands of filters set to zero."""
    mel_width: int = 8
    """SpecAugment: widest band, in filters."""
    time_masks: int = 2
    """SpecAugment: stretches of time set to zero."""
    time_share: float = 0.05
    """SpecAugment: longest stretch, as a share of the utterance."""

    def __post_init__(self) -> None:
        refuse_unknown_words(self)
        if not self.speeds or any(not 0.5 <= speed <= 2 for speed in self.speeds):
            raise ValueError(f"speeds={self.speeds}: expected one or more factors between 0.5 and 2")
        for name, step, most in (
            ("pitch", PITCH_STEP, 12.0),
            ("tempo", FACTOR_STEP, 0.5),
            ("vocal_tract", FACTOR_STEP, 0.3),
        ):
            value = getattr(self, name)
            if value and not step <= value <= most:
                raise ValueError(f"{name}={value}: expected 0, which is off, or {step} to {most}")
        for name in ("time_share", "reverb", "noise", "chain"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)}: expected a share between 0 and 1")
        for name, least in (("rt60", 0.05), ("snr", -20.0), ("chain_pause", 0.0)):
            low, high = getattr(self, name)
            if not least <= low <= high < inf:
                raise ValueError(
                    f"{name}={low} {high}: expected a lowest value of at least {least:g}, then a highest one"
                )
        for name in ("mel_masks", "mel_width", "time_masks"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)}: expected 0, which is off, or more")
        if not self.noise_kinds:
            raise ValueError("noise_kinds is empty: expected white, pink or babble; --augment.noise 0 is off")
        if self.chain_longest < 2:
            raise ValueError(f"chain_longest={self.chain_longest}: a phrase has at least 2 utterances")

    @classmethod
    def off(cls) -> AugmentSettings:
        """No change at all, of the waveform or of the features."""
        return cls(speeds=(1.0,), mel_masks=0, time_masks=0)

    @property
    def pitches(self) -> tuple[float, ...]:
        """The shifts of pitch that are drawn from, in semitones."""
        return _around(0.0, self.pitch, PITCH_STEP)

    @property
    def tempos(self) -> tuple[float, ...]:
        """The factors on the tempo that are drawn from."""
        return _around(1.0, self.tempo, FACTOR_STEP)

    @property
    def warps(self) -> tuple[float, ...]:
        """The factors on the frequency axis that are drawn from."""
        return _around(1.0, self.vocal_tract, FACTOR_STEP)

    @property
    def fastest(self) -> float:
        """The largest factor by which an utterance becomes shorter."""
        return max(self.speeds) * max(self.tempos)

    @property
    def slowest(self) -> float:
        """The smallest factor by which an utterance becomes shorter, below 1 where it becomes longer."""
        return min(self.speeds) * min(self.tempos)


def _around(middle: float, widest: float, step: float) -> tuple[float, ...]:
    """The grid of values up to `widest` from a middle.

    >>> _around(1.0, 0.05, 0.02)
    (0.96, 0.98, 1.0, 1.02, 1.04)
    """
    count = int(widest / step + 1e-6)
    return tuple(round(middle + step * i, 6) for i in range(-count, count + 1))
