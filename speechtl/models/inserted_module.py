"""What an inserted module is: where it stands, and whose utterances it changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from speechtl.batches import Batch
    from speechtl.feature_cache import Clip

By = Literal["speaker", "language", "domain"]
Where = Literal["features", "hidden", "output", "warp", "norm"]
"""What a module changes of its block: the features that enter an input, the activations inside a block of the
encoder, the block's output, the warp of an input's filters, or the batch norms of either."""


@dataclass(frozen=True)
class Insertion:
    """An inserted module as a model's config.json describes it."""

    kind: str
    """A key of `KINDS`."""
    block: str
    """The block that it is in."""
    by: By | None = None
    """What has parameters of its own; None: all utterances share them."""
    keys: tuple[str, ...] = ()
    """The speakers, languages or domains that are known; the module is the identity for all others."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the kind."""
    number: int = 1
    """Counts those of a kind in a block: one that is adapted again gets another on top."""

    @property
    def name(self) -> str:
        """Its name as a block, such as `lhuc.encoder.0`; of a second one, `lhuc.encoder.0+2`."""
        return f"{self.kind}.{self.block}" + (f"+{self.number}" if self.number > 1 else "")

    def to_dict(self) -> dict[str, Any]:
        """For config.json."""
        return {**dataclasses.asdict(self), "keys": list(self.keys), "options": dict(self.options)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Insertion:
        """What `to_dict` gave."""
        return cls(**{**values, "keys": tuple(values["keys"])})


class InsertedModule(nn.Module):
    """A module with one row of parameters for each key, which begins as the identity."""

    where: ClassVar[Where]
    decaying: ClassVar[tuple[str, ...]] = ()
    """Names of the parameters that weight decay pulls towards zero, which must be the identity."""

    def __init__(self, insertion: Insertion) -> None:
        super().__init__()
        self.insertion = insertion
        self._rows = {key: row for row, key in enumerate(insertion.keys)}

    @property
    def keys(self) -> int:
        """How many rows of parameters there are."""
        return len(self._rows) if self.insertion.by is not None else 1

    def begin(self, block: nn.Module) -> None:
        """Begin as the identity in a block; for modules that must look at it to do so."""

    def follow(self, block: nn.Module) -> None:
        """Be in training mode as far as a block is; for modules that nothing else says it of."""

    def rows(self, batch: Batch) -> Tensor:
        """The row (batch,) of each utterance; -1 where its key is unknown."""
        by = self.insertion.by
        if by is None:
            return self._row_of([None] * len(batch.ids)).to(batch.lengths.device)
        values = {"speaker": batch.speakers, "language": batch.languages, "domain": batch.domains}[by]
        return self._row_of(values).to(batch.lengths.device)

    def rows_of(self, clips: Sequence[Clip]) -> Tensor:
        """The row (clips,) of each clip; -1 where its key is unknown."""
        by = self.insertion.by
        return self._row_of([None if by is None else getattr(clip, by) for clip in clips])

    def _row_of(self, values: Sequence[str | None]) -> Tensor:
        """The row of each value of what the rows go by."""
        if self.insertion.by is None:
            return torch.zeros(len(values), dtype=torch.int64)
        return torch.tensor([-1 if value is None else self._rows.get(value, -1) for value in values])

    def forward(self, values: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """Change values (batch, time, width), zero at padded frames; rows (batch,) as `rows` gives them."""
        raise NotImplementedError

    @staticmethod
    def chosen(parameter: Tensor, rows: Tensor) -> Tensor:
        """The rows (batch, ...) of a parameter (keys, ...), zero where the key is unknown."""
        is_unknown = (rows < 0).view(-1, *[1] * (parameter.ndim - 1))
        return parameter[rows.clamp_min(0)].masked_fill(is_unknown, 0.0)
