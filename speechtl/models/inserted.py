"""Inserted modules: small parts that a transfer method puts into a model, by speaker, language or for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from speechtl.models.inserted_adapter import Adapter
from speechtl.models.inserted_affine import Affine
from speechtl.models.inserted_lhuc import LHUC
from speechtl.models.inserted_module import By, InsertedModule, Insertion, Where
from speechtl.models.inserted_moments import Moments
from speechtl.models.inserted_norm import BatchNorms, Normalisation, normalised_by
from speechtl.models.inserted_warp import Warp
from speechtl.models.layers import MaskedBatchNorm

if TYPE_CHECKING:
    from speechtl.batches import Batch
    from speechtl.feature_cache import Clip

__all__ = [
    "KINDS",
    "LHUC",
    "UNCHANGED",
    "Adapter",
    "Adjustment",
    "Affine",
    "BatchNorms",
    "By",
    "Inserted",
    "InsertedModule",
    "Insertion",
    "Moments",
    "Warp",
    "Where",
]


@dataclass(frozen=True)
class Adjustment:
    """The inserted modules of one place with the rows of a batch's utterances."""

    modules: Sequence[InsertedModule] = ()
    rows: Sequence[Tensor] = ()
    norms: Sequence[BatchNorms] = ()
    """Batch norms that take the place of those of the block."""
    norm_rows: Sequence[Tensor] = ()

    def __call__(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Values (batch, time, width), zero at padded frames, as the modules change them."""
        for module, rows in zip(self.modules, self.rows, strict=True):
            values = module(values, lengths, rows)
        return values

    def normalise(self, name: str, norm: MaskedBatchNorm, values: Tensor, lengths: Tensor) -> Tensor:
        """Values (batch, time, width) behind a batch norm of the block, or behind an utterance's own.

        Args:
            name: the last part of the norm's.
            norm: the block's.
            values: zero at padded frames.
            lengths: (batch,) in frames.
        """
        if not self.norms:
            return cast(Tensor, norm(values, lengths))
        found: list[Normalisation] = [norm]
        which = torch.zeros_like(self.norm_rows[0])
        for module, rows in zip(self.norms, self.norm_rows, strict=True):
            which = torch.where(rows >= 0, rows + len(found), which)
            found += module.of(name, norm)
        return normalised_by(found, which, values, lengths)

    def warps(self, warps: Tensor) -> Tensor:
        """Warps (batch,) of the utterances' filters as the modules change them."""
        return self(warps.view(-1, 1, 1), torch.ones_like(warps)).view(-1)

    def of(self, utterances: Tensor | None) -> Adjustment:
        """The same for some of the batch's utterances (n,)."""
        if utterances is None or not (self.modules or self.norms):
            return self
        return Adjustment(
            self.modules,
            [rows[utterances] for rows in self.rows],
            self.norms,
            [rows[utterances] for rows in self.norm_rows],
        )


UNCHANGED = Adjustment()


KINDS: dict[str, type[InsertedModule]] = {
    "adapter": Adapter,
    "affine": Affine,
    "batch_norm": BatchNorms,
    "lhuc": LHUC,
    "moments": Moments,
    "warp": Warp,
}


class Inserted(nn.ModuleDict):
    """The inserted modules of a model, in the order they were inserted."""

    def put(self, insertion: Insertion, width: int) -> InsertedModule:
        """Insert a module that begins as the identity.

        Args:
            insertion: what to insert.
            width: of the values that it changes.

        Raises:
            ValueError: there is one of this kind in this block already, or no such kind.
        """
        key = insertion.name.replace(".", "_")
        if key in self:
            raise ValueError(f"the model already has a {insertion.kind} in {insertion.block}")
        if insertion.kind not in KINDS:
            raise ValueError(f"no inserted module is a {insertion.kind!r}; there are {', '.join(KINDS)}")
        module = KINDS[insertion.kind](insertion, width)  # type: ignore[call-arg]
        self[key] = module
        return module

    def all(self) -> list[InsertedModule]:
        """The modules."""
        return [cast(InsertedModule, module) for module in self.values()]

    @property
    def insertions(self) -> list[Insertion]:
        """What was inserted."""
        return [module.insertion for module in self.all()]

    def parts(self) -> dict[str, nn.Module]:
        """The modules by their names as blocks."""
        return {module.insertion.name: module for module in self.all()}

    def without_decay(self, prefix: str) -> set[str]:
        """Names, after a prefix, of the parameters that weight decay leaves alone."""
        return {
            f"{prefix}{key}.{name}"
            for key, module in self.items()
            for name, _ in module.named_parameters()
            if name not in cast(InsertedModule, module).decaying
        }

    def clip_warps(self, block: str, clips: Sequence[Clip], warps: Tensor) -> Tensor:
        """Warps (clips,) of the filters of clips as the modules in an input change them."""
        for module in self.all():
            if module.where == "warp" and module.insertion.block == block:
                rows = module.rows_of(clips).to(warps.device)
                warps = Adjustment([module], [rows]).warps(warps)
        return warps

    def at(self, blocks: Iterable[str], where: Where, batch: Batch) -> Adjustment:
        """The modules in these blocks that change this, and the norms inside, for a batch's utterances."""
        if not len(self):
            return UNCHANGED
        names = set(blocks)
        inside = [module for module in self.all() if module.insertion.block in names]
        modules = [module for module in inside if module.where == where]
        norms = [module for module in inside if isinstance(module, BatchNorms)]
        if not (modules or norms):
            return UNCHANGED
        rows = [[module.rows(batch) for module in some] for some in (modules, norms)]
        return Adjustment(modules, rows[0], norms, rows[1])
