"""fit(): the training loop."""

from __future__ import annotations

import copy
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from speechtl.batches import Batch, concatenate, speech_seconds
from speechtl.checkpoint import (
    load_optimiser,
    load_state,
    optimiser_tensors,
    save_state,
    state_tensors,
    without_prefix,
)
from speechtl.development import DevScore, collapse_advice
from speechtl.features import AugmentSettings, SpecAugment
from speechtl.models.acoustic import AcousticModel
from speechtl.models.layers import seed_of
from speechtl.progress import Log, TrainingProgress
from speechtl.train_settings import TrainSettings
from speechtl.transfer.base import StreamSettings, Transfer, TransferData

logger = logging.getLogger(__name__)

PATIENCE_NON_FINITE = 20


class Interrupted(Exception):  # noqa: N818 - no error: the user asked for it
    """Training was asked to stop, and saved a checkpoint."""


@dataclass(frozen=True)
class FitResult:
    """The trained model and what it took."""

    model: AcousticModel
    """The best averaged weights, in eval mode."""
    steps: int
    audio_seconds: float
    wall_seconds: float
    best: dict[str, Any]
    """Step and dev errors of the weights that were kept."""


class Objective(nn.Module):
    """Model and method in one module, so that autocast and gradient sync wrap a single forward."""

    def __init__(self, model: AcousticModel, source: AcousticModel | None, method: Transfer) -> None:
        super().__init__()
        self.model = model
        self.method = method
        self._source = [source]

    def forward(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Named loss terms of a batch."""
        return self.method.losses(self.model, self._source[0], batch, progress)


@dataclass
class Counters:
    """What a run has used and met so far; saved in its checkpoints."""

    step: int = 0
    audio_seconds: float = 0.0
    wall_seconds: float = 0.0
    non_finite: int = 0
    non_finite_in_a_row: int = 0
    best: dict[str, Any] = field(default_factory=dict)


def fit(
    model: AcousticModel,
    method: Transfer,
    data: TransferData,
    settings: TrainSettings,
    folder: Path,
    *,
    evaluate_dev: Callable[[AcousticModel], DevScore],
    augment: AugmentSettings,
    seed: int,
    source: AcousticModel | None = None,
) -> FitResult:
    """Train a model with a transfer method; resume from the folder's checkpoint if there is one.

    Writes `metrics.jsonl` and `checkpoints/` in `folder`. On a CPU, a run that was stopped and resumed
    ends with the same bits as one that was not.

    Raises:
        ValueError: losses stay non-finite; names the utterances.
        Interrupted: SIGINT or SIGTERM came; a checkpoint is saved.
    """
    loop = Loop(model, method, data, settings, folder, evaluate_dev, augment, seed, source)
    with threads(settings.threads), loop.stop_on_signal(), loop.log, loop.progress:
        loop.resume()
        while loop.counters.step < settings.steps:
            loop.step()
            loop.after_step()
        return loop.result()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Use so many CPU threads inside; 0 leaves the number as it is."""
    before = torch.get_num_threads()
    try:
        if count:
            torch.set_num_threads(count)
        yield
    finally:
        torch.set_num_threads(before)


class Loop:
    """The parts of one training run; `fit` turns its crank."""

    def __init__(
        self,
        model: AcousticModel,
        method: Transfer,
        data: TransferData,
        settings: TrainSettings,
        folder: Path,
        evaluate_dev: Callable[[AcousticModel], DevScore],
        augment: AugmentSettings,
        seed: int,
        source: AcousticModel | None,
    ) -> None:
        self.settings, self.method, self.augment, self.seed = settings, method, augment, seed
        self.evaluate_dev = evaluate_dev
        self.checkpoints = folder / "checkpoints"
        self.accelerator = Accelerator(mixed_precision=settings.mixed_precision)
        draws = StreamSettings(settings.batch_seconds, seed, augment.speeds, settings.temperature)
        self.streams = method.streams(data, draws)
        groups = method.groups(model, settings.weight_decay)
        self.model = model.to(self.accelerator.device)
        self.average = copy.deepcopy(self.model).requires_grad_(False).eval()
        objective = Objective(self.model, source, method)
        self.objective, self.optimiser = self.accelerator.prepare(
            objective, method.optimiser(groups, settings.lr)
        )
        self.counters = Counters()
        self.log = Log(folder / "metrics.jsonl")
        self.progress = TrainingProgress(settings.steps, folder.parent.name)
        self.stop_signal: int | None = None
        self._evaluate_at = settings.evaluation_steps
        self._saved_at = self._started_at = time.monotonic()

    @contextmanager
    def stop_on_signal(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM end the current step instead of the process."""

        def remember(number: int, _frame: FrameType | None) -> None:
            self.stop_signal = number

        before = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, remember)
        except ValueError:  # not in the main thread: signals are the caller's business
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def step(self) -> None:
        """Take one optimiser step on the next batch."""
        counters, settings = self.counters, self.settings
        progress = counters.step / settings.steps
        rate = self.method.rate(progress, settings.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = settings.lr * rate * group["lr_scale"]
        batch = self.batch(counters.step)
        self.model.train()
        torch.manual_seed(seed_of(self.seed, "step", counters.step))
        terms = self.objective(batch, progress)
        losses = {name: average_finite(term) for name, term in terms.items()}
        norm = self._update(sum_losses(losses))
        self._count_non_finite(terms, batch, norm)
        counters.step += 1
        counters.audio_seconds += speech_seconds(batch)
        self.log.step(
            counters.step,
            {name: value.detach() for name, value in losses.items()} | {"gradient_norm": norm},
            lr=settings.lr * rate,
            audio_seconds=counters.audio_seconds,
            seconds=self.seconds(),
        )

    def batch(self, step: int) -> Batch:
        """The streams' batches of a step in one, with its masks drawn."""
        batch = concatenate([stream.batch(step) for stream in self.streams.values()])
        masking = SpecAugment(self.augment, seed_of(self.seed, "masks", step))
        return replace(batch.to(self.accelerator.device), masking=masking)

    def _update(self, loss: Tensor) -> Tensor:
        self.optimiser.zero_grad()
        if not torch.isfinite(loss):
            return torch.full((), torch.nan)
        self.accelerator.backward(loss)
        trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        norm: Tensor = self.accelerator.clip_grad_norm_(trained, self.settings.clip)
        if not torch.isfinite(norm):
            self.optimiser.zero_grad()
            if self.accelerator.scaler is None:
                return norm
        self.optimiser.step()
        self._update_average()
        return norm

    def _update_average(self) -> None:
        step = self.counters.step
        keep = min(self.settings.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for mine, theirs in zip(
                self.average.state_dict().values(), self.model.state_dict().values(), strict=True
            ):
                if mine.is_floating_point():
                    mine.lerp_(theirs, 1 - keep)
                else:
                    mine.copy_(theirs)

    def _count_non_finite(self, terms: dict[str, Tensor], batch: Batch, norm: Tensor) -> None:
        bad = [
            batch.ids[i]
            for term in terms.values()
            if term.ndim == 1
            for i in torch.nonzero(~torch.isfinite(term)).flatten().tolist()
        ]
        counters = self.counters
        if not bad and torch.isfinite(norm):
            counters.non_finite_in_a_row = 0
            return
        counters.non_finite += 1
        counters.non_finite_in_a_row += 1
        names = ", ".join(bad[:5]) if bad else "all of the batch (gradient): " + ", ".join(batch.ids[:5])
        logger.warning("step %d: non-finite loss, left out: %s", counters.step, names)
        if counters.non_finite_in_a_row >= PATIENCE_NON_FINITE:
            raise ValueError(
                f"the loss was not finite for {counters.non_finite_in_a_row} steps in a row, last at step "
                f"{counters.step} with utterances {names}. Lower --train.lr (now {self.settings.lr}), use "
                "--train.precision fp32, or look at these clips."
            )

    def after_step(self) -> None:
        """Evaluate, save and stop when it is time to."""
        step = self.counters.step
        if step in self._evaluate_at:
            self._evaluate(step)
        self.progress.update(step, self.counters.audio_seconds, self.seconds(), self.counters.best)
        due = time.monotonic() - self._saved_at >= self.settings.checkpoint_seconds
        if self.stop_signal is not None or due or step == self.settings.steps:
            self.save()
        if self.stop_signal is not None and step < self.settings.steps:
            name = signal.Signals(self.stop_signal).name
            raise Interrupted(
                f"stopped by {name} at step {step} of {self.settings.steps}; saved. "
                "The same command goes on from here."
            )

    def _evaluate(self, step: int) -> None:
        score = self.evaluate_dev(self.average)
        self.log.dev(step, score, self.seconds())
        best = self.counters.best
        if not best or score.error < best["error"]:
            self.counters.best = {"step": step, "error": score.error, "errors": score.errors}
            self._best = {name: t.clone() for name, t in self.average.state_dict().items()}
        advice = collapse_advice(score, step / self.settings.steps)
        if advice:
            logger.warning("step %d: %s", step, advice)
        logger.info("step %d/%d: dev %s", step, self.settings.steps, score)

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
        state |= state_tensors("best", self._best)
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
        """Continue from the folder's checkpoint, if there is one."""
        self._best: dict[str, Tensor] = {}
        found = load_state(self.checkpoints)
        if found is None:
            self.log.truncate(0)
            return
        tensors, values = found
        self.model.load_state_dict(without_prefix("model", tensors))
        self.average.load_state_dict(without_prefix("average", tensors))
        self._best = without_prefix("best", tensors)
        load_optimiser(self.optimiser, without_prefix("optimiser", tensors), values["optimiser"])
        if self.accelerator.scaler is not None and values["scaler"]:
            self.accelerator.scaler.load_state_dict(values["scaler"])
        torch.set_num_threads(values["threads"])
        self.counters = Counters(**{name: values[name] for name in vars(Counters())})
        self.log.truncate(self.counters.step)
        logger.info("resumed at step %d of %d", self.counters.step, self.settings.steps)

    def result(self) -> FitResult:
        """The best averaged weights."""
        if self._best:
            self.average.load_state_dict(self._best)
        model = self.method.finish(self.average.cpu()).eval()
        counters = self.counters
        return FitResult(model, counters.step, counters.audio_seconds, self.seconds(), counters.best)


def average_finite(term: Tensor) -> Tensor:
    """A term as a scalar: the sum of its finite values divided by how many utterances there are."""
    if term.ndim == 0:
        return term
    return term.masked_fill(~torch.isfinite(term), 0).sum() / len(term)


def sum_losses(losses: dict[str, Tensor]) -> Tensor:
    """Add the named terms."""
    return torch.stack(list(losses.values())).sum()
