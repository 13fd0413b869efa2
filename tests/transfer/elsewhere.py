"""Toy speech of another domain, without labels: the same letters from a shorter throat."""

import copy
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from speaking import recogniser
from toy_speech import PLAIN, QUICK, TINY, examples, tones, train

from speechtl.augment import AugmentSettings
from speechtl.batches import Examples, Stream
from speechtl.checkpoint import load_model
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.train import FitResult, Loop, fit
from speechtl.train_settings import TrainSettings
from speechtl.transfer import PseudoLabels, Transfer
from speechtl.transfer.base import StreamSettings
from speechtl.transfer.data import TransferData

WORDS = ("ae", "io", "oe", "aio", "eoi", "ioa")
BRIEF = replace(QUICK, steps=6, evaluations=1)
LONGER = replace(BRIEF, steps=9, checkpoint_seconds=0)
"""Three rounds of three steps, with a checkpoint after each."""
DRAWS = StreamSettings(12.0, 0, PLAIN)


def moved(speech: Examples, factor: float = 1.15) -> Examples:
    """Speech with all frequencies raised by a factor, of the domain `elsewhere`, without its labels."""
    waves = [
        np.round(np.interp(np.arange(0, len(wave) - 1, factor), np.arange(len(wave)), wave)).astype(np.int16)
        for wave in speech.waveforms
    ]
    return replace(
        speech,
        waveforms=waves,
        seconds=np.array([len(wave) / 16_000 for wave in waves]),
        labels=[[]] * len(speech),
        ids=[f"moved-{id_}" for id_ in speech.ids],
        domains=["elsewhere"] * len(speech),
    )


def spoken(count: int, seed: int) -> tuple[Examples, list[str]]:
    """The six words in turns."""
    random = np.random.default_rng(seed)
    texts = [WORDS[number % len(WORDS)] for number in range(count)]
    waves = [np.round(32_767 * tones(text, random)).astype(np.int16) for text in texts]
    other, _, tokenizers = examples(count)
    seconds = np.array([len(wave) / 16_000 for wave in waves])
    labels = [tokenizers["en"].encode(text) for text in texts]
    return replace(other, waveforms=waves, seconds=seconds, labels=labels), texts


def material(
    count: int = 12, languages: Sequence[str] = ("en",), factor: float = 1.0, seed: int = 1
) -> TransferData:
    """Labelled speech and as much without labels."""
    labelled, _, tokenizers = examples(count, languages, seed)
    silent, _, _ = examples(count, languages, seed + 1)
    return TransferData(labelled, tokenizers, unlabelled=moved(silent, factor))


def bilingual(folder: Path) -> AcousticModel:
    """A source that reads `en` and `fr`."""
    _, _, tokenizers = examples(2, ("en", "fr"))
    model = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=0)
    return train(folder, settings=QUICK, model=model, languages=("en", "fr")).model


def streams(method: Transfer, data: TransferData) -> dict[str, Stream]:
    return method.mixed_streams(data, DRAWS)


def adapted(
    method: Transfer, data: TransferData, model: AcousticModel | None = None, seed: int = 0
) -> AcousticModel:
    source = copy.deepcopy(model or recogniser()).requires_grad_(True)
    return method.adapt(source, data, seed)


def trained(
    method: Transfer,
    data: TransferData,
    folder: Path,
    *,
    model: AcousticModel | None = None,
    settings: TrainSettings = BRIEF,
    augment: AugmentSettings = PLAIN,
    seed: int = 0,
) -> FitResult:
    """Train on the data from a source, without dev."""
    return fit(
        adapted(method, data, model, seed),
        method,
        data,
        settings,
        folder,
        evaluate_dev=None,
        augment=augment,
        seed=seed,
    )


def equal(one: FitResult, other: FitResult) -> bool:
    mine, theirs = one.model.state_dict(), other.model.state_dict()
    return all(torch.equal(theirs[name], value) for name, value in mine.items())


def die_in_round_two(source: Path, folder: Path) -> None:
    """Train in a process that kills itself in the second of three rounds, between two checkpoints."""
    torch.set_num_threads(1)
    take_step = Loop.step

    def die(loop: Loop) -> None:
        take_step(loop)
        if loop.counters.step == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    Loop.step = die
    trained(PseudoLabels(threshold=0.3), material(), folder, model=load_model(source).model, settings=LONGER)
