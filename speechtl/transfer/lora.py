"""LoRA: a low-rank change of each weight, merged into it at the end."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from speechtl.models.layers import seeded
from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.inserting import chosen, encoder_blocks

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

_MADE_ANEW = ("_flat_weights", "_flat_weight_refs")
"""What an LSTM keeps of its weights beside them."""


@dataclass(frozen=True)
class LoRA(Transfer):
    """Low-rank adaptation: each weight W becomes W + (alpha / rank) B A, where only A and B are trained.

    B is zero at the start, so the model begins as the source. A convolution's weight (out, in, kernel) is
    taken as a matrix (out, in * kernel); linear and recurrent ones are matrices. `finish` merges the change,
    and what is saved has the source's shape. For an unseen language, training all mostly does better.
    Source: Hu et al. 2022, LoRA: Low-rank adaptation of large language models, equation 3.
    """

    rank: int = 8
    """Rank of the change; at most what the weight's shape allows."""
    alpha: float = 16.0
    """Scale of the change, divided by the rank."""
    blocks: tuple[str, ...] = ("input*", "encoder.*")
    """Globs over the blocks, inputs and those of the encoder, whose weights are changed."""

    needs_source: ClassVar[bool] = True
    freezes_source: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank < 1 or self.alpha <= 0:
            raise ValueError(f"rank={self.rank}, alpha={self.alpha}; expected 1 or more, and above 0")

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Put changes of zero on the weights."""
        standing = model.blocks()
        names = [*model.inputs.blocks(), *encoder_blocks(model)]
        for block in chosen(self.blocks, names):
            for name, module, weight in list(_weights(standing[block])):
                with seeded(seed, "lora", block, name, weight):
                    change = LowRank(getattr(module, weight), self.rank, self.alpha)
                parametrize.register_parametrization(module, weight, change)
                if isinstance(module, nn.LSTM):
                    type(module).__deepcopy__ = _copied  # type: ignore[attr-defined]

    def finish(self, model: AcousticModel, source: AcousticModel | None = None) -> AcousticModel:
        """Merge the changes into the weights; a second time there is nothing to merge."""
        for module in list(model.modules()):
            if parametrize.is_parametrized(module):
                _merge(module)
        return super().finish(model, source)


class LowRank(nn.Module):
    """A weight with a low-rank change, which is zero at first."""

    def __init__(self, weight: Tensor, rank: int, alpha: float) -> None:
        super().__init__()
        out, into = weight.shape[0], weight[0].numel()
        rank = min(rank, out, into)
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, into))
        self.up = nn.Parameter(torch.zeros(out, rank))
        nn.init.uniform_(self.down, -1 / math.sqrt(into), 1 / math.sqrt(into))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight (out, ...) with its change, in the weight's own precision."""
        with torch.autocast(weight.device.type, enabled=False):
            return weight + self.scale * (self.up @ self.down).view_as(weight)


def _merge(module: nn.Module) -> None:
    """Give a module its changed weights as its own.

    torch's `remove_parametrizations` would take them away from copies of the module too, since these share
    its class.
    """
    names = list(cast(nn.ModuleDict, module.parametrizations))
    weights = {name: nn.Parameter(getattr(module, name).detach().clone()) for name in names}
    module.__class__ = type(module).__bases__[0]
    del module.parametrizations
    for name, weight in weights.items():
        module.register_parameter(name, weight)
    if isinstance(module, nn.LSTM):
        module._init_flat_weights()


def _copied(lstm: nn.LSTM, memo: dict[int, object]) -> nn.LSTM:
    """A deep copy of an LSTM with changed weights, which keeps a list of these that cannot be copied."""
    copied = lstm.__new__(type(lstm))
    memo[id(lstm)] = copied
    kept = {name: value for name, value in vars(lstm).items() if name not in _MADE_ANEW}
    copied.__dict__ = copy.deepcopy(kept, memo)
    copied._init_flat_weights()
    return copied


def _weights(block: nn.Module) -> Iterator[tuple[str, nn.Module, str]]:
    """Name of a module inside a block, the module, and the name of a weight of it that is a matrix."""
    for name, module in block.named_modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            yield name, module, "weight"
        elif isinstance(module, nn.LSTM):
            for weight, _ in list(module.named_parameters(recurse=False)):
                if weight.startswith("weight_"):
                    yield name, module, weight
