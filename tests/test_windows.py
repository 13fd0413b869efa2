from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from speechtl.windows import Grid, Part, Window, WindowSettings, cut, find_seam, join

GRID = Grid(stride=640, margin=1600)


def in_pieces(samples: np.ndarray, sizes: list[int]) -> Iterator[np.ndarray]:
    start = 0
    while start < len(samples):
        size = sizes[start % len(sizes)]
        yield samples[start : start + size]
        start += size


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200_000), st.lists(st.integers(1, 30_000), min_size=1, max_size=4), st.floats(1.5, 6.0))
def test_windows_cover_a_recording_and_overlap(length: int, sizes: list[int], seconds: float) -> None:
    samples = np.arange(length).astype(np.int16)
    windows = list(cut(in_pieces(samples, sizes), WindowSettings(seconds, 0.75), 16_000, GRID))
    end = 0
    for window in windows:
        assert window.start % GRID.stride == 0
        assert np.array_equal(window.samples, samples[window.start : window.start + len(window.samples)])
        assert window.start == 0 or end - window.start == round(0.75 * 16_000 / 640) * 640
        assert end < window.start + len(window.samples)
        end = window.start + len(window.samples)
    assert end == length
    assert {len(window.samples) for window in windows[:-1]} <= {round(seconds * 16_000 / 640) * 640}
    assert len(windows) == 1 or len(windows[-1].samples) > 0.75 * 16_000


def heard(labels: np.ndarray, window: Window) -> Tensor:
    """What a perfect model hears: the recording's labels, one for each frame of the window, sure of them."""
    first, count = window.start // 640, len(window.samples) // 640 + 4
    log_probs = torch.full((count, 4), -9.0)
    log_probs[range(count), labels[first : first + count]] = 0.0
    return log_probs


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 400), st.floats(2.0, 5.0))
def test_joined_windows_are_the_whole_recording(seed: int, frames: int, seconds: float) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, frames + 4) * (random.random(frames + 4) < 0.3)
    samples = np.zeros(640 * frames, dtype=np.int16)
    windows = cut([samples], WindowSettings(seconds, 1.0), 16_000, GRID)
    parts = list(join(windows, lambda window: heard(labels, window), GRID))
    assert torch.cat([part.log_probs for part in parts]).argmax(dim=1).tolist() == labels.tolist()
    assert [part.first_frame for part in parts] == np.cumsum(
        [0, *(len(part.log_probs) for part in parts[:-1])]
    ).tolist()


def windows_of(before: list[int], after: list[int], shift: int) -> tuple[Part, Part]:
    """Two windows with these labels, the second from frame `shift` on."""
    parts = []
    for first, labels in ((0, before), (shift, after)):
        log_probs = torch.full((len(labels), 3), -5.0)
        log_probs[range(len(labels)), labels] = -0.1
        parts.append(Part(first, log_probs))
    return parts[0], parts[1]


def test_the_seam_is_in_the_middle_of_the_longest_common_pause() -> None:
    #         frame 0 ...                            19
    before = [1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 2, 1, 0, 0, 1, 0, 0, 0]
    after = [0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 2, 1, 0, 0, 1, 0, 0, 0, 2]
    # In the middle half of the overlap, frames 5 to 15, both are blank at 5, 8 to 11 and 14.
    seam = find_seam(*windows_of(before, after, 2), 0)
    assert seam in (9, 10)


def test_without_a_pause_the_seam_is_where_the_blank_is_likeliest() -> None:
    before, after = windows_of([1] * 12, [1] * 12, 2)
    before.log_probs[6, 0] = -1.0
    after.log_probs[6 - 2, 0] = -1.5
    assert find_seam(before, after, 0) == 6


@pytest.mark.parametrize(("seconds", "overlap"), [(30, 0.2), (30, 16), (1, 1)])
def test_windows_that_cannot_be_are_refused(seconds: float, overlap: float) -> None:
    with pytest.raises(ValueError, match=r"at least 0.5 s and at most half a window"):
        WindowSettings(seconds, overlap)
