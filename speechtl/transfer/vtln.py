"""VTLN: filters warped for each speaker's vocal tract, by what the source recognises best."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import torch

from speechtl.batches import Examples
from speechtl.features import WARP_STEP
from speechtl.models.inserted import Warp
from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.inserting import put
from speechtl.transfer.passes import at_rest, batches, drawn, inputs_of, measured, newest, utterances_by
from speechtl.transfer.rules import Rule

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class VTLN(Transfer):
    """Vocal tract length normalisation: of a grid of warps, that with the source's least loss on the labels.

    Nothing is trained for it: with `train.steps=0` it is a control that costs nothing, with more steps
    training goes on with warped filters. An unknown speaker is heard without a warp.
    Source: Lee and Rose 1998, A frequency warping approach to speaker normalization, equation 3.
    """

    by: Literal["speaker"] | None = "speaker"
    """What has a warp of its own; None: all of the target together."""
    lowest: float = 0.8
    """The least warp that is tried: the vocal tract is shorter than the source's speakers'."""
    highest: float = 1.2
    """The greatest."""
    step: float = WARP_STEP
    """Distance of the warps that are tried; a multiple of 0.02."""
    seconds: float = 120.0
    """Most speech of a speaker, drawn at random, that the warp is chosen by, in seconds."""

    needs_source: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.5 <= self.lowest <= 1 <= self.highest <= 2:
            raise ValueError(
                f"lowest={self.lowest}, highest={self.highest}: expected 0.5 <= lowest <= 1 <= highest <= 2"
            )
        multiple = round(self.step / WARP_STEP)
        if multiple < 1 or abs(multiple * WARP_STEP - self.step) > 1e-9:
            raise ValueError(
                f"step={self.step}: expected a multiple of {WARP_STEP}, which warps are rounded to"
            )
        if self.seconds <= 0:
            raise ValueError(f"seconds={self.seconds}: expected more than 0 seconds of speech")

    @property
    def grid(self) -> tuple[float, ...]:
        """The warps that are tried, 1 always among them.

        >>> VTLN(lowest=0.9, highest=1.06, step=0.04).grid
        (0.92, 0.96, 1.0, 1.04)
        """
        reach = range(
            -int((1 - self.lowest) / self.step + 1e-6), int((self.highest - 1) / self.step + 1e-6) + 1
        )
        return tuple(round(1 + self.step * place, 2) for place in reach)

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse languages that the source cannot score."""
        if new := sorted({*data.target.languages} - {*model.languages}):
            raise ValueError(
                f"VTLN chooses warps by the source's loss, and the source has no head for {', '.join(new)}; "
                "take a source that was trained on this language, or another method"
            )

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Put warps into each input that the target's speech goes through."""
        blocks = inputs_of(model, data.target)
        chosen = {}
        if data.has_audio:
            for key, indices in utterances_by(data.target, self.by).items():
                some = drawn(data.target, indices, self.seconds, seed)
                chosen[key] = best_warp(model, data.target, some, self.grid)
                logger.info("warp of %s: %g", key or "all utterances", chosen[key])
        put(model, "warp", blocks, data.target, self.by, {})
        for block in blocks:
            module = cast(Warp, newest(model, "warp", block))
            for row, key in enumerate(module.insertion.keys or (None,)):
                module.factors[row] = chosen.get(key, 1.0)

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """The warps are chosen, and not trained."""
        return (*super().rules(model, data), *measured(model, "warp", inputs_of(model, data.target)))


def best_warp(
    model: AcousticModel, examples: Examples, indices: Iterable[int], grid: Iterable[float]
) -> float:
    """The warp with which a model has the least loss on these utterances' labels; of equals nearest 1."""
    losses = dict.fromkeys(grid, 0.0)
    with at_rest(model):
        for batch in batches(examples, indices):
            for warp in losses:
                warped = replace(batch, warps=torch.full((len(batch.ids),), warp))
                terms = model.task_losses(model.encode(warped), warped)
                losses[warp] += float(sum(value.double().sum() for value in terms.values()))
    return min(losses, key=lambda warp: (losses[warp], abs(warp - 1)))
