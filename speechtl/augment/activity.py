"""Activity: where in a waveform there is speech, and how loud it is where there is none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from speechtl.features import SAMPLE_RATE

FRAME = round(0.01 * SAMPLE_RATE)
"""Samples of a frame."""
RANGE_DB = 30.0
"""Frames further than this below the loudest one are pauses, in decibels."""
QUIET_SHARE = 0.05
"""The quietest frames, as a share of all, tell the level of the room."""


def frame_energies(waveform: Tensor) -> NDArray[np.float64]:
    """Sums of squares (frames,) over frames of 10 ms; a shorter rest at the end is a frame of its own."""
    samples = waveform.numpy()
    whole = len(samples) // FRAME * FRAME
    framed, rest = samples[:whole].reshape(-1, FRAME), samples[whole:]
    energies = np.einsum("ij,ij->i", framed, framed).astype(np.float64)
    return np.append(energies, np.dot(rest, rest)) if len(rest) else energies


def frame_powers(waveform: Tensor) -> NDArray[np.float64]:
    """Mean squares (frames,) of the frames."""
    powers = frame_energies(waveform) / FRAME
    if rest := len(waveform) % FRAME:
        powers[-1] *= FRAME / rest
    return powers


def speech_frames(waveform: Tensor) -> NDArray[np.bool_]:
    """True (frames,) where a waveform is at most 30 dB below its loudest frame."""
    powers = frame_powers(waveform)
    loud: NDArray[np.bool_] = powers >= powers.max(initial=0) * 10 ** (-RANGE_DB / 10)
    return loud


def room_level(waveform: Tensor) -> float:
    """Root mean square of what a waveform holds where nobody speaks: of its quietest frames.

    In a clip that is cut close to the speech these are speech too, so what is less than 30 dB below the
    loudest frame counts as 30 dB below.
    """
    powers = np.sort(frame_powers(waveform))
    quietest = powers[: max(1, round(QUIET_SHARE * len(powers)))].mean()
    return float(np.sqrt(min(quietest, powers[-1] * 10 ** (-RANGE_DB / 10))))
