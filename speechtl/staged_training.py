"""The stages of one training: what trains now, and on which batches."""

from __future__ import annotations

from pathlib import Path

from speechtl.batches import Batch, Stream, concatenate
from speechtl.models.acoustic import AcousticModel
from speechtl.models.fates import places, plain
from speechtl.transfer.base import ParameterGroup, StreamSettings, Transfer, TransferData
from speechtl.transfer.plan import matched
from speechtl.transfer.stages import Stage, boundaries, moment


class StagedTraining:
    """A method's stages over a model that the method has adapted."""

    def __init__(
        self,
        model: AcousticModel,
        method: Transfer,
        data: TransferData,
        draws: StreamSettings,
        steps: int,
        folder: Path | None = None,
    ) -> None:
        self._model, self._method, self._steps = model, method, steps
        self._folder = folder
        self._stages = method.stages(model)
        parts = trained_by_stage(model, method, steps)
        self._ends, self._trains = [end for end, _ in parts], [names for _, names in parts]
        self._now: int | None = None
        self._all = method.mixed_streams(data, draws)
        method.check_streams(self._all, draws)
        self.streams: dict[str, Stream] = self._all
        self.is_rehearsal = False
        """Whether no stage chooses its speech: where that is noise, and only the time of a step is asked."""

    def groups(self, weight_decay: float) -> list[ParameterGroup]:
        """The parameter groups of all that is trained in any stage."""
        self._switch(frozenset[str]().union(*self._trains))
        groups = self._method.groups(self._model, weight_decay)
        self._switch(self._trains[0])
        return groups

    def enter(self, step: int, model: AcousticModel) -> float:
        """Begin the stage of a step if it has not begun; the progress of the learning rate's schedule.

        Args:
            step: counted from 0.
            model: the averaged weights, in eval mode, by which a stage may choose its speech.
        """
        now = moment(self._stages, self._steps, step)
        if now.stage != self._now:
            self._now = now.stage
            self._switch(self._trains[now.stage])
            if not self.is_rehearsal:
                self.streams = self._method.streams_at(now.stage, self._all, model, self._folder)
        return now.progress

    def end(self, step: int) -> int:
        """The step before which the stage of a step, counted from 0, ends."""
        return self._ends[moment(self._stages, self._steps, step).stage]

    def batch(self, step: int) -> Batch:
        """The streams' batches of a step in one."""
        return concatenate([stream.batch(step) for stream in self.streams.values()])

    def _switch(self, trained: frozenset[str]) -> None:
        for name, value in self._model.named_parameters():
            value.requires_grad_(name in trained)
            if name not in trained:
                value.grad = None  # or the optimiser would go on with the last one
        self._model.train(self._model.training)


def trained_by_stage(model: AcousticModel, method: Transfer, steps: int) -> list[tuple[int, frozenset[str]]]:
    """The step before which each stage of a method ends, and the parameters that it trains.

    Raises:
        ValueError: the shares do not add up to 1; or as `trained_in`.
    """
    stages = method.stages(model)
    ends = boundaries(stages, steps)
    return [(end, trained_in(model, stage)) for end, stage in zip(ends, stages, strict=True)]


def trained_in(model: AcousticModel, stage: Stage) -> frozenset[str]:
    """Names of the parameters that a stage trains of a model that a method has adapted.

    Raises:
        ValueError: a rule of the stage matches nothing, or says something else than freeze or train.
    """
    parameters = {name for name, _ in model.named_parameters()}
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    standing = places(model)
    # Inserted modules of the source go with their block also where they begin anew.
    known = [
        plain(name)
        for name, fate in model.fates.items()
        if fate.start == "copied"
        or (standing[name].host is not None and fate.start not in ("inserted", "helper"))
    ]
    for rule in stage.rules:
        names = parameters.intersection(matched(rule.match, standing, known))
        if not names or rule.frozen is None:
            raise ValueError(f"a stage's {rule} must freeze or train parameters that the model has")
        trained = trained - names if rule.frozen else trained | names
    return frozenset(trained)
