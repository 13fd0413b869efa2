"""L2-SP: weight decay towards the source's weights instead of zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from speechtl.models.fates import plain
from speechtl.transfer.base import ForwardPass, ParameterGroup, Transfer, TransferData
from speechtl.transfer.weights import refuse_other_models

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


@dataclass(frozen=True)
class L2SP(Transfer):
    """Fine-tuning that pulls every weight towards where it started, the source's value.

    Adds Ω = α/2 ‖w_S - w_S⁰‖² + β/2 ‖w_new‖², once for a batch. w_S are the trained weights that the source
    has, w_S⁰ are its values, which never move, and w_new are all other trained weights: those of a new head,
    also where its rows start from rows of the source, of random layers and of inserted modules. Biases, norms
    and buffers are left alone. The optimiser's own weight decay, which would pull towards zero, is off.

    Source: Li, Grandvalet and Davoine 2018, Explicit inductive bias for transfer learning with convolutional
    networks, equation 2.
    """

    alpha: float = 0.1
    """Strength of the pull towards the source's weights; the authors' for images. It stands beside the loss
    of an utterance, so what suits a task has to be tuned."""
    beta: float = 0.01
    """Strength of the pull of new weights towards zero; the authors' for images."""

    needs_source: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha < 0 or self.beta < 0:
            raise ValueError(f"alpha={self.alpha}, beta={self.beta}: expected numbers of 0 or more")

    @property
    def acts_on_source(self) -> bool:
        """Unless only new weights are pulled."""
        return self.alpha > 0

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse weights of another model, which the pull towards the source's values would not keep.

        Raises:
            ValueError: the plan takes some.
        """
        refuse_other_models(self.other_models, "L2SP")

    def groups(self, model: AcousticModel, weight_decay: float) -> list[ParameterGroup]:
        """Parameter groups without weight decay, whatever the recipe's is."""
        return super().groups(model, weight_decay=0.0)

    def terms(self, losses: Mapping[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """The losses so far and `l2_sp`, a scalar."""
        assert forward.source is not None, "L2SP needs a source"
        if self.alpha == self.beta == 0:
            return dict(losses)
        return {**losses, "l2_sp": penalty(forward.model, forward.source, self.alpha, self.beta)}


def penalty(model: AcousticModel, source: AcousticModel, alpha: float, beta: float) -> Tensor:
    """α/2 ‖w_S - w_S⁰‖² + β/2 ‖w_new‖² of the weights that are being trained, a scalar."""
    started = {plain(name): value.detach() for name, value in source.named_parameters()}
    total = torch.zeros((), device=next(model.parameters()).device)
    for name, weight in penalised(model):
        fate = model.fates.get(name)
        if fate is None or fate.start == "copied":
            total = total + alpha / 2 * (weight - started[plain(name)]).square().sum()
        elif fate.start in ("mapped", "initialised", "inserted"):
            total = total + beta / 2 * weight.square().sum()
    return total


def penalised(model: AcousticModel) -> Iterator[tuple[str, Tensor]]:
    """The weight matrices that are being trained, by name, without helpers and without what never decays."""
    spared = model.inserted.without_decay("inserted.")
    for name, value in model.named_parameters():
        if value.requires_grad and value.ndim > 1 and name not in spared and not name.startswith("helpers."):
            yield name, value
