"""fit(): the training loop."""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from speechtl.allocation import keep_freed_memory
from speechtl.augment import AugmentSettings, SpecAugment
from speechtl.averaging import RunningAverage
from speechtl.batches import Batch
from speechtl.choice import Choice, Decide, EvaluateDev
from speechtl.counters import Counters, FitResult
from speechtl.descent import adamw, constant, cosine, inverse_decay, sgd
from speechtl.feature_cache import FeatureCache
from speechtl.gradients import clip_gradient, unwrapped
from speechtl.interruption import Interrupted, StopRequest
from speechtl.mixing import count_drawn
from speechtl.models.acoustic import AcousticModel
from speechtl.models.layers import seed_of, set_dropout
from speechtl.non_finite import StatisticsGuard, average_finite, culprits, require_finite, sum_losses
from speechtl.objective import Objective
from speechtl.patience import end_early
from speechtl.progress import Log, TrainingProgress, measures_of
from speechtl.staged_training import StagedTraining
from speechtl.threads import threads
from speechtl.tracking import Track, tracker
from speechtl.train_settings import TrainSettings
from speechtl.training_state import (
    load_optimiser,
    load_state,
    optimiser_tensors,
    save_state,
    state_tensors,
    without_prefix,
)
from speechtl.transfer.base import StreamSettings, Transfer, TransferData

__all__ = ["FitResult", "Interrupted", "fit"]

logger = logging.getLogger(__name__)


def fit(
    model: AcousticModel,
    method: Transfer,
    data: TransferData,
    settings: TrainSettings,
    folder: Path,
    *,
    evaluate_dev: EvaluateDev | None,
    augment: AugmentSettings,
    seed: int,
    source: AcousticModel | None = None,
    track: Track = "none",
    last: int | None = None,
    label_free: Decide | None = None,
) -> FitResult:
    """Train a model with a transfer method; resume from the folder's checkpoint if there is one.

    Without `evaluate_dev` the last averaged weights are kept. With `last`, the training ends after that step,
    on the way that the schedule of all steps takes. With `label_free`, the weights whose decisions have the
    most information are kept too, and the log says when the training diverges.

    Writes `metrics.jsonl` and `checkpoints/` in `folder`. On a CPU, a run that was stopped and resumed
    ends with the same bits as one that was not.

    Raises:
        ValueError: losses stay non-finite; names the utterances. Or the checkpoints are damaged.
        OSError: a checkpoint cannot be written; the one before it stays.
        Interrupted: SIGINT or SIGTERM came; a checkpoint is saved.
    """
    loop = Loop(
        model, method, data, settings, folder, evaluate_dev, augment, seed, source, track, last, label_free
    )
    keep_freed_memory()
    with threads(settings.threads), loop.stop, loop.log, loop.progress:
        loop.resume()
        loop.choice.begin(loop.average, loop.counters)
        while loop.counters.step < loop.last:
            loop.step()
            loop.after_step()
        return loop.result()


