"""Pitch: the voice higher or lower, formants with it, in the same time."""

from __future__ import annotations

from fractions import Fraction

from torch import Tensor

from speechtl.augment.speed import resample
from speechtl.augment.tempo import change_tempo

LARGEST_TERM = 40
"""Of the fractions that stand for intervals, so that a resampling filter has few phases: some 4 cents off."""


def change_pitch(waveform: Tensor, semitones: float, tempo: float = 1.0) -> Tensor:
    """A waveform (samples,) that sounds so many semitones higher, its mean power kept.

    The speech is stretched in time and played faster by the same factor. Another tempo is reached in the
    same pass, so that speech is never cut into pieces twice.
    Source: Moulines and Laroche 1995, Non-parametric techniques for pitch-scale and time-scale modification
    of speech: pitch as time-scaling and resampling.

    Returns:
        float32 (round(samples / tempo),).
    """
    if semitones == 0:
        return change_tempo(waveform, tempo)
    interval = Fraction(2 ** (semitones / 12)).limit_denominator(LARGEST_TERM)
    stretched = change_tempo(waveform, tempo / float(interval))
    played = resample(stretched, interval.numerator, interval.denominator)
    return _of_length(played, round(len(waveform) / tempo))


def _of_length(waveform: Tensor, length: int) -> Tensor:
    """A waveform (samples,) cut, or filled up with the few zeros that rounding took."""
    if len(waveform) >= length:
        return waveform[:length]
    padded = waveform.new_zeros(length)
    padded[: len(waveform)] = waveform
    return padded
