"""Long recordings in overlapping windows, whose outputs are joined where both hear a pause.

A window is normalised by itself, as every clip is: levels are relative to its loudest moment, contrasts to
its mean. So what a window hears differs a little from what it would in the whole recording; as training
clips last seconds, it is nearer to these. A window that holds no speech would be amplified until its noise
is as loud as speech, hence windows far below the recording's peak count as silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Pcm = NDArray[np.int16]
_GUARD = 4
"""The part of the overlap at each side where windows are not joined: one of them has little context there."""


@dataclass(frozen=True)
class WindowSettings:
    """How recordings that are too long to be heard at once are cut."""

    seconds: float = 30.0
    """Longest part that is heard at once, in seconds; shorter recordings are heard whole."""
    overlap: float = 4.0
    """What two neighbours share, in seconds; they are joined in a pause in the middle half of it."""

    def __post_init__(self) -> None:
        if not 0.5 <= self.overlap <= self.seconds / 2:
            raise ValueError(
                f"windows of {self.seconds:g} s that overlap by {self.overlap:g} s; expected an overlap of "
                "at least 0.5 s and at most half a window"
            )


@dataclass(frozen=True)
class Grid:
    """Where the frames of a model's output lie."""

    stride: int
    """Samples between frames."""
    margin: int
    """Samples of silence before a clip."""


@dataclass(frozen=True)
class Window:
    """A part of a recording."""

    start: int
    """Its first sample in the recording, a multiple of the grid's stride."""
    samples: Pcm


@dataclass(frozen=True)
class Part:
    """Output of a window between its seams with the neighbours."""

    first_frame: int
    """In the frames of the whole recording."""
    log_probs: Tensor
    """(time, 1 + units), the blank first."""


def cut(pieces: Iterable[Pcm], settings: WindowSettings, rate: int, grid: Grid) -> Iterator[Window]:
    """Overlapping windows of a recording that comes in pieces (samples,) at `rate`.

    Every window but the last has the full length; the last one is longer than the overlap.
    """
    length = _multiple(settings.seconds * rate, grid.stride)
    step = length - _multiple(settings.overlap * rate, grid.stride)
    held, start = np.zeros(0, dtype=np.int16), 0
    for piece in pieces:
        held = np.concatenate([held, piece])
        while len(held) > length:
            yield Window(start, held[:length])
            held, start = held[step:], start + step
    yield Window(start, held)


def join(windows: Iterable[Window], hear: Callable[[Window], Tensor], grid: Grid) -> Iterator[Part]:
    """The outputs of windows, each up to its seam with the next; together they are every frame once.

    Args:
        windows: as `cut` gives them.
        hear: the log-probabilities (time, 1 + units) of a window.
        grid: where frames lie.
    """
    seam = 0
    before: Part | None = None
    for window in windows:
        after = Part(window.start // grid.stride, hear(window))
        if before is not None:
            next_seam = find_seam(before, after, grid.margin // grid.stride)
            yield _between(before, seam, next_seam)
            seam = next_seam
        before = after
    if before is not None:
        yield _between(before, seam, before.first_frame + len(before.log_probs))


def find_seam(before: Part, after: Part, margin: int) -> int:
    """The frame of the recording from which `after` is taken: the middle of the longest common pause.

    A pause is a run of frames that both windows find blank. Where there is none, it is the frame for which
    the blank is likeliest.

    Args:
        before: output of a window.
        after: that of the next one.
        margin: frames at the end of one and the start of the other that lie in their silent margins.
    """
    first, last = after.first_frame, before.first_frame + len(before.log_probs)
    guard = max(margin, (last - first) // _GUARD)
    middle = slice(first + guard, max(first + guard + 1, last - guard))
    one = before.log_probs[middle.start - before.first_frame : middle.stop - before.first_frame]
    other = after.log_probs[middle.start - first : middle.stop - first]
    is_blank = ((one.argmax(dim=1) == 0) & (other.argmax(dim=1) == 0)).tolist()
    if not any(is_blank):
        return middle.start + int((one[:, 0] + other[:, 0]).argmax())
    lengths = _run_lengths(is_blank)
    last_of_run = max(range(len(lengths)), key=lengths.__getitem__)
    return middle.start + last_of_run - lengths[last_of_run] // 2


def silence(frames: int, units: int) -> Tensor:
    """Log-probabilities (frames, units) of nothing but the blank."""
    log_probs = torch.full((frames, units), -1e4)
    log_probs[:, 0] = 0
    return log_probs


def _run_lengths(values: list[bool]) -> list[int]:
    """For each place how many true values end there in a row."""
    lengths, run = [], 0
    for value in values:
        run = run + 1 if value else 0
        lengths.append(run)
    return lengths


def _between(part: Part, first: int, last: int) -> Part:
    return Part(first, part.log_probs[first - part.first_frame : last - part.first_frame])


def _multiple(samples: float, stride: int) -> int:
    return max(1, round(samples / stride)) * stride
