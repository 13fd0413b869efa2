"""Trimming: where in a recording the speech lies, by the energy of its frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechtl.audio import SAMPLE_RATE

PIECE = SAMPLE_RATE * 5 // 1000
"""Samples of 5 ms."""
PIECES = 5
"""Pieces of a frame: 25 ms."""
SHORTEST = SAMPLE_RATE // 10
"""Fewest samples that are left of a recording: 0.1 s."""


def speech_extent(samples: NDArray[np.int16], trim_db: float) -> tuple[int, int]:
    """The first sample of the speech and the one behind its last, by frames of 25 ms that follow every 5 ms.

    Speech reaches from the first to the last frame that is at most so much below the loudest one. A frame is
    as loud as the median of its five pieces: a click, which fills one or two, makes no frame loud, and is not
    what others are compared with. Of a recording that is shorter than 0.1 s everything is left, of others at
    least 0.1 s around the speech.

    >>> click = np.zeros(16_000, np.int16)
    >>> click[2000:2010], click[8000:12000] = 30_000, 1_000
    >>> speech_extent(click, 30.0)
    (7840, 12160)

    Args:
        samples: int16 (samples,) at 16 kHz.
        trim_db: Below the loudest frame, in decibels; above 0.
    """
    count = len(samples) // PIECE
    if count <= PIECES or len(samples) <= SHORTEST:
        return 0, len(samples)
    pieces = samples[: count * PIECE].astype(np.float32).reshape(count, PIECE)
    energies = np.einsum("ps,ps->p", pieces, pieces)
    frames = np.partition(np.lib.stride_tricks.sliding_window_view(energies, PIECES), PIECES // 2)
    loudness = frames[:, PIECES // 2]
    loud = np.flatnonzero(loudness >= loudness.max() * 10 ** (-trim_db / 10))
    start, end = int(loud[0]) * PIECE, int(loud[-1] + PIECES) * PIECE
    if loud[-1] == len(loudness) - 1:
        end = len(samples)
    missing = SHORTEST - (end - start)
    if missing > 0:
        start = min(max(0, start - missing // 2), len(samples) - SHORTEST)
        end = start + SHORTEST
    return start, end