class Loop:
    """The parts of one training run; `fit` turns its crank."""

    def __init__(
        self,
        model: AcousticModel,
        method: Transfer,
        data: TransferData,
        settings: TrainSettings,
        folder: Path,
        evaluate_dev: EvaluateDev | None,
        augment: AugmentSettings,
        seed: int,
        source: AcousticModel | None,
        track: Track = "none",
        last: int | None = None,
        label_free: Decide | None = None,
    ) -> None:
        self.settings, self.method, self.augment, self.seed = settings, method, augment, seed
        self.last = settings.steps if last is None else min(last, settings.steps)
        self.checkpoints = folder / "checkpoints"
        # A source that was trained just before, in this process, may have had another precision.
        AcceleratorState._reset_state()
        self.accelerator = Accelerator(mixed_precision=settings.mixed_precision)
        _refuse_precision(model, settings, self.accelerator.device)
        self.cache = self._cache(model)
        draws = StreamSettings(
            settings.batch_seconds, seed, augment, settings.temperature, settings.is_mixed, self.cache
        )
        self.stages = StagedTraining(model, method, data, draws, settings.steps, folder)
        groups = self.stages.groups(settings.weight_decay)
        set_dropout(model, settings.dropout)
        self.model = model.to(self.accelerator.device)
        self.average = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.averaging = RunningAverage(self.average, self.model, settings.average)
        self.statistics = StatisticsGuard(self.model)
        self.source = source and source.to(self.accelerator.device)
        self.choice = Choice(evaluate_dev, label_free, method, settings.steps, self.source)
        objective = Objective(self.model, self.source, method)
        optimise = sgd if settings.optimiser == "sgd" else adamw
        prepared = self.accelerator.prepare(objective, optimise(groups, settings.lr))
        self.objective, self.optimiser = prepared[0], unwrapped(prepared[1])
        self.counters = Counters()
        self.log = Log(folder / "metrics.jsonl", tracker(track, folder))
        self.progress = TrainingProgress(self.last, folder.parent.name)
        self.stop = StopRequest()
        self._saved_at = self._started_at = time.monotonic()

    def step(self) -> None:
        """Take one optimiser step on the next batch."""
        counters, settings = self.counters, self.settings
        progress = counters.step / settings.steps
        staged = self.stages.enter(counters.step, self.average)
        rate = self._rate(staged)
        for group in self.optimiser.param_groups:
            group["lr"] = settings.lr * rate * group["lr_scale"]
        batch = self.batch(counters.step)
        if not self.model.training:
            self.model.train()
        self.statistics.remember()
        self._seed(seed_of(self.seed, "step", counters.step))
        terms = self.objective(batch, progress)
        losses = {name: average_finite(term) for name, term in terms.items()}
        norm = self._update(sum_losses(losses))
        counters.step += 1
        count_drawn(counters.drawn, batch)
        self.log.step(
            counters.step,
            {name: value.detach() for name, value in losses.items()}
            | measures_of(self.model)
            | {"gradient_norm": norm},
            lr=settings.lr * rate,
            audio_seconds=counters.audio_seconds,
            seconds=self.seconds(),
        )
        counters.count_non_finite(culprits(terms, batch.ids, norm), settings.lr)

    def _cache(self, model: AcousticModel) -> FeatureCache | None:
        """Features that are made once, on a CPU; an accelerator makes those of a whole batch sooner."""
        dtype = torch.bfloat16 if self.settings.mixed_precision == "bf16" else torch.float32
        rate = model.inputs.feature_rate * dtype.itemsize
        if self.accelerator.device.type != "cpu" or rate == 0:
            return None
        return FeatureCache(model.featurize, self.settings.feature_cache_gb, rate, dtype)

    def batch(self, step: int) -> Batch:
        """The streams' batches of a step in one, with its masks drawn."""
        batch = self.stages.batch(step)
        masking = SpecAugment(self.augment, seed_of(self.seed, "masks", step), self.model.features.mels)
        return replace(batch.to(self.accelerator.device), masking=masking)

    def _rate(self, progress: float) -> float:
        """Multiplier on the learning rate."""
        if self.settings.schedule == "inverse":
            return inverse_decay(progress)
        rise = constant if self.settings.schedule == "constant" else cosine
        return rise(progress, self.settings.warmup)

    def _update(self, loss: Tensor) -> Tensor:
        """Go down a loss's gradient and return its norm; if that is not finite, leave all as it was."""
        self.optimiser.zero_grad()
        norm = torch.full((), torch.nan)
        if torch.isfinite(loss):
            self.accelerator.backward(loss)
            norm = clip_gradient(self.accelerator, self.optimiser, self.settings.clip)
            if torch.isfinite(norm) or self.accelerator.scaler is not None:
                self.optimiser.step()  # with a scaler: it skips an overflow itself, and lowers its scale
        if torch.isfinite(norm):
            self.averaging.update(self.counters.step)
        else:
            self.statistics.restore()
        return norm

    def _seed(self, seed: int) -> None:
        """Let dropout draw from a seed."""
        if self.accelerator.device.type == "cpu":
            torch.default_generator.manual_seed(seed)  # of all devices' generators the only one in use
        else:
            torch.manual_seed(seed)

    def after_step(self) -> None:
        """Evaluate, save and stop when it is time to."""
        counters, patience = self.counters, self.settings.patience
        if not self.choice.is_idle and counters.step in self.settings.evaluation_steps:
            score = self.choice.evaluate(self.average, counters, self.log, self.seconds())
            if patience and score is not None:
                end = self.stages.end(counters.step - 1)
                end_early(counters, score.error, end, patience, self.settings.steps)
        step = counters.step
        self.progress.update(step, self.counters.audio_seconds, self.seconds(), self.counters.best)
        due = time.monotonic() - self._saved_at >= self.settings.checkpoint_seconds
        stopped_by = self.stop.name
        if stopped_by or due or step == self.last:
            self.save()
        if stopped_by:
            raise Interrupted(
                f"stopped by {stopped_by} at step {step} of {self.settings.steps}; saved. "
                "The same command goes on from here."
            )

    def seconds(self) -> float:
        """Wall seconds of training so far, over all resumes."""
        return self.counters.wall_seconds + time.monotonic() - self._started_at

    def save(self) -> None:
        """Write a checkpoint of all that an exact resume needs."""
        self.log.flush()
        tensors, values = optimiser_tensors(self.optimiser)
        state = state_tensors("model", self.model.state_dict())
        state |= state_tensors("average", self.average.state_dict())
        state |= state_tensors("optimiser", tensors)
        state |= self.choice.state()
        scaler = self.accelerator.scaler
        save_state(
            self.checkpoints,
            state,
            {
                **vars(self.counters),
                "wall_seconds": self.seconds(),
                "optimiser": values,
                "scaler": scaler.state_dict() if scaler is not None else {},
                "threads": torch.get_num_threads(),
            },
        )
        self._saved_at = time.monotonic()

    def resume(self) -> None:
        """Continue from the folder's checkpoint, if there is one.

        Raises:
            ValueError: it cannot be read, or belongs to another model or version.
        """
        found = load_state(self.checkpoints)
        if found is not None:
            try:
                self._restore(*found)
            except (KeyError, TypeError, RuntimeError) as error:
                raise ValueError(
                    f"the checkpoint in {self.checkpoints} does not fit this run ({error}): it is of another "
                    "version of speechtl, or was changed. Start again with --fresh."
                ) from error
            logger.info("resumed at step %d of %d", self.counters.step, self.settings.steps)
        self.log.truncate(self.counters.step)
        self.progress.begin(self.counters.step)

    def _restore(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        self.model.load_state_dict(without_prefix("model", tensors))
        self.average.load_state_dict(without_prefix("average", tensors))
        self.choice.restore(tensors)
        load_optimiser(self.optimiser, without_prefix("optimiser", tensors), values["optimiser"])
        if self.accelerator.scaler is not None and values["scaler"]:
            self.accelerator.scaler.load_state_dict(values["scaler"])
        torch.set_num_threads(values["threads"])
        # What a run from before a counter was added lacks is what that counter begins with.
        self.counters = Counters(**{name: values[name] for name in vars(Counters()) if name in values})

    def result(self) -> FitResult:
        """The chosen averaged weights."""
        counters, average = self.counters, self.average.cpu()
        counters.require_steps(self.settings.lr)
        other = None
        if counters.label_free and counters.label_free["step"] != counters.best.get("step", counters.step):
            other = copy.deepcopy(average)
            other.load_state_dict(self.choice.label_free)
            other = self.method.finish(other, self.source).eval()
        if self.choice.best:
            average.load_state_dict(self.choice.best)
        model = self.method.finish(average, self.source).eval()
        require_finite(model, self.settings.lr)
        return FitResult(
            model,
            counters.step - counters.left_out,
            counters.audio_seconds,
            self.seconds(),
            counters.best,
            counters.non_finite,
            (other or model) if counters.label_free else None,
            counters.label_free,
            counters.diverged,
            counters.left_out,
            tuple(counters.alarmed),
        )


def _refuse_precision(model: AcousticModel, settings: TrainSettings, device: torch.device) -> None:
    """Refuse bf16 for an LSTM on a CPU that has it not: oneDNN's has no other way, and would only say so."""
    if (
        settings.mixed_precision == "bf16"
        and any(isinstance(module, nn.RNNBase) for module in model.modules())
        and device.type == "cpu"
        and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    ):
        raise ValueError(
            "precision=bf16 with a BiLSTM: this CPU has no bf16 instructions, without which an LSTM cannot "
            "be computed in it; take --train.precision auto or fp32"
        )
