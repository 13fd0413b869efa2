"""Texts from the log-probabilities of a CTC head: greedy, constrained to a grammar, or one of listed words.

CTC labels every frame with a unit or the blank, 0; the units of a labelling are what is left when repeats
are merged and blanks dropped (Graves et al. 2006, section 3.1). Greedy decoding takes the best labelling
(best path decoding, section 3.2). Constrained decoding takes the best of those whose units the
orthography's grammar accepts, where the units are the orthography's own. A closed decision sums over all
labellings of each listed word (section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from speechtl.faults import listed
from speechtl.languages.base import Orthography
from speechtl.text import Tokenizer, orthography

Method = Literal["constrained", "greedy"]


@dataclass(frozen=True)
class DecodeSettings:
    """How log-probabilities become text."""

    method: Method = "constrained"
    """`constrained`: the best path that spells well-formed syllables; for units without such a grammar
    (characters, whole syllables, pieces) the same as greedy. `greedy`: the best unit of every frame."""
    closed: bool = False
    """Also choose the best of the model's listed words, as for commands and digits."""

    def __post_init__(self) -> None:
        methods = get_args(Method)
        if self.method not in methods:
            raise ValueError(f"decode.method is {self.method!r}; expected one of {', '.join(methods)}")


def decode(log_probs: Tensor, lengths: Tensor, tokenizer: Tokenizer, settings: DecodeSettings) -> list[str]:
    """The text of each utterance's best path.

    Args:
        log_probs: (batch, time, 1 + units), the blank first.
        lengths: (batch,) in frames; what lies beyond is padding and has no effect.
        tokenizer: Its unit i is column i + 1.
        settings: Greedy or constrained; `closed` is for `closed()`.

    Returns:
        One text per utterance, empty where nothing but blanks is best, or where no accepted text fits into
        the frames (which cannot happen where the grammar accepts the empty text, as ours do).
    """
    log_probs, lengths = log_probs.detach().cpu(), lengths.cpu()
    best = log_probs.argmax(dim=2).tolist()
    ids = [collapse(path[:length]) for path, length in zip(best, lengths.tolist(), strict=True)]
    if settings.method == "constrained" and tokenizer.has_grammar:
        allowed = grammar(orthography(tokenizer.language), tokenizer.units)
        # A greedy path that the grammar accepts is the best accepted path: the search is for the others.
        rows = [i for i, units in enumerate(ids) if not _accepts(allowed, units)]
        paths = best_accepted_paths(log_probs[rows], lengths[rows], allowed).tolist()
        for i, path in zip(rows, paths, strict=True):
            ids[i] = collapse(path)
    return [tokenizer.decode(units) for units in ids]


def closed(log_probs: Tensor, lengths: Tensor, tokenizer: Tokenizer, words: Sequence[str]) -> list[str]:
    """The listed word of highest CTC likelihood for each utterance.

    Where several are equal it is the first in the list; so it is too where no word fits into the frames.

    Args:
        log_probs: (batch, time, 1 + units), the blank first.
        lengths: (batch,) in frames.
        tokenizer: Its unit i is column i + 1.
        words: The choices, returned as they are written here.

    Raises:
        ValueError: There are no words, or some that the tokenizer cannot write; names all of these.
    """
    if not words:
        raise ValueError("no words to choose from; a closed decision needs the model's list of words")
    labels, unwritable = [], []
    for word in words:
        try:
            labels.append(tokenizer.encode(word))
        except ValueError:
            unwritable.append(repr(word))
    if unwritable:
        raise ValueError(
            f"{len(unwritable)} of {len(words)} listed words cannot be written in the units of the "
            f"{tokenizer.language} head: {listed(unwritable)}. Leave them out of the list, or "
            "train on texts that have their units"
        )
    scores = log_likelihoods(log_probs, lengths, labels)
    return [words[i] for i in scores.argmax(dim=1).tolist()]


def log_likelihoods(log_probs: Tensor, lengths: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
    """CTC log-likelihoods (batch, labels) of several label sequences, each for every utterance.

    The sum over all labellings by the forward algorithm (Graves et al. 2006, equation 8); minus infinity
    where a sequence does not fit into the frames.

    Args:
        log_probs: (batch, time, 1 + units), the blank first.
        lengths: (batch,) in frames.
        labels: Unit ids of each sequence, which may be empty.
    """
    by_time = log_probs.detach().cpu().transpose(0, 1).contiguous()
    lengths, batch = lengths.cpu(), len(lengths)
    scores = torch.empty(batch, len(labels), dtype=by_time.dtype)
    for number, ids in enumerate(labels):
        targets = torch.tensor(ids, dtype=torch.int64).expand(batch, len(ids))
        sizes = torch.full((batch,), len(ids))
        scores[:, number] = -F.ctc_loss(by_time, targets, lengths, sizes, reduction="none")
    return scores


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


def _accepts(allowed: Tensor, units: Sequence[int]) -> bool:
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
