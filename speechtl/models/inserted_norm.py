"""Batch norms of their own for some domains, in place of those of a block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from speechtl.models.inserted_module import InsertedModule, Insertion
from speechtl.models.layers import MaskedBatchNorm

Normalisation = Callable[[Tensor, Tensor], Tensor]
"""From values (batch, time, width) and lengths (batch,) to the like."""


class BatchNorms(InsertedModule):
    """For each key, statistics of its own for every batch norm of a block, and a scale and shift.

    They begin as those of the block. With the option `affine="shared"` the scale and shift stay the block's.
    The utterances of unknown keys go through the block's own norms.
    Source: Chang, You, Seo, Kwak and Han 2019, Domain-specific batch normalization for unsupervised domain
    adaptation, section 3.2.
    """

    where = "norm"

    def __init__(self, insertion: Insertion, width: int) -> None:
        super().__init__(insertion)
        self.shares_affine = insertion.options.get("affine", "own") == "shared"
        self.norms = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    MaskedBatchNorm(width, affine=not self.shares_affine) for _ in range(self.keys)
                )
                for name in insertion.options["norms"]
            }
        )

    @torch.no_grad()
    def begin(self, block: nn.Module) -> None:
        """Begin as the batch norms of a block."""
        theirs = norms_of(block)
        for name, copies in self.norms.items():
            state = theirs[name].state_dict()
            for copy in cast(nn.ModuleList, copies):
                copy.load_state_dict({key: state[key] for key in copy.state_dict()})

    def follow(self, block: nn.Module) -> None:
        """Keep the statistics where those of the block are kept, unless a scale and shift are trained."""
        if self.shares_affine:
            theirs = norms_of(block)
            for name, copies in self.norms.items():
                copies.train(theirs[name].training)

    def of(self, name: str, norm: MaskedBatchNorm) -> list[Normalisation]:
        """For each key, what takes the place of the block's norm of this name."""
        copies = cast(Sequence[MaskedBatchNorm], self.norms[name])
        return [_with_affine_of(copy, norm) if self.shares_affine else copy for copy in copies]


def norms_of(block: nn.Module) -> dict[str, MaskedBatchNorm]:
    """The batch norms inside a block by the last part of their names, which is theirs alone there."""
    found: dict[str, MaskedBatchNorm] = {}
    for path, norm in block.named_modules():
        if isinstance(norm, MaskedBatchNorm):
            name = path.rpartition(".")[2]
            assert name not in found, f"two batch norms of a block are named {name}"
            found[name] = norm
    return found


def normalised_by(
    normalisations: Sequence[Normalisation], which: Tensor, values: Tensor, lengths: Tensor
) -> Tensor:
    """Float32 values (batch, time, width), where `which` (batch,) says by which norm each utterance goes."""
    present = sorted(set(which.tolist()))
    if len(present) == 1:
        return cast(Tensor, normalisations[present[0]](values, lengths))
    joined = values.new_zeros(values.shape, dtype=torch.float32)
    for index in present:
        utterances = (which == index).nonzero().squeeze(1)
        own = normalisations[index](values[utterances], lengths[utterances])
        joined = joined.index_copy(0, utterances, own)
    return joined


def _with_affine_of(copy: MaskedBatchNorm, norm: MaskedBatchNorm) -> Normalisation:
    return lambda values, lengths: cast(Tensor, copy(values, lengths, affine_of=norm))
