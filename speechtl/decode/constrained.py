"""The best path that an orthography's grammar accepts, by the Viterbi algorithm.

CTC labels every frame with a unit or the blank, 0; the units of a labelling are what is left when repeats
are merged and blanks dropped (Graves et al. 2006, section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

import torch
from torch import Tensor

from speechtl.languages.base import Orthography


def collapse(path: Sequence[int]) -> list[int]:
    """The unit ids that frame labels stand for: repeats merged, then blanks dropped.

    >>> collapse([0, 3, 3, 0, 3, 5, 0])
    [3, 3, 5]
    """
    return [unit for unit, _ in groupby(path) if unit != 0]


@lru_cache(maxsize=64)
def grammar(language: Orthography, units: tuple[str, ...]) -> Tensor:
    """Which unit may follow which, bool (1 + units, 1 + units), by the id of the one before and its follower.

    Id 0, the blank's, stands for the edges: row 0 for the start of the text, column 0 for its end.
    """
    nodes = (None, *units)
    return torch.tensor([[language.follows(before, after) for after in nodes] for before in nodes])


def accepts(allowed: Tensor, units: Sequence[int]) -> bool:
    """Whether the grammar accepts the whole sequence of unit ids."""
    return bool(allowed[[0, *units], [*units, 0]].all())


def best_accepted_paths(log_probs: Tensor, lengths: Tensor, allowed: Tensor) -> Tensor:
    """The most probable frame labels whose collapsed units a grammar accepts, by the Viterbi algorithm.

    Args:
        log_probs: (batch, time, 1 + units), the blank first.
        lengths: (batch,) in frames.
        allowed: bool (1 + units, 1 + units) as `grammar` gives it.

    Returns:
        int64 (batch, time): 0 beyond the lengths, and throughout where no accepted path fits or the scores
        are no numbers.
    """
    scores = _forward(log_probs, lengths, allowed)
    batch, time, nodes = log_probs.shape
    ends = scores[time].masked_fill(~allowed[:, 0].repeat(2), -torch.inf)
    best, state = ends.max(dim=1)
    sources = _sources(allowed)
    paths = torch.zeros(batch, time, dtype=torch.int64)
    for frame in reversed(range(time)):
        # Blank states come first, so that what is left of a unit state's number is its unit.
        real = (frame < lengths) & (best > -torch.inf)
        paths[:, frame] = torch.where(real, (state - nodes).clamp(min=0), 0)
        before = scores[frame].masked_fill(~sources[state], -torch.inf).argmax(dim=1)
        state = torch.where(real, before, state)
    return paths


def _sources(allowed: Tensor) -> Tensor:
    """The states before each state, bool (2 * nodes, 2 * nodes).

    State v < nodes is in the blank after unit v (v = 0: at the start), state nodes + v is in unit v. Only
    a blank leads from a unit to the same unit again; without it, the unit goes on.
    """
    goes_on = torch.eye(len(allowed), dtype=torch.bool)
    into_blank = torch.cat([goes_on, goes_on], dim=1)
    into_unit = torch.cat([allowed.T, allowed.T | goes_on], dim=1)
    return torch.cat([into_blank, into_unit])


def _forward(log_probs: Tensor, lengths: Tensor, allowed: Tensor) -> Tensor:
    """Score of the best path into each state, (time + 1, batch, 2 * nodes), before each frame and at the end.

    Beyond an utterance's length its scores stay.
    """
    batch, time, nodes = log_probs.shape
    # Units that may follow the same ones (all initials, all tones of open finals) share one maximum.
    classes, of_unit = torch.unique(allowed.T, dim=0, return_inverse=True)
    closed_to = torch.where(classes, 0.0, -torch.inf)
    scores = log_probs.new_full((time + 1, batch, 2 * nodes), -torch.inf)
    scores[0, :, 0] = 0
    for frame in range(time):
        blank, unit = scores[frame, :, :nodes], scores[frame, :, nodes:]
        either = torch.maximum(blank, unit)
        entered = (either.unsqueeze(1) + closed_to).amax(dim=2)[:, of_unit]
        into_unit = torch.maximum(unit, entered) + log_probs[:, frame]
        into_unit[:, 0] = -torch.inf
        into_blank = either + log_probs[:, frame, :1]
        real = (frame < lengths).unsqueeze(1)
        scores[frame + 1] = torch.where(real, torch.cat([into_blank, into_unit], dim=1), scores[frame])
    return scores
