"""Inserted modules: small parts that a transfer method puts into a model, by speaker, language or for all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from speechtl.batches import Batch

By = Literal["speaker", "language", "domain"]
Where = Literal["features", "hidden", "output", "warp"]
"""What a module changes of its block: the features that enter an input, the activations inside a block of the
encoder, the block's output, or the warp of an input's filters."""


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

    @property
    def name(self) -> str:
        """Its name as a block, such as `lhuc.encoder.0`."""
        return f"{self.kind}.{self.block}"

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

    def rows(self, batch: Batch) -> Tensor:
        """The row (batch,) of each utterance; -1 where its key is unknown."""
        by = self.insertion.by
        if by is None:
            rows = [0] * len(batch.ids)
        else:
            values = {"speaker": batch.speakers, "language": batch.languages, "domain": batch.domains}[by]
            rows = [-1 if value is None else self._rows.get(value, -1) for value in values]
        return torch.tensor(rows, device=batch.lengths.device)

    def forward(self, values: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """Change values (batch, time, width), zero at padded frames; rows (batch,) as `rows` gives them."""
        raise NotImplementedError


@dataclass(frozen=True)
class Adjustment:
    """The inserted modules of one place with the rows of a batch's utterances."""

    modules: Sequence[InsertedModule] = ()
    rows: Sequence[Tensor] = ()

    def __call__(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Values (batch, time, width), zero at padded frames, as the modules change them."""
        for module, rows in zip(self.modules, self.rows, strict=True):
            values = module(values, lengths, rows)
        return values

    def of(self, utterances: Tensor | None) -> Adjustment:
        """The same for some of the batch's utterances (n,)."""
        if utterances is None or not self.modules:
            return self
        return Adjustment(self.modules, [rows[utterances] for rows in self.rows])


UNCHANGED = Adjustment()


class LHUC(InsertedModule):
    """Learning hidden unit contributions: each hidden unit's activation times ξ(r).

    ξ(r) is `exp`: e^r, `sigmoid`: 2 / (1 + e^-r), `identity`: r or `relu`: relu(r), and is 1 at the start.
    Source: Swietojanski, Li and Renals 2016, equations 4 to 6.
    """

    where = "hidden"

    def __init__(self, insertion: Insertion, width: int) -> None:
        super().__init__(insertion)
        self.form = str(insertion.options.get("form", "exp"))
        start = 1.0 if self.form in ("identity", "relu") else 0.0
        self.r = nn.Parameter(torch.full((self.keys, width), start))

    def scale(self) -> Tensor:
        """ξ(r) (keys, width)."""
        forms = {
            "exp": torch.exp,
            "sigmoid": lambda r: 2 * torch.sigmoid(r),
            "identity": lambda r: r,
            "relu": torch.relu,
        }
        return cast(Tensor, forms[self.form](self.r))

    def forward(self, values: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """Scale activations (batch, time, width)."""
        scales = self.scale()[rows.clamp_min(0)].masked_fill((rows < 0).unsqueeze(1), 1.0)
        return values * scales.unsqueeze(1).to(values.dtype)


KINDS: dict[str, type[InsertedModule]] = {"lhuc": LHUC}


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

    def at(self, blocks: Iterable[str], where: Where, batch: Batch) -> Adjustment:
        """The modules in these blocks that change this, for the utterances of a batch."""
        if not len(self):
            return UNCHANGED
        names = set(blocks)
        modules = [m for m in self.all() if m.where == where and m.insertion.block in names]
        return Adjustment(modules, [module.rows(batch) for module in modules]) if modules else UNCHANGED
