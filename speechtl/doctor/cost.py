"""What a recipe's training will take of this machine: a few of its steps, on noise of the same lengths."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechtl.batches import INFERENCE_SECONDS, Batch, Examples, inference_batches
from speechtl.development import DevScore
from speechtl.experiment import Experiment
from speechtl.features import SAMPLE_RATE
from speechtl.models.acoustic import AcousticModel
from speechtl.text import Tokenizer
from speechtl.threads import threads
from speechtl.train import Loop
from speechtl.transfer.base import TransferData
from speechtl.units import Kind

MEASURED = 6
"""Most steps on the clock, after a first one; fewer than the log keeps before it writes."""
FORWARDS = 3
"""Forward passes without a gradient on the clock; the fastest counts, as the first finds nothing ready."""
PATIENCE = 15.0
"""Seconds after which no further step is measured."""
BUSY = 0.6
"""A machine that gives the steps a smaller share of its cores does other things as well."""
SAMPLE = 2_000
"""Most clips that the measured batches are drawn from."""
LIBRARIES_GB = 0.9
"""What Python, torch and the other libraries take before there is a model."""
WORKING = 4
"""Of what a forward pass keeps for the backward one, so much is held at the peak: gradients, temporary
tensors, and what the allocator does not give back."""
COPIES = 6
"""Of each weight: the weight, its gradient, AdamW's two moments, the running average and the best one."""


@dataclass(frozen=True)
class Cost:
    """What a training will take."""

    minutes: float
    """Of its steps and of the evaluations between them, without decoding."""
    gigabytes: float
    """Of the accelerator's memory, or of the process's where there is none."""
    account: str
    """How both were estimated."""


@dataclass(frozen=True)
class Clips:
    """Speech to be trained on, as far as its cost goes; entries are one per clip."""

    seconds: NDArray[np.float64]
    lengths: NDArray[np.int64]
    """Units of the texts."""
    languages: Sequence[str]
    units: dict[str, int]
    """How many different units each language has; a model that is given knows it."""
    dev_seconds: float = 0.0
    """Speech of one evaluation."""


class _Step(NamedTuple):
    """The mean of some steps."""

    seconds: float
    speech: float
    """Seconds of speech in its batch."""
    cores: float
    """Share of the threads' time that it could work."""
    number: int
    """How many there were."""


class _Noise(Sequence[NDArray[np.int16]]):
    """White noise of given lengths, made when it is asked for."""

    def __init__(self, seconds: NDArray[np.float64]) -> None:
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self.seconds)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.int16]: ...
    @overload
    def __getitem__(self, index: slice) -> _Noise: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.int16] | _Noise:
        if isinstance(index, slice):
            return _Noise(self.seconds[index])
        size = max(1, round(float(self.seconds[index]) * SAMPLE_RATE))
        return np.random.default_rng(index).normal(0, 3000, size).astype(np.int16)


def estimate(
    experiment: Experiment, clips: Clips, model: AcousticModel | None = None, steps: int | None = None
) -> Cost:
    """Train a model of the recipe's size for a few steps and extrapolate to all of them.

    Args:
        experiment: The recipe.
        clips: Its target; at least one.
        model: What is trained; without it, one of the recipe's size. It is copied.
        steps: How many are to come; without it, all of the recipe's.
    """
    loop = _loop(experiment, clips, copy.deepcopy(model))
    settings = experiment.train
    with threads(settings.threads):
        step = _time(loop)
        saved, forward = _look_inside(loop)
    weights = sum(value.numel() for value in loop.model.parameters())
    states = 4 * weights * (COPIES + (experiment.source is not None))
    longest = float(clips.seconds.max()) / experiment.augment.slowest
    largest = max(settings.batch_seconds, INFERENCE_SECONDS, longest)
    working = WORKING * saved * largest
    is_cpu = loop.accelerator.device.type == "cpu"
    kept = 0.0
    if loop.cache is not None:
        features = loop.cache.size(float(clips.seconds.sum()), experiment.augment.speeds)
        kept = min(1e9 * settings.feature_cache_gb, features)
    count = settings.steps if steps is None else steps
    share = 1.0 if steps is None else steps / settings.steps
    evaluations = forward * clips.dev_seconds * len(settings.evaluation_steps) * share
    account = (
        f"{count} steps of {step.seconds:.2f} s, measured over {step.number} of them with "
        f"{step.speech:.0f} s of speech each on {_place(step, is_cpu)}; {evaluations / 60:.1f} minutes of "
        f"evaluations, without decoding. {states / 1e6:.0f} MB of {weights / 1e6:.1f} million weights with "
        f"gradients, optimiser and averages; {working / 1e6:.0f} MB for a batch of {largest:.0f} s"
        + (f"; {kept / 1e6:.0f} MB of features; {1000 * LIBRARIES_GB:.0f} MB of libraries" if is_cpu else "")
    )
    size = states + working + kept + (LIBRARIES_GB * 1e9 if is_cpu else 0)
    return Cost((count * step.seconds + evaluations) / 60, size / 1e9, account)


