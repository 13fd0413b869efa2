"""Tempo: speech faster or slower at the same pitch, by overlapping pieces of itself."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechtl.features import SAMPLE_RATE

HOP = round(0.02 * SAMPLE_RATE)
"""Samples between pieces; each is twice as long, so two overlap everywhere."""
REACH = round(0.008 * SAMPLE_RATE)
"""Samples by which a piece may be moved to fit the one before it: a period of 63 Hz is found either way."""
STRIDE = 4
"""The search compares every fourth sample, then looks between its lags."""


def change_tempo(waveform: Tensor, tempo: float) -> Tensor:
    """A waveform (samples,) with its duration divided by `tempo`, pitch and mean power as they were.

    Each piece is the one near its place that resembles most how the piece before goes on, so that periods
    meet periods.
    Source: Verhelst and Roelands 1993, An overlap-add technique based on waveform similarity (WSOLA) for high
    quality time-scale modification of speech; similarity is the normalised cross-correlation.

    Returns:
        float32 (round(samples / tempo),).
    """
    if tempo == 1.0:
        return waveform
    samples = waveform.numpy()
    length = round(len(samples) / tempo)
    count = -(-length // HOP) + 1
    places = np.rint(np.arange(count) * HOP * tempo).astype(np.int64)
    padded = np.zeros(int(places[-1]) + 4 * HOP + 2 * REACH + STRIDE, dtype=np.float32)
    padded[REACH + HOP : REACH + HOP + len(samples)] = samples[: len(padded) - REACH - HOP]
    starts = _starts(padded, places.tolist())
    pieces = padded[np.asarray(starts)[:, None] + np.arange(2 * HOP)] * _window()
    joined = np.zeros((count + 1, HOP), dtype=np.float32)
    joined[:-1] += pieces[:, :HOP]
    joined[1:] += pieces[:, HOP:]
    changed = joined.reshape(-1)[HOP : HOP + length]
    return torch.from_numpy(_as_loud(changed, samples))


def _starts(padded: NDArray[np.float32], places: list[int]) -> list[int]:
    """Where in the padded waveform each piece begins; `places` are without the padding's reach."""
    coarse = [np.ascontiguousarray(padded[phase::STRIDE]) for phase in range(STRIDE)]
    energies = [np.concatenate([[0.0], np.cumsum(np.square(part, dtype=np.float64))]) for part in coarse]
    lags, compared = 2 * REACH // STRIDE + 1, 2 * HOP // STRIDE
    start = places[0] + REACH
    starts = [start]
    for place in places[1:]:
        expected = start + HOP
        wanted = padded[expected : expected + 2 * HOP]
        phase, first = place % STRIDE, place // STRIDE
        region = coarse[phase][first : first + lags - 1 + compared]
        products = np.correlate(region, wanted[::STRIDE], "valid")
        ends = energies[phase][first + compared : first + compared + lags]
        power = ends - energies[phase][first : first + lags]
        best = int(np.argmax(products / np.sqrt(power + 1e-9)))
        is_alike = products[best] > 0
        start = _refined(padded, wanted, place + best * STRIDE) if is_alike else place + REACH
        starts.append(start)
    return starts


def _refined(padded: NDArray[np.float32], wanted: NDArray[np.float32], start: int) -> int:
    """The start within a stride of another one from which a piece resembles most the one that is wanted."""
    first = max(0, start - STRIDE + 1)
    region = padded[first : start + STRIDE - 1 + len(wanted)]
    return first + int(np.argmax(np.correlate(region, wanted, "valid")))


@lru_cache(maxsize=1)
def _window() -> NDArray[np.float32]:
    """(2 * HOP,) half a sine squared: two that overlap by half add to one."""
    window: NDArray[np.float32] = (np.sin(np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP)) ** 2).astype(
        np.float32
    )
    return window


def _as_loud(samples: NDArray[np.float32], original: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples with the mean power of the original."""
    power = float(np.square(samples).mean()) if len(samples) else 0.0
    if power == 0:
        return samples
    louder: NDArray[np.float32] = samples * np.float32(np.sqrt(np.square(original).mean() / power))
    return louder
