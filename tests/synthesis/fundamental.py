"""The fundamental frequency of a voice, by autocorrelation (Boersma 1993, without its path finding)."""

import numpy as np
from numpy.typing import NDArray


def fundamental(
    samples: NDArray[np.int16], rate: int, lowest: float = 60, highest: float = 350
) -> NDArray[np.float64]:
    """Hertz every 5 ms, of voiced frames only, (frames,)."""
    width, hop = round(0.04 * rate), round(0.005 * rate)
    window = np.hanning(width)
    size = 1 << (2 * width).bit_length()
    of_window = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)[:width]
    first, last = round(rate / highest), round(rate / lowest)
    wave = samples / 32_768
    found = []
    for start in range(0, len(wave) - width, hop):
        frame = wave[start : start + width]
        if np.mean(frame**2) < 1e-4:
            continue
        frame = (frame - frame.mean()) * window
        of_frame = np.fft.irfft(np.abs(np.fft.rfft(frame, size)) ** 2)[:width]
        likeness = (of_frame / of_frame[0])[first:last] / (of_window / of_window[0])[first:last]
        peaks = np.flatnonzero((likeness[1:-1] >= likeness[:-2]) & (likeness[1:-1] >= likeness[2:])) + 1
        good = peaks[likeness[peaks] > max(0.5, 0.9 * likeness[peaks].max(initial=0))]
        if len(good):
            found.append(rate / (first + good[0]))
    return np.array(found)