def _place(step: _Step, is_cpu: bool) -> str:
    if not is_cpu:
        return "the accelerator"
    if step.cores >= BUSY:
        return "the CPU"
    return f"a CPU that gave them {100 * step.cores:.0f} % of its cores (ask again when it has less to do)"


def _loop(experiment: Experiment, clips: Clips, model: AcousticModel | None) -> Loop:
    """The recipe's own training loop at its first step; it writes nothing before its tenth."""
    chosen = np.random.default_rng(0).permutation(len(clips.seconds))[:SAMPLE]
    kind: Kind = "whole" if experiment.model.head == "classifier" else "default"
    tokenizers = {tag: Tokenizer(tag, tuple(map(str, range(n))), kind) for tag, n in clips.units.items()}
    tokenizers = tokenizers if model is None else model.tokenizers
    random, languages = np.random.default_rng(0), [clips.languages[index] for index in chosen.tolist()]
    sizes = [
        min(int(n), round(clips.seconds[index] * 8))
        for index, n in zip(chosen, clips.lengths[chosen], strict=True)
    ]
    labels = [
        random.integers(1, len(tokenizers[tag].units) + 1, max(1, size)).tolist()
        for tag, size in zip(languages, sizes, strict=True)
    ]
    count = len(chosen)
    examples = Examples(
        waveforms=_Noise(clips.seconds[chosen]),
        seconds=clips.seconds[chosen],
        labels=labels,
        languages=languages,
        ids=[str(index) for index in range(count)],
        speakers=[None] * count,
        domains=[None] * count,
    )
    data = TransferData(
        examples,
        tokenizers,
        source=replace(examples, is_target=False),
        unlabelled=replace(examples, labels=[[]] * count, domains=["unlabelled"] * count),
    )
    if model is None:
        model = AcousticModel(experiment.model, experiment.features, tokenizers, inputs=experiment.inputs)
        if experiment.method.hears_unlabelled:
            experiment.method.insert(model, _unheard(data), experiment.seed)
    loop = Loop(
        model,
        experiment.method,
        data,
        replace(experiment.train, steps=max(100, experiment.train.steps)),
        Path(),
        _no_score,
        experiment.augment,
        experiment.seed,
        copy.deepcopy(model).eval() if experiment.source else None,
    )
    loop.stages.is_rehearsal = True
    return loop


def _unheard(data: TransferData) -> TransferData:
    """The same without audio, so that methods measure nothing."""
    kinds = ("target", "source", "unlabelled")
    return replace(data, **{kind: replace(getattr(data, kind), waveforms=[]) for kind in kinds})


def _no_score(model: AcousticModel) -> DevScore:
    raise AssertionError("the doctor evaluates nothing")


def _time(loop: Loop) -> _Step:
    """Take a step to warm up, then some on the clock."""
    loop.step()
    heard, started, worked, count = loop.counters.audio_seconds, time.perf_counter(), time.process_time(), 0
    while count < MEASURED and (not count or time.perf_counter() - started < PATIENCE):
        loop.step()
        count += 1
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    spent = time.perf_counter() - started
    return _Step(
        seconds=spent / count,
        speech=(loop.counters.audio_seconds - heard) / count,
        cores=(time.process_time() - worked) / spent / torch.get_num_threads(),
        number=count,
    )


def _look_inside(loop: Loop) -> tuple[float, float]:
    """Bytes that a forward pass of training keeps, and seconds that one of dev takes, per second of audio."""
    batch = loop.batch(0)
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        terms = loop.objective(batch, 0.0)
    weights = {value.untyped_storage().data_ptr() for value in loop.model.parameters()}
    saved = sum(size for place, size in kept.items() if place not in weights)
    del terms
    examples = next(iter(loop.stages.streams.values())).examples
    _, dev = next(inference_batches(examples))
    took = []
    with torch.inference_mode():
        for _ in range(FORWARDS):
            started = time.perf_counter()
            _forward(loop.average, dev.to(loop.accelerator.device))
            took.append(time.perf_counter() - started)
    return saved / _padded(batch), min(took) / _padded(dev)


def _padded(batch: Batch) -> float:
    return float(batch.lengths.max()) * len(batch.lengths) / SAMPLE_RATE


def _forward(model: AcousticModel, batch: Batch) -> None:
    encoded = model.encode(batch)
    for language in dict.fromkeys(batch.languages):
        model.log_probs(encoded, language).cpu()
