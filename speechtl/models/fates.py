"""Fate: where a tensor of a model started from, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import nn

    from speechtl.models.acoustic import AcousticModel

Start = Literal["copied", "loaded", "estimated", "mapped", "initialised", "inserted", "helper"]
"""`copied` from the source, `loaded` from another model, `estimated` from speech without training, `mapped`
from rows of the source's heads, `initialised` at random; `inserted` into the source's model by a method, to
stay; a `helper` is dropped after training."""
BLANK = "blank"
"""The block of the blank row that languages share."""


@dataclass(frozen=True)
class Fate:
    """What becomes of one tensor."""

    name: str
    """As in the model's state."""
    block: str
    start: Start
    frozen: bool = False
    """Never trained; of a buffer: never updated."""
    lr: float = 1.0
    """Multiplier on the learning rate."""


@dataclass(frozen=True)
class Place:
    """Where a tensor stands."""

    block: str
    inner: str
    """Its name inside the block."""
    host: str | None = None
    """Of an inserted module, the block that it changes."""

    @property
    def name(self) -> str:
        """The name that begins with the block's, such as `encoder.0.norm.weight`."""
        return f"{self.block}.{self.inner}"


def places(model: AcousticModel) -> dict[str, Place]:
    """The block of every tensor of a model's state, by the tensor's name."""
    parts: dict[str, nn.Module] = dict(model.blocks())
    if model.shared_blank is not None:
        parts[BLANK] = model.shared_blank
    parts |= model.inserted.parts()
    hosts = {insertion.name: insertion.block for insertion in model.inserted.insertions}
    parts |= {f"helper.{name}": helper for name, helper in model.helpers.items()}
    found = {
        id(tensor): Place(block, inner, hosts.get(block))
        for block, module in parts.items()
        for inner, tensor in module.state_dict(keep_vars=True).items()
    }
    return {name: found[id(tensor)] for name, tensor in model.state_dict(keep_vars=True).items()}


def plain(name: str) -> str:
    """A tensor's name without what a parametrisation of its module adds to it.

    >>> plain("encoder.0.convolution.parametrizations.weight.original")
    'encoder.0.convolution.weight'
    """
    return name.replace("parametrizations.", "").removesuffix(".original")
