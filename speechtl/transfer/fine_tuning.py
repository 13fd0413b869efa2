"""FineTuning: learning rates by depth, and blocks that are unfrozen one after another from the top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.rules import Rule
from speechtl.transfer.stages import Stage

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


@dataclass(frozen=True)
class FineTuning(Transfer):
    """Fine-tuning in which a block's depth below the head says how fast it learns, and from when on.

    Discriminative rates: a block at depth d learns at the rate × decay^d. Gradual unfreezing: the head is
    trained alone at first, then the top block joins, then the next, and the input last. The learning rate's
    schedule goes on over the borders.

    Source: Howard and Ruder 2018, Universal language model fine-tuning for text classification, sections 3.2
    (η^(l−1) = η^l / 2.6) and 3.3.
    """

    decay: float = 1.0
    """Factor on the learning rate with every block below the head: 1 for one rate; below 1 the input learns
    slowest, above 1 fastest."""
    unfreeze: float = 0.0
    """Share of the steps over which the blocks are unfrozen, evenly, from the top down; 0 trains all of them
    from the first step."""

    needs_source: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decay <= 0:
            raise ValueError(f"decay={self.decay}: expected a factor above 0; 1 is one rate for all blocks")
        if not 0 <= self.unfreeze < 1:
            raise ValueError(
                f"unfreeze={self.unfreeze}: expected a share from 0 up to, not including, 1, so that "
                "all blocks are trained at the end"
            )
        if self.trains == "head" and (self.decay != 1 or self.unfreeze):
            raise ValueError(
                f"decay={self.decay}, unfreeze={self.unfreeze} with trains=head: no block below the head is "
                "trained; leave them out, or use trains=all"
            )

    @property
    def acts_on_source(self) -> bool:
        """Where there is something to unfreeze."""
        return self.unfreeze > 0

    @property
    def needs_all_steps(self) -> bool:
        """Where blocks are unfrozen by the steps."""
        return self.unfreeze > 0

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """The rate of each block below the head."""
        if self.decay == 1:
            return super().rules(model, data)
        slowed = tuple(
            Rule(block, lr=self.decay**depth)
            for depth, blocks in enumerate(levels(model), start=1)
            for block in blocks
        )
        return (*super().rules(model, data), *slowed)

    def stages(self, model: AcousticModel) -> tuple[Stage, ...]:
        """A stage for each level that is still frozen, and one in which all are trained."""
        if not self.unfreeze:
            return super().stages(model)
        below = levels(model)
        closed = [
            Stage(
                self.unfreeze / len(below),
                tuple(Rule(block, frozen=True) for blocks in below[opened:] for block in blocks),
            )
            for opened in range(len(below))
        ]
        return (*closed, Stage(1 - self.unfreeze))


def levels(model: AcousticModel) -> list[list[str]]:
    """The blocks below the heads from the top down: the first level is of depth 1, all inputs are the last.

    The norm behind the encoder belongs to its top block.
    """
    encoder = [name for name in model.blocks() if name.startswith("encoder.")]
    found = [[name] for name in reversed(encoder)]
    found[0].append("norm")
    return [*found, list(model.inputs.blocks())]
