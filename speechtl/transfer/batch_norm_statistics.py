"""BatchNormStatistics: the statistics of the source's batch norms, taken again from the target's speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from speechtl.batches import Batch, Examples
from speechtl.models.layers import MaskedBatchNorm
from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.passes import Sums, at_rest, drawn, inputs_of, with_features
from speechtl.transfer.rules import Rule

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


RUNNING = ".running_*"
"""Those of a norm, as its rules name them."""


@dataclass(frozen=True)
class BatchNormStatistics(Transfer):
    """Normalise by the mean and variance of the target's own speech; needs no labels and trains nothing.

    With `train.steps=0` it is a control that costs nothing, with `trains="head"` a new language's head learns
    on top, with more steps training goes on from there. Padding does not count.
    Source: Li, Wang, Shi, Hou and Liu 2018, Adaptive batch normalization for practical domain adaptation,
    algorithm 1.
    """

    minutes: float = 30.0
    """Most of the target's speech, drawn at random, that the statistics are taken from, in minutes."""

    needs_source: ClassVar[bool] = True
    measures_model: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minutes <= 0:
            raise ValueError(f"minutes={self.minutes}: expected more than 0 minutes of speech")

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse a model that has no statistics to be taken."""
        require_batch_norms(model, self)

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Take the statistics, unless there is nothing to hear yet."""
        if data.has_audio:
            indices = drawn(data.target, range(len(data.target)), 60 * self.minutes, seed)
            take_statistics(model, list(with_features(model, data.target, indices)))

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """The statistics of all norms that the target's speech goes through are estimated."""
        return (*super().rules(model, data), *estimated(model, data.target))


def batch_norms(model: AcousticModel) -> list[tuple[str, MaskedBatchNorm]]:
    """The batch norms and their names, from the input to the output."""
    return [(name, norm) for name, norm in model.named_modules() if isinstance(norm, MaskedBatchNorm)]


def require_batch_norms(model: AcousticModel, method: Transfer) -> None:
    """Refuse a model without batch norms.

    Raises:
        ValueError: it has none.
    """
    if not batch_norms(model):
        raise ValueError(
            f"{type(method).__name__} takes the statistics of batch norms, and the source has none, as "
            "models with layer norms alone; take a method that needs no batch norms"
        )


def estimated(model: AcousticModel, examples: Examples) -> tuple[Rule, ...]:
    """Rules that the statistics of all norms that some speech goes through are estimated."""
    heard = inputs_of(model, examples)
    unheard = {
        id(norm)
        for name, block in model.inputs.blocks().items()
        if name not in heard
        for norm in block.modules()
    }
    names = [name for name, norm in batch_norms(model) if id(norm) not in unheard]
    return tuple(Rule(f"{name}{RUNNING}", start="estimated") for name in names)


def take_statistics(model: AcousticModel, speech: Sequence[Batch]) -> None:
    """Set the running statistics of the batch norms to those of all frames of some speech.

    One norm after another: what reaches a norm follows from the new statistics of those before it, so that
    the statistics are those of the model that comes out, however the speech is cut into batches. Norms that
    the speech does not go through keep theirs.
    """
    with at_rest(model):
        for _, norm in batch_norms(model):
            sums = _heard(model, norm, speech)
            if sums.count:
                assert norm.running_mean is not None
                assert norm.running_var is not None
                norm.running_mean.copy_(sums.mean)
                norm.running_var.copy_(sums.variance)


def _heard(model: AcousticModel, norm: nn.Module, speech: Sequence[Batch]) -> Sums:
    """What reaches a norm."""
    sums = Sums()

    def hear(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        sums.add(*inputs)

    handle = norm.register_forward_hook(hear)
    try:
        for batch in speech:
            model.encode(batch)
    finally:
        handle.remove()
    return sums
