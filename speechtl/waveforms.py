"""Waveforms: the decoded audio of a corpus, as it lies in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from speechtl.audio import SAMPLE_RATE
from speechtl.trimming import speech_extent

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Waveforms(Sequence[NDArray[np.int16]]):
    """A corpus's decoded audio, memory-mapped: [i] is int16 (samples,) at 16 kHz, read-only, not copied."""

    batches: tuple[pyarrow.LargeBinaryArray, ...]
    """Samples by record batch of the cache."""
    places: NDArray[np.int64]
    """(utterances, 2): record batch, and row in it."""
    samples: NDArray[np.int64]
    """(utterances,) lengths in samples, of what is left where silence is cut off."""
    sounds: pyarrow.Array
    """(utterances,) digests of the decoded samples."""
    starts: NDArray[np.int64] | None = None
    """(utterances,) samples that are cut off before each; None: nothing is cut off, nor behind them."""

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.int16]: ...
    @overload
    def __getitem__(self, index: slice) -> Waveforms: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.int16] | Waveforms:
        if isinstance(index, slice):
            return self.select(np.arange(len(self))[index])
        batch, row = self.places[index].tolist()
        samples = np.frombuffer(self.batches[batch][row].as_buffer(), dtype=np.int16)
        if self.starts is not None:
            samples = samples[self.starts[index] :][: self.samples[index]]
        samples.flags.writeable = False
        return samples

    @property
    def durations(self) -> NDArray[np.float64]:
        """(utterances,) lengths in seconds."""
        return self.samples / SAMPLE_RATE

    @cached_property
    def digests(self) -> list[str]:
        """Hexadecimal digests of all decoded samples: equal for equal recordings, whatever is cut off."""
        return [digest.hex() for digest in self.sounds.to_pylist()]

    def select(self, indices: NDArray[np.int64] | Sequence[int]) -> Waveforms:
        """The waveforms at these positions, in this order."""
        chosen = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            places=self.places[chosen],
            samples=self.samples[chosen],
            sounds=self.sounds.take(chosen),
            starts=None if self.starts is None else self.starts[chosen],
        )

    def trimmed(self, trim_db: float) -> Waveforms:
        """The waveforms without the silence around their speech; see `speechtl.trimming.speech_extent`."""
        extents = np.array([speech_extent(self[index], trim_db) for index in range(len(self))], np.int64)
        starts, ends = extents.reshape(-1, 2).T
        before = starts if self.starts is None else self.starts + starts
        return replace(self, starts=before, samples=ends - starts)
