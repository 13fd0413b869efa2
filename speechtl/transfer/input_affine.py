"""Input affine (LIN): a linear map of the features, and nothing else moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.first_pass import Labels
from speechtl.transfer.inserting import put
from speechtl.transfer.passes import inputs_of

if TYPE_CHECKING:
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
    freezes_source: ClassVar[bool] = True

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Put the identity before each input that the target's speech goes through."""
        put(model, "affine", inputs_of(model, data.target), data.target, self.by, {"form": self.form})
