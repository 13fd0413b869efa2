"""Interpolated: weights on the line between the source's and the fine-tuned ones."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from speechtl.faults import listed
from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.rules import Rule, parse

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


@dataclass(frozen=True)
class Interpolated(Transfer):
    """Fine-tuning whose weights end at w = (1 − a) · w_source + a · w_tuned.

    A point on the way keeps more of what the source could than the end does. What the source lacks, such as
    the head of a new language, stays as it was trained. Dev errors in training are of the point that
    would be kept, and choose it. `benchmarks/interpolation.py` gives the errors of the whole line
    for a run that is finished, so that a can be chosen on dev without training again.

    Source: Wortsman et al. 2022, Robust fine-tuning of zero-shot models (WiSE-FT), equation 1.
    """

    share: float = 0.5
    """a: the fine-tuned weights' share; 0 keeps the source's, 1 is fine-tuning."""

    needs_source: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.share <= 1:
            raise ValueError(f"share={self.share}: expected a share of the fine-tuned weights from 0 to 1")

    @property
    def acts_on_source(self) -> bool:
        """Unless nothing is moved back."""
        return self.share < 1

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """No rules of its own.

        Raises:
            ValueError: weights are no tensors of their own, since a method trains a change of each; or the
                plan starts some at random, with which the source's have no line in common.
        """
        random = [
            one.match for one in map(parse, self.plan) if isinstance(one, Rule) and one.start == "random"
        ]
        if random:
            raise ValueError(
                f"Interpolated mixes the trained weights with the source's, and the plan starts "
                f"{listed(random)} at random, which has nothing to do with these; leave one of the two out"
            )
        if any("parametrizations." in name for name, _ in model.named_parameters()):
            raise ValueError(
                "Interpolated is combined with a method, such as LoRA, that trains a change of each weight; "
                "a smaller scale of that change is the same line: leave one of the two out"
            )
        return super().rules(model, data)

    def as_kept(self, model: AcousticModel, source: AcousticModel | None) -> AcousticModel:
        """A copy of the model, moved towards the source."""
        if source is None or not self.acts_on_source:
            return model
        kept = copy.deepcopy(model)
        move(kept, source, self.share)
        return kept

    def finish(self, model: AcousticModel, source: AcousticModel | None = None) -> AcousticModel:
        """Move the trained weights towards the source's."""
        model = super().finish(model, source)
        if source is None:
            raise ValueError("weights are interpolated with those of a source, and there is none")
        move(model, source, self.share)
        return model


@torch.no_grad()
def move(model: AcousticModel, source: AcousticModel, share: float) -> None:
    """Set a model to (1 − share) · source + share · model, batch-norm statistics too; both ends are exact.

    Counts, which cannot be mixed, stay the model's but for share 0.

    Raises:
        ValueError: the model lacks tensors of the source, or has them in other shapes; names them.
    """
    mine = model.state_dict(keep_vars=True)
    theirs = source.state_dict()
    faults = [name for name, tensor in theirs.items() if name not in mine or mine[name].shape != tensor.shape]
    if faults:
        raise ValueError(
            f"the weights cannot be interpolated: {listed(faults)} of the source is not in the model, or of "
            "another shape. Give the source that the model was trained from"
        )
    for name, tensor in theirs.items():
        start, end = tensor.to(mine[name].device), mine[name]
        if end.is_floating_point():
            end.copy_(torch.lerp(start, end, share))
        elif share == 0:
            end.copy_(start)
