"""KL-divergence regularisation: learn the labels, and go on saying what the source says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from speechtl.batches import Batch
from speechtl.features import frame_mask
from speechtl.transfer.base import ForwardPass, Transfer, TransferData

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel, Encoded

LABELLED = ("ctc", "classification")
"""The losses that the labels decide, which are weighted by 1 - ρ."""


@dataclass(frozen=True)
class KLRegularised(Transfer):
    """Fine-tuning towards targets that are in part the labels, in part what the source says itself.

    The target distribution is p̂ = (1 - ρ) label + ρ p_source(y|x), so a frame's or an utterance's
    cross-entropy becomes (1 - ρ) CE + ρ KL(p_source ‖ p), but for the source's own entropy, which is
    constant. With CTC it is (1 - ρ) CTC + ρ Σ KL over an utterance's real frames: a sum, like its CTC loss,
    and like that averaged over the utterances of a batch. Source and model hear the same augmented features
    under the same masks.

    Speech in a language that the source has a head for, such as another speaker's or accent's, is compared
    through that head. In a new language it is compared through every head of the source, and the mean counts:
    learning without forgetting, for CTC.

    Source: Yu, Yao, Su, Li and Seide 2013, KL-divergence regularized deep neural network adaptation, section
    3; for a new language Li and Hoiem 2016, Learning without forgetting, figure 3, at temperature 1.
    """

    rho: float = 0.5
    """Share of the source's distribution in the targets: 0 is fine-tuning, 1 ignores the labels."""
    source_heads: Literal["trained", "frozen"] = "trained"
    """Of a new language's speech: whether the source's heads, through which it is compared, are trained by
    that comparison, as published, or stay the source's bit for bit."""

    needs_source: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.rho <= 1:
            raise ValueError(f"rho={self.rho} is a share of the targets; expected a number from 0 to 1")

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse a new head that would never learn.

        Raises:
            ValueError: a language is new, and the labels have no weight.
        """
        new = [tag for tag in data.tokenizers if tag not in model.tokenizers]
        if self.rho == 1 and new:
            raise ValueError(
                f"rho=1 gives the labels no weight, so the new head for {', '.join(new)} would never learn; "
                "choose a rho below 1"
            )

    def trained_heads(self, data: TransferData, new: Collection[str], old: Collection[str]) -> frozenset[str]:
        """Languages whose heads are trained: the target's, for a new one the source's too if asked for."""
        heard = super().trained_heads(data, new, old)
        compares = self.rho > 0 and self.source_heads == "trained" and heard & set(new)
        # Behind an encoder that is the source's they have nothing to learn.
        return heard | set(old) if compares and self.trains == "all" else heard

    def terms(self, losses: Mapping[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """The labels' losses times 1 - ρ, and `kl` (batch,), the divergence from the source times ρ.

        Raises:
            ValueError: the batch has speech of a domain whose input the source lacks.
        """
        if self.rho == 0:
            return dict(losses)
        model, source, batch = forward.model, forward.source, forward.batch
        assert source is not None, "a teacher is needed"
        assert not source.training, "the teacher is in eval mode"
        _require_inputs(model, source, batch)
        with torch.no_grad():
            # Or the source would hear other filters where the model warps them.
            taught = source.encode(model.featurized(batch) if model.warps else batch)
        weighted = {
            name: (1 - self.rho) * value if name in LABELLED else value
            for name, value in losses.items()
            if self.rho < 1 or name not in LABELLED  # 0 times an infinite loss is no number
        }
        return weighted | {"kl": self.rho * divergences(model, source, batch, forward.encoded, taught)}


def divergences(
    model: AcousticModel, source: AcousticModel, batch: Batch, encoded: Encoded, taught: Encoded
) -> Tensor:
    """KL(p_source ‖ p_model) (batch,), summed over each utterance's real frames.

    Through the utterance's own head, or as the mean over all heads of the source where it lacks that one.

    Args:
        model: in training.
        source: the teacher; no gradient goes into it.
        batch: the utterances.
        encoded: what the model made of them.
        taught: what the source made of them.
    """
    found: Tensor | None = None
    for language in dict.fromkeys(batch.languages):
        rows = torch.tensor([row for row, tag in enumerate(batch.languages) if tag == language])
        rows = rows.to(encoded.lengths.device)
        each = []
        for head in [language] if language in source.tokenizers else source.languages:
            with torch.no_grad():
                teacher = source.log_probs(taught, head, rows)
            lengths = model.output_lengths(encoded, head, rows)
            each.append(divergence(teacher, model.log_probs(encoded, head, rows), lengths))
        mean = torch.stack(each).mean(dim=0)
        found = mean.new_zeros(len(batch.ids)) if found is None else found
        found = found.index_copy(0, rows, mean)
    assert found is not None, "a batch has utterances"
    return found


def divergence(teacher: Tensor, student: Tensor, lengths: Tensor) -> Tensor:
    """KL(teacher ‖ student) (batch,), summed over real frames.

    Args:
        teacher: log-probabilities (batch, time, units).
        student: the same of another model.
        lengths: (batch,) in frames.
    """
    impossible = torch.isneginf(teacher)  # a classifier's blank, where the difference would be no number
    differences = (teacher - student).masked_fill(impossible, 0)
    frames = (teacher.exp() * differences).sum(dim=2)
    return frames.masked_fill(~frame_mask(lengths, frames.shape[1]), 0).sum(dim=1)


def _require_inputs(model: AcousticModel, source: AcousticModel, batch: Batch) -> None:
    """Refuse speech that source and model would hear through different inputs."""
    missing = set(batch.domains) & set(model.inputs.domains) - set(source.inputs.domains)
    if missing:
        raise ValueError(
            f"the source has no input for {', '.join(sorted(map(str, missing)))}, so it cannot say what the "
            "model should go on saying of that speech; leave the input out of the recipe, or take another "
            "method"
        )
