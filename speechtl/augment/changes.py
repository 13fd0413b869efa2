"""Changes: all that was drawn for one waveform, and the waveform after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from speechtl.augment.noise import add_noise, babble, pink, white
from speechtl.augment.pitch import change_pitch
from speechtl.augment.reverb import reverberate, room_response
from speechtl.augment.settings import NoiseKind
from speechtl.augment.speed import change_speed

Voices = Callable[[np.random.Generator], Sequence[Tensor]]
"""Draws utterances (any samples,) that babble is made of."""


@dataclass(frozen=True)
class Room:
    """The room that speech is heard in."""

    rt60: float
    """Reverberation time in seconds."""
    direct_db: float
    """Energy of the direct sound above that of its reflections, in decibels."""


@dataclass(frozen=True)
class Noise:
    """What is heard behind speech."""

    kind: NoiseKind
    snr: float
    """Level of the speech above it, in decibels."""


@dataclass(frozen=True)
class Changes:
    """What was drawn for one waveform; the default changes nothing."""

    speed: float = 1.0
    tempo: float = 1.0
    pitch: float = 0.0
    """In semitones."""
    warp: float = 1.0
    """Factor on the frequency axis, which the mel filters apply."""
    room: Room | None = None
    noise: Noise | None = None
    key: tuple[int, ...] = ()
    """What the samples of the room and of the noise are drawn from."""

    def apply(self, waveform: Tensor, voices: Voices) -> Tensor:
        """A waveform (samples,) after all changes but the warp: the voice first, then what surrounds it."""
        waveform = change_speed(waveform, self.speed)
        waveform = change_pitch(waveform, self.pitch, self.tempo)
        if self.room is not None:
            response = room_response(self.room.rt60, self.room.direct_db, generator(self.key, "room"))
            waveform = reverberate(waveform, response)
        if self.noise is not None:
            random = generator(self.key, "noise")
            waveform = add_noise(waveform, self._noise(len(waveform), voices, random), self.noise.snr)
        return waveform

    def _noise(self, samples: int, voices: Voices, random: np.random.Generator) -> Tensor:
        assert self.noise is not None
        if self.noise.kind == "babble":
            return babble(voices(random), samples, random)
        return {"white": white, "pink": pink}[self.noise.kind](samples, random)


def generator(key: Sequence[int], name: str) -> np.random.Generator:
    """A generator of its own for each key and name, so that no part's draws shift another's."""
    return np.random.default_rng([*key, *name.encode()])
