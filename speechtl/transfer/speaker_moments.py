"""SpeakerMoments: the mean and variance of a speaker's features, matched to those of the source's speech."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from speechtl.batches import Examples
from speechtl.models.inserted import Moments
from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.inserting import put
from speechtl.transfer.passes import Sums, at_rest, batches, drawn, inputs_of, measured, newest, utterances_by
from speechtl.transfer.rules import Rule

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel
    from speechtl.models.inputs import Input

FLATTEST = 1e-3
"""Standard deviations below this are of features that do not move; they are only shifted."""


@dataclass(frozen=True)
class SpeakerMoments(Transfer):
    """Each feature x of a speaker becomes (x - μ_speaker) σ_source / σ_speaker + μ_source.

    Over all frames of a speaker, after the normalisation of each utterance. It needs no labels and trains
    nothing: with `train.steps=0` it is a control that costs nothing, with more steps training goes on.
    Source: Viikki and Laurila 1998, Cepstral domain segmental feature vector normalization for noise robust
    speech recognition, equation 1, with the source's moments in place of 0 and 1.
    """

    by: Literal["speaker"] | None = "speaker"
    """What has moments of its own; None: all of the target together."""
    minutes: float = 20.0
    """Most of the source's speech, drawn at random, whose moments are the goal, in minutes."""

    needs_source: ClassVar[bool] = True
    needs_source_speech: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minutes <= 0:
            raise ValueError(f"minutes={self.minutes}: expected more than 0 minutes of the source's speech")

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Put a scale and a shift before each input that the target's speech goes through.

        Raises:
            ValueError: none of the source's speech goes through an input that the target's does.
        """
        blocks = inputs_of(model, data.target)
        changes = self._changes(model, data, seed, blocks) if data.has_audio else {}
        put(model, "moments", blocks, data.target, self.by, {})
        for block in blocks:
            module = cast(Moments, newest(model, "moments", block))
            for row, key in enumerate(module.insertion.keys or (None,)):
                if (block, key) in changes:
                    module.scale[row], module.shift[row] = changes[block, key]

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """The scale and shift are estimated."""
        return (*super().rules(model, data), *measured(model, "moments", inputs_of(model, data.target)))

    def _changes(
        self, model: AcousticModel, data: TransferData, seed: int, blocks: list[str]
    ) -> dict[tuple[str, str | None], tuple[Tensor, Tensor]]:
        """The scale and shift of each input's block and speaker that spoke through it."""
        source = data.source_speech
        goal = moments(model, source, drawn(source, range(len(source)), 60 * self.minutes, seed))
        if missing := [block for block in blocks if block not in goal]:
            raise ValueError(
                f"none of the source's speech goes through {', '.join(missing)}, so there are no moments "
                "that the target's speech there could be matched to; name such speech by source_speech"
            )
        found = {}
        for key, indices in utterances_by(data.target, self.by).items():
            for block, own in moments(model, data.target, indices).items():
                found[block, key] = matching(own, goal[block])
        return found


def matching(own: Sums, goal: Sums) -> tuple[Tensor, Tensor]:
    """The scale and shift (width,) that give values with one mean and variance another."""
    deviation = own.variance.sqrt()
    scale = goal.variance.sqrt() / deviation.clamp_min(FLATTEST)
    scale = torch.where(deviation < FLATTEST, 1.0, scale)
    return scale.float(), (goal.mean - own.mean * scale).float()


def moments(model: AcousticModel, examples: Examples, indices: Iterable[int]) -> dict[str, Sums]:
    """The sums over all features that enter an input's layers, by its block, of these utterances."""
    found: dict[str, Sums] = {}

    def listen(block: str) -> Any:
        def hear(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            found.setdefault(block, Sums()).add(*inputs)

        return hear

    entries = {name: cast("Input", entry) for name, entry in model.inputs.blocks().items()}
    handles = [entry.layers.register_forward_pre_hook(listen(name)) for name, entry in entries.items()]
    try:
        with at_rest(model):
            for batch in batches(examples, indices):
                model.inputs(batch, model.inserted)
    finally:
        for handle in handles:
            handle.remove()
    return found
