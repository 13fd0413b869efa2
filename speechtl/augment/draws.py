"""Draws: what an epoch's utterances go through, each kind of change from a generator of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speechtl.augment.changes import Changes, Noise, Room, generator
from speechtl.augment.settings import AugmentSettings, NoiseKind

DIRECT_DB = (0.0, 10.0)
"""Energy of the direct sound above its reflections that is drawn: from the far end of a living room to a
telephone's distance, in decibels."""

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Draws:
    """The changes of an epoch, one entry per item in every array."""

    key: tuple[int, int]
    """Seed and epoch."""
    speeds: Numbers
    tempos: Numbers
    pitches: Numbers
    """In semitones."""
    warps: Numbers
    has_room: Flags
    rt60: Numbers
    """In seconds; only where there is a room."""
    direct_db: Numbers
    has_noise: Flags
    snr: Numbers
    """In decibels; only where there is noise."""
    kinds: NDArray[np.int64]
    """Positions among the kinds of noise."""
    noise_kinds: tuple[NoiseKind, ...]

    @classmethod
    def of(cls, settings: AugmentSettings, seed: int, epoch: int, speeds: Numbers) -> Draws:
        """Draw for the items (items,) of an epoch whose speeds are drawn already."""
        key, count = (seed, epoch), len(speeds)
        room, noise = generator(key, "room"), generator(key, "noise")
        return cls(
            key=key,
            speeds=speeds,
            tempos=_choice(settings.tempos, key, "tempo", count),
            pitches=_choice(settings.pitches, key, "pitch", count),
            warps=_choice(settings.warps, key, "vocal tract", count),
            has_room=room.random(count) < settings.reverb,
            rt60=room.uniform(*settings.rt60, count),
            direct_db=room.uniform(*DIRECT_DB, count),
            has_noise=noise.random(count) < settings.noise,
            snr=noise.uniform(*settings.snr, count),
            kinds=noise.integers(len(settings.noise_kinds), size=count),
            noise_kinds=settings.noise_kinds,
        )

    @property
    def factors(self) -> Numbers:
        """By how much each item becomes shorter."""
        return self.speeds * self.tempos

    def of_items(self, items: NDArray[np.int64]) -> list[Changes]:
        """The changes of some items."""
        numbers = zip(
            items.tolist(),
            *(part[items].tolist() for part in (self.speeds, self.tempos, self.pitches, self.warps)),
            strict=True,
        )
        changes = [
            Changes(speed, tempo, pitch, warp, key=(*self.key, item))
            for item, speed, tempo, pitch, warp in numbers
        ]
        for place in np.flatnonzero(self.has_room[items] | self.has_noise[items]).tolist():
            changes[place] = self._surrounded(changes[place], int(items[place]))
        return changes

    def _surrounded(self, changes: Changes, item: int) -> Changes:
        """An item's changes with its room and its noise."""
        room = noise = None
        if self.has_room[item]:
            room = Room(float(self.rt60[item]), float(self.direct_db[item]))
        if self.has_noise[item]:
            noise = Noise(self.noise_kinds[self.kinds[item]], float(self.snr[item]))
        return replace(changes, room=room, noise=noise)


def _choice(grid: tuple[float, ...], key: tuple[int, int], name: str, count: int) -> Numbers:
    """Values (count,) of a grid, each as likely as another."""
    return np.asarray(grid)[generator(key, name).integers(len(grid), size=count)]
