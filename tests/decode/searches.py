"""Random searches small enough to enumerate, and the enumeration."""

from functools import cache
from itertools import pairwise, product

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Search = tuple[NDArray[np.float64], NDArray[np.bool_] | None]


@st.composite
def searches(draw: st.DrawFn, most_units: int = 3, most_frames: int = 5) -> Search:
    """Log-probabilities of one utterance (time, 1 + units), and a grammar or None."""
    units, frames = draw(st.integers(1, most_units)), draw(st.integers(0, most_frames))
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    scores = 2 * random.standard_normal((frames, 1 + units))
    log_probs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    if not draw(st.booleans()):
        return log_probs, None
    return log_probs, random.random((1 + units, 1 + units)) < draw(st.sampled_from([0.3, 0.6, 0.9]))


@cache
def every_path(units: int, frames: int) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """All labellings of the frames, each with the units that it collapses to by the definition."""
    paths = []
    for path in product(range(1 + units), repeat=frames):
        changes = [p for i, p in enumerate(path) if i == 0 or path[i - 1] != p]
        paths.append((path, tuple(p for p in changes if p != 0)))
    return tuple(paths)


def likelihoods(log_probs: NDArray[np.float64]) -> dict[tuple[int, ...], float]:
    """ln p of every sequence of units that fits into the frames, summed over its labellings."""
    found: dict[tuple[int, ...], float] = {}
    frames = len(log_probs)
    for path, units in every_path(log_probs.shape[1] - 1, frames):
        score = float(log_probs[range(frames), path].sum())
        found[units] = np.logaddexp(found.get(units, -np.inf), score)
    return found


def accepted(units: tuple[int, ...], allowed: NDArray[np.bool_] | None) -> bool:
    return allowed is None or all(bool(allowed[a, b]) for a, b in pairwise((0, *units, 0)))
