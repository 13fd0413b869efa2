"""Input affine (LIN): a linear map of the features, and nothing else moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.first_pass import Labels, labelled
from speechtl.transfer.inserting import SOURCE_FROZEN, put, refuse_head_only
from speechtl.transfer.passes import inputs_of
from speechtl.transfer.rules import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from speechtl.models.acoustic import AcousticModel


@dataclass(frozen=True)
class InputAffine(Transfer):
    """Linear input network: the features x become (I + Δ) x + b, where only Δ and b are trained.

    It lies after normalisation and before masks. So near the signal it can learn a voice, and hardly words.
    Δ begins at 0 and weight decay pulls it back there; b has none.
    Source: Neto et al. 1995, Speaker-adaptation for hybrid HMM-ANN continuous speech recognition, section 3.
    """

    by: Literal["speaker", "language", "domain"] | None = None
    """What has a map of its own; None: one for all utterances."""
    form: Literal["diagonal", "full"] = "full"
    """`diagonal`: a scale and a shift for each feature; `full`: each draws on all others of its frame."""
    labels: Labels = "given"
    """`first_pass`: without the target's own labels, on what the source makes of its speech; the last weights
    are kept, for there would be no labels to choose others by."""

    needs_source: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_head_only(self.trains, "InputAffine")

    @property
    def chooses_on_dev(self) -> bool:
        """Not without labels."""
        return self.labels == "given"

    def relabelled(self, data: TransferData, source: AcousticModel, folder: Path | None) -> TransferData:
        """The target's labels, or the source's transcripts in their place."""
        return labelled(data, source, folder, self.labels)

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Put the identity before each input that the target's speech goes through."""
        put(model, "affine", inputs_of(model, data.target), data.target, self.by, {"form": self.form})

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """All that is the source's is frozen."""
        return SOURCE_FROZEN
