"""DomainDistance: what methods that draw the features of two domains together have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import torch
from torch import Tensor

from speechtl.transfer.base import ForwardPass, Transfer, TransferData
from speechtl.transfer.domain_features import of_both_domains, require_blocks, require_pairs
from speechtl.transfer.measured import Measured

if TYPE_CHECKING:
    from speechtl.batches import Stream
    from speechtl.models.acoustic import AcousticModel
    from speechtl.transfer.data import StreamSettings


@dataclass(frozen=True)
class DomainDistance(Transfer, ABC):
    """The loss of the labelled speech and weight · Σ distance between the two domains' features, over blocks.

    The features are the means over each utterance's frames. A batch with fewer than two utterances of a
    domain adds nothing, and has no distance in metrics.jsonl; that is without the weight.
    """

    weight: float = 1.0
    """Strength of the term beside the loss of the labelled speech; 0 only measures it, a control."""
    blocks: tuple[str, ...] = ("norm",)
    """The blocks whose outputs are drawn together; `norm` is the last before the heads."""

    hears_unlabelled: ClassVar[bool] = True
    term: ClassVar[str]
    """Its name among the losses; `<term>_distance` is that of what is logged."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight < 0:
            raise ValueError(f"weight={self.weight}: expected 0 or more; below 0 it drives domains apart")
        if self.trains == "head":
            raise ValueError("trains=head freezes every block whose features could be changed; train all")

    @abstractmethod
    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        """How far apart the features (m, width) and (n, width) of two domains are, a scalar; m, n ≥ 2."""

    @property
    def control(self) -> str:
        """Without the term."""
        return "--method.weight 0" if self.weight else ""

    @property
    def taps(self) -> tuple[str, ...]:
        """The blocks whose outputs are drawn together."""
        return self.blocks

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse blocks that the model lacks."""
        require_blocks(model, self.blocks)

    def check_streams(self, streams: Mapping[str, Stream], settings: StreamSettings) -> None:
        """Refuse batches without two utterances of each domain."""
        require_pairs(streams, settings)

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Keep what is measured beside the model."""
        model.helpers[self.term] = Measured()

    def terms(self, losses: Mapping[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """The losses, and the weighted distance."""
        with torch.autocast(forward.encoded.lengths.device.type, enabled=False):
            pairs = [of_both_domains(forward, block) for block in self.blocks]
            total = forward.encoded.taps[self.blocks[0]].new_zeros((), dtype=torch.float32)
            for features in filter(None, pairs):
                total = total + self.distance(*features)
        measured = cast(Measured, forward.model.helpers[self.term])
        measured.measures = {f"{self.term}_distance": total.detach()} if all(pairs) else {}
        return {**losses, self.term: self.weight * (total if self.weight else total.detach())}
