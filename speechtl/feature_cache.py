"""Features of training speech, kept in memory for when the same clip comes again at the same speed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

Featurize = Callable[[Tensor, float, "str | None"], Tensor]
"""Features (time, width) of a waveform (samples,) whose filters are warped by a factor, in a domain."""


class Clip(NamedTuple):
    """A clip whose features are wanted."""

    key: Hashable | None
    """Equal for equal clips; None for one that will not come again."""
    waveform: Callable[[], Tensor]
    """Gives its samples (samples,); not called where the features are kept."""
    warp: float
    """Of the vocal tract."""
    domain: str | None
    """Whose input the clip goes through."""


class Made(NamedTuple):
    """A clip's features."""

    features: Tensor
    """(time, width)."""
    samples: int
    """Length of the clip."""


class FeatureCache:
    """Computes the features of each clip on its own, and keeps those that may come again.

    A clip's features depend neither on its neighbours in a batch nor on the number of threads, since one
    thread makes them, and several make those of several clips. So whether they were kept makes no difference
    to what comes out, and a run that was resumed with an empty cache ends with the same bits.
    """

    def __init__(self, featurize: Featurize, gigabytes: float, dtype: torch.dtype = torch.float32) -> None:
        """Prepare an empty cache.

        Args:
            featurize: gives a clip's features.
            gigabytes: most memory to fill; what comes when it is full is computed each time.
            dtype: what they are kept as; under autocast its type, to which the first layer rounds anyhow.
        """
        self._featurize = featurize
        self._left = gigabytes * 1e9
        self._dtype = dtype
        self._kept: dict[Hashable, Made] = {}
        self._pool: ThreadPoolExecutor | None = None

    def of(self, clips: Sequence[Clip]) -> list[Made]:
        """The features of clips, in their order."""
        found = {place: self._kept[clip.key] for place, clip in enumerate(clips) if clip.key in self._kept}
        missing = [place for place in range(len(clips)) if place not in found]
        found |= zip(missing, self._make([clips[place] for place in missing]), strict=True)
        for place in missing:
            self._keep(clips[place].key, found[place])
        return [found[place] for place in range(len(clips))]

    def _make(self, clips: Sequence[Clip]) -> list[Made]:
        threads = torch.get_num_threads()
        if threads == 1 or not clips:
            return [self._features(clip) for clip in clips]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(threads, "features", torch.set_num_threads, (1,))
        return list(self._pool.map(self._features, clips))

    @torch.no_grad()
    def _features(self, clip: Clip) -> Made:
        samples = clip.waveform()
        return Made(self._featurize(samples, clip.warp, clip.domain).to(self._dtype), len(samples))

    def _keep(self, key: Hashable | None, made: Made) -> None:
        size = made.features.nbytes
        if key is not None and key not in self._kept and size <= self._left:
            self._left -= size
            self._kept[key] = made
