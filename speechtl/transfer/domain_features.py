"""The features of two domains side by side: one vector for each utterance, from a named block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from speechtl.features import frame_mask
from speechtl.transfer.data import ForwardPass

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

FEWEST = 2
"""Utterances of a domain without which its spread in a batch is not known."""


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


def require_blocks(model: AcousticModel, blocks: Sequence[str]) -> None:
    """Refuse blocks that a model lacks, or that are none before its heads.

    Raises:
        ValueError: one is, or none is named.
    """
    if not blocks:
        raise ValueError("blocks=(): expected one block or more whose features are compared, such as 'norm'")
    for block in blocks:
        model.block_width(block)
