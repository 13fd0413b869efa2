"""Adapters: a narrow layer beside each block of the encoder, and nothing else moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.inserting import chosen, encoder_blocks, put

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


@dataclass(frozen=True)
class Adapters(Transfer):
    """Bottleneck adapters: the output h of a block becomes h + B relu(A norm(h)); only A and B are trained.

    B is zero at the start, so the model begins as the source. For an unseen language, training all mostly
    does better; adapters are for many speakers or languages around one model that stays as it is.
    Source: Houlsby et al. 2019, Parameter-efficient transfer learning for NLP, section 2; Kannan et al. 2019,
    Large-scale multilingual speech recognition with a streaming end-to-end model, section 3.3.
    """

    by: Literal["speaker", "language", "domain"] | None = None
    """What has adapters of its own; None: all utterances share them."""
    bottleneck: int = 32
    """Width of the narrow layer."""
    blocks: tuple[str, ...] = ("encoder.*",)
    """Globs over the blocks of the encoder behind which an adapter is put."""

    needs_source: ClassVar[bool] = True
    freezes_source: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bottleneck < 1:
            raise ValueError(f"bottleneck={self.bottleneck}; expected 1 or more")

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Put adapters that add nothing yet behind the blocks."""
        blocks = chosen(self.blocks, encoder_blocks(model))
        put(model, "adapter", blocks, data.target, self.by, {"bottleneck": self.bottleneck, "seed": seed})
