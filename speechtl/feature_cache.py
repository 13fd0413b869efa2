"""Features of training speech, kept in memory for when the same clip comes again at the same speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechtl.augment.speed import change_speeds
from speechtl.epochs import bucket

BLOCK_SECONDS = 60.0
"""Most speech, padding included, whose features are made at once."""


class Clip(NamedTuple):
    """A clip whose features are wanted."""

    waveform: Tensor
    """(samples,)."""
    warp: float
    """Factor of the vocal tract length that the filters are warped by."""
    domain: str | None
    """Whose input it goes through."""
    speed: float = 1.0
    """What it is played at before all else."""
    speaker: str | None = None
    language: str = ""


class Made(NamedTuple):
    """A clip's features."""

    features: Tensor
    """(time, width)."""
    samples: int
    """Length of the clip."""


Featurize = Callable[[Sequence[Clip]], list[Tensor]]
"""Features (time, width) of clips, in their order."""


class FeatureCache:
    """The features of a run's clips, as far as its memory for them goes.

    Those that are kept are made in blocks of clips of like length, which are the same whoever asks first; the
    others belong to a step. So what a clip's features are does not depend on what was kept before, and a run
    that was resumed with an empty cache ends with the same bits.
    """

    def __init__(
        self,
        featurize: Featurize,
        gigabytes: float,
        bytes_per_second: float,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Prepare an empty cache.

        Args:
            featurize: makes features.
            gigabytes: most memory to fill.
            bytes_per_second: what the features of a second of speech take.
            dtype: what they are kept as; under autocast its type, to which the first layer rounds anyhow.
        """
        self._featurize = featurize
        self._bytes_left = gigabytes * 1e9
        self._bytes_per_second = bytes_per_second
        self._dtype = dtype

    def share(self, seconds: NDArray[np.float64], speeds: Sequence[float]) -> ClipFeatures:
        """The part for some clips (clips,) that last so long and come at these speeds; shortest first."""
        order = np.argsort(seconds, kind="stable")
        blocks = [order[part] for part in bucket(seconds[order], BLOCK_SECONDS)]
        ends = np.cumsum([self.size(float(seconds[block].sum()), speeds) for block in blocks])
        kept = int(np.searchsorted(ends, self._bytes_left, side="right"))
        self._bytes_left -= float(ends[kept - 1]) if kept else 0.0
        return ClipFeatures(self.make, blocks[:kept])

    def size(self, seconds: float, speeds: Sequence[float]) -> float:
        """Bytes of the features of so much speech at these speeds."""
        return self._bytes_per_second * seconds * sum(1 / speed for speed in set(speeds))

    @torch.no_grad()
    def make(self, clips: Sequence[Clip]) -> list[Made]:
        """The features of clips, which are made at once and not kept."""
        clips = _played(clips)
        made = self._featurize(clips)
        return [
            Made(features.to(self._dtype), len(clip.waveform))
            for features, clip in zip(made, clips, strict=True)
        ]


def _played(clips: Sequence[Clip]) -> list[Clip]:
    """Clips at their speeds, changed at once where they share one."""
    played = list(clips)
    for speed in {clip.speed for clip in clips} - {1.0}:
        rows = [row for row, clip in enumerate(clips) if clip.speed == speed]
        for row, wave in zip(rows, change_speeds([clips[row].waveform for row in rows], speed), strict=True):
            played[row] = clips[row]._replace(waveform=wave, speed=1.0)
    return played


class ClipFeatures:
    """The features of some clips at some speeds, made block by block when one of a block is first wanted."""

    def __init__(
        self, make: Callable[[Sequence[Clip]], list[Made]], blocks: Sequence[NDArray[np.int64]]
    ) -> None:
        """Prepare for clips in blocks, by their numbers; clips in no block are never kept."""
        self.make = make
        self._blocks = blocks
        self._block_of = {int(clip): block for block, clips in enumerate(blocks) for clip in clips}
        self._made: dict[tuple[int, float], Mapping[int, Made]] = {}

    def keeps(self, clip: int) -> bool:
        """Whether there is memory for a clip's features."""
        return clip in self._block_of

    def of(self, clip: int, speed: float, asked: Callable[[int, float], Clip]) -> Made:
        """The features of a clip at a speed, which `asked` gives if its block was not made before."""
        block = self._block_of[clip], speed
        if block not in self._made:
            members = self._blocks[block[0]].tolist()
            made = self.make([asked(member, speed) for member in members])
            self._made[block] = dict(zip(members, made, strict=True))
        return self._made[block][clip]

    def part(self, clips: Sequence[int], asked: Callable[[int, float], Clip]) -> ClipFeatures:
        """The same features for some of the clips under new numbers: their places in `clips`.

        Args:
            clips: by their numbers here.
            asked: gives clips by their numbers here, whatever those who ask the part would give.
        """
        return _Part(self, clips, asked)


class _Part(ClipFeatures):
    """The features of some clips, in the memory and in the blocks of the whole."""

    def __init__(
        self, whole: ClipFeatures, clips: Sequence[int], asked: Callable[[int, float], Clip]
    ) -> None:
        super().__init__(whole.make, ())
        self._whole, self._clips, self._asked = whole, clips, asked

    def keeps(self, clip: int) -> bool:
        """Whether the whole has memory for a clip's features."""
        return self._whole.keeps(self._clips[clip])

    def of(self, clip: int, speed: float, asked: Callable[[int, float], Clip]) -> Made:
        """The features of a clip at a speed, made with its block of the whole."""
        return self._whole.of(self._clips[clip], speed, self._asked)
