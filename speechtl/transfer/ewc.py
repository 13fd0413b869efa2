"""EWC: hold on to the weights that the source's speech depends on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from speechtl.models.fates import plain
from speechtl.models.layers import seed_of
from speechtl.transfer.base import ForwardPass, Transfer, TransferData
from speechtl.transfer.fisher import Labels, Sampled, diagonal_fisher, enumerated
from speechtl.transfer.weights import refuse_other_models

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

HELPER = "fisher"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EWC(Transfer):
    """Fine-tuning under elastic weight consolidation: what mattered to the source is hard to move.

    Adds Ω = λ/2 Σ F (w - w⁰)², once for a batch, over all trained parameters that are the source's, biases
    and norms too. w⁰ are the source's values and F is the diagonal Fisher information of the source's own
    output on the source's speech (`diagonal_fisher`), estimated once before training and kept beside the
    model meanwhile. Where the source's output does not depend on a parameter, it is as free as in
    fine-tuning.

    Read as a Gaussian posterior of the source's training, λ is the number of the source's utterances for each
    of the target's; it is tuned all the same.

    Source: Kirkpatrick et al. 2017, Overcoming catastrophic forgetting in neural networks, equation 3.
    """

    strength: float = 10.0
    """λ; 0 is fine-tuning."""
    utterances: int = 400
    """Utterances of the source's speech, at most, that the Fisher information is the mean over."""
    expectation: Literal["sampled", "enumerated"] = "sampled"
    """Over which labels the Fisher information is one: some that are drawn from the source's output, or, of a
    classifier with few classes, all of them."""
    samples: int = 1
    """Draws for each utterance."""

    needs_source: ClassVar[bool] = True
    needs_source_speech: ClassVar[bool] = True
    measures_source: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.strength < 0:
            raise ValueError(f"strength={self.strength}: expected 0 or more")
        if self.utterances < 1 or self.samples < 1:
            raise ValueError(f"utterances={self.utterances}, samples={self.samples}: expected 1 or more")

    @property
    def acts_on_source(self) -> bool:
        """Unless it has no strength."""
        return self.strength > 0

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse what no Fisher information can be estimated from, and weights that are not the source's.

        Raises:
            ValueError: there is no source speech, its labels are too many to enumerate, or the plan takes
            weights of another model.
        """
        speech = data.source_speech
        readers = [tag for tag in dict.fromkeys(speech.languages) if model.tokenizers[tag].kind != "whole"]
        if self.expectation == "enumerated" and readers:
            raise ValueError(
                f"expectation=enumerated: the source's head for {', '.join(readers)} is CTC, and its label "
                "sequences are too many; choose sampled"
            )
        refuse_other_models(self.other_models, "EWC")

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Estimate the Fisher information and keep it as the helper `fisher`."""
        if self.strength == 0:
            return
        speech = data.source_speech
        labels: Labels = enumerated
        if self.expectation == "sampled":
            generator = torch.Generator().manual_seed(seed_of(seed, "fisher", "labels"))
            labels = Sampled(self.samples, generator)
        count = min(self.utterances, len(speech)) if data.has_audio else 0  # a plan needs the sizes only
        if count:
            logger.info("estimating the Fisher information on %d utterances of the source's speech", count)
        values = diagonal_fisher(model, speech, labels, utterances=count, seed=seed)
        model.helpers[HELPER] = Fisher(values)

    def terms(self, losses: Mapping[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """The losses so far and `ewc`, a scalar."""
        assert forward.source is not None, "EWC needs a source"
        if HELPER not in forward.model.helpers:
            return dict(losses)
        fisher = cast(Fisher, forward.model.helpers[HELPER])
        return {**losses, "ewc": self.strength / 2 * drift(forward.model, forward.source, fisher)}


class Fisher(nn.Module):
    """The diagonal Fisher information, a buffer for each parameter."""

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, value in values.items():
            self.register_buffer(_buffer(name), value)

    def of(self, name: str) -> Tensor:
        """The information about a parameter, by its name in the model, in the parameter's shape."""
        return cast(Tensor, getattr(self, _buffer(plain(name))))


def drift(model: AcousticModel, source: AcousticModel, fisher: Fisher) -> Tensor:
    """Σ F (w - w⁰)² over the trained parameters that are copied from the source, a scalar."""
    started = {plain(name): value.detach() for name, value in source.named_parameters()}
    total = torch.zeros((), device=next(model.parameters()).device)
    for name, value in model.named_parameters():
        if value.requires_grad and model.fates[name].start == "copied":
            moved = (value - started[plain(name)]).square()
            total = total + (fisher.of(name) * moved).sum()
    return total


def _buffer(name: str) -> str:
    """A parameter's name as that of a buffer, which must not have dots."""
    return name.replace(".", "/")
