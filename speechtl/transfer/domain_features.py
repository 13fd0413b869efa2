"""The features of two domains side by side: one vector for each utterance, from a named block."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from speechtl.features import frame_mask
from speechtl.transfer.data import ForwardPass

if TYPE_CHECKING:
    from speechtl.batches import Stream
    from speechtl.models.acoustic import AcousticModel
    from speechtl.transfer.data import StreamSettings

_log = logging.getLogger(__name__)

FEWEST = 2
"""Utterances of a domain without which its spread in a batch is not known."""
HARDLY, MOSTLY = 0.02, 0.5
"""Share of the batches that have so many, up to which none is known, and from which on it mostly is."""


def pooled(states: Tensor, lengths: Tensor) -> Tensor:
    """The mean (batch, width) over the real frames of states (batch, time, width), in float32 or wider."""
    real = frame_mask(lengths, states.shape[1]).unsqueeze(2)
    states = states if states.dtype == torch.float64 else states.float()
    return states.masked_fill(~real, 0.0).sum(dim=1) / lengths.unsqueeze(1)


def of_both_domains(forward: ForwardPass, block: str) -> tuple[Tensor, Tensor] | None:
    """Pooled features (utterances, width) of the source's and of the target domain's part of a batch.

    None where either has fewer than two utterances: such a batch says nothing of how they differ.
    """
    features = pooled(forward.encoded.taps[block], forward.encoded.lengths)
    is_target = forward.batch.is_target
    source, target = features[~is_target], features[is_target]
    return (source, target) if min(len(source), len(target)) >= FEWEST else None


def require_pairs(streams: Mapping[str, Stream], settings: StreamSettings) -> None:
    """Refuse batches that hardly ever hold two utterances of each domain, and warn where many do not.

    Raises:
        ValueError: they do not; says how long batches should be.
    """
    without = len(streams["unlabelled"].examples)
    labelled = sum(len(one.examples) for one in streams.values()) - without
    if min(labelled, without) < FEWEST:
        raise ValueError(
            f"one utterance on a side ({labelled} with labels, {without} without): how it is spread is not "
            "known; take more speech"
        )
    share = _share(streams)
    if share > MOSTLY:
        return
    longest = max(float(np.quantile(one.examples.seconds, 0.95)) for one in streams.values())
    ratio = settings.batch_seconds / min(one.batch_seconds for one in streams.values())
    wanted = math.ceil(2 * longest * ratio / min(settings.augment.speeds) / 10) * 10
    factor = wanted / settings.batch_seconds
    longer = {name: replace(one, batch_seconds=factor * one.batch_seconds) for name, one in streams.items()}
    reached = _share(longer)
    said = (
        f"{100 * share:.0f} % of the batches have {FEWEST} utterances of each domain, which their distance "
        f"needs: batches are {settings.batch_seconds:g} s long, half of it for either. "
    ) + (
        f"With --train.batch-seconds {wanted} it would be {100 * reached:.0f} %"
        if factor > 1 and reached > share
        else "Longer batches would not mend it: utterances of very different lengths, of which there are too "
        "few here, are in different batches. Take more speech, or leave the longest out (longest)"
    )
    if share < HARDLY:
        raise ValueError(said)
    _log.warning("%s", said)


def _share(streams: Mapping[str, Stream]) -> float:
    """Share of the batches that have enough utterances of both domains."""
    labelled = [stream for name, stream in streams.items() if name != "unlabelled"]
    return min(_paired(labelled), _paired([streams["unlabelled"]]))


def _paired(streams: Sequence[Stream]) -> float:
    """Share of the batches that have enough utterances of these streams, in each one's first epoch."""
    fewest = [np.array([len(batch) for batch in stream.plan(0).batches]) for stream in streams]
    if len(fewest) > 1:  # of several streams each has one at least
        return 1.0
    return float((fewest[0] >= FEWEST).mean())


def require_blocks(model: AcousticModel, blocks: Sequence[str]) -> None:
    """Refuse blocks that a model lacks, or that are none before its heads.

    Raises:
        ValueError: one is, or none is named.
    """
    if not blocks:
        raise ValueError("blocks=(): expected one block or more whose features are compared, such as 'norm'")
    for block in blocks:
        model.block_width(block)
