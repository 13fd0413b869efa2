"""A toy domain shift, which each method must undo better than its own control, for each of three seeds.

Words of two tones, labelled as they are, and unlabelled as of another voice on a noisy line: every frequency
times 1.15, and white noise. The first moves what the model hears, the second leaves its features less room,
so that there is something to do for a method that sees means and for one that sees only how features spread.
All start from a source that was trained on the labelled domain.

Labels of the target domain score the test and are used for nothing else. A method and its control take the
same steps on the same batches.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from conservative import adapted
from numpy.typing import NDArray
from toy_speech import PLAIN, SETTINGS, TINY, tones

from speechtl.batches import Examples
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.text import TextSettings, Tokenizer
from speechtl.train import fit
from speechtl.transfer import CORAL, DANN, MMD, AdaBN, MixedBatches, Transfer
from speechtl.transfer.base import TransferData

SEEDS = (0, 1, 2)
WORDS = ("ae", "ai", "ao", "ea", "ei", "eo", "ia", "ie")
TOKENIZERS = {"en": Tokenizer.fit(list(WORDS), "en", TextSettings(units="whole"))}
FEATURES = FeatureSettings(mels=20, views=("level",), margin_seconds=0.04)
"""Only the level of each filter: the other views would take much of the shifts away before the model."""
MODEL = replace(TINY, dim=16, blocks=1, head="classifier")
TRAIN = replace(SETTINGS, dropout=0.0, batch_seconds=8, average=0.9, evaluations=1, checkpoint_seconds=1000)
HELD_OUT = 600

Shift = Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]]


def unchanged(samples: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    return samples


def noisy_voice(samples: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    count = int(len(samples) / 1.15)
    moved = np.interp(np.linspace(0, len(samples) - 1, count), np.arange(len(samples)), samples)
    return moved + random.normal(0, 0.04, count)


@lru_cache
def speech(count: int, seed: int, shift: Shift) -> Examples:
    """Words, each equally likely, in a domain."""
    random = np.random.default_rng(seed)
    texts = [WORDS[index] for index in random.integers(0, len(WORDS), count)]
    waves = [
        np.round(32_767 * np.clip(shift(tones(text, random, 0.06), random), -1, 1)).astype(np.int16)
        for text in texts
    ]
    return Examples(
        waveforms=waves,
        seconds=np.array([len(wave) / 16_000 for wave in waves]),
        labels=[TOKENIZERS["en"].encode(text) for text in texts],
        languages=["en"] * count,
        ids=[f"{seed}-{index}" for index in range(count)],
        speakers=[None] * count,
        domains=[shift.__name__] * count,
    )


def material(seed: int) -> TransferData:
    """Labelled speech, and of the target domain speech alone."""
    other = speech(120, 2000 + seed, noisy_voice)
    return TransferData(
        speech(120, 1000 + seed, unchanged),
        TOKENIZERS,
        unlabelled=replace(other, labels=[[]] * len(other)),
    )


def fitted(
    method: Transfer, seed: int, steps: int, lr: float, source: AcousticModel | None = None
) -> AcousticModel:
    """The last weights of a training from scratch, or from a source."""
    data = material(seed)
    if source is None:
        model = method.begin(AcousticModel(MODEL, FEATURES, TOKENIZERS, seed=seed), data, seed)
    else:
        model = adapted(method, source, data, seed)
    with TemporaryDirectory() as folder:
        settings = replace(TRAIN, steps=steps, lr=lr)
        return fit(
            model, method, data, settings, Path(folder), evaluate_dev=None, augment=PLAIN, seed=seed
        ).model


@lru_cache
def base(seed: int) -> AcousticModel:
    """A source, trained on the labelled domain alone."""
    return fitted(Transfer(), seed, 60, 1e-2).eval().requires_grad_(False)


@torch.no_grad()
def error(model: AcousticModel, seed: int, shift: Shift = noisy_voice) -> float:
    """Share of wrong words of held-out speech of a domain."""
    held_out = speech(HELD_OUT, 3000 + seed, shift)
    batch = held_out.batch(range(len(held_out)))
    chosen = model.eval().log_probs(model.encode(batch), "en")[:, 0].argmax(dim=1)
    return float((chosen != batch.labels[:, 0]).double().mean())


@lru_cache
def errors(method: Transfer) -> tuple[float, ...]:
    """The target domain's errors, one for each seed."""
    steps = 0 if isinstance(method, AdaBN) else 60
    models = (fitted(method, seed, steps, 2e-3, base(seed)) for seed in SEEDS)
    return tuple(error(model, seed) for seed, model in zip(SEEDS, models, strict=True))


def require_better(name: str, method: tuple[float, ...], control: tuple[float, ...]) -> None:
    told = "; ".join(
        f"seed {seed}: {one:.3f} against {other:.3f}"
        for seed, one, other in zip(SEEDS, method, control, strict=True)
    )
    assert all(one < other for one, other in zip(method, control, strict=True)), f"{name}: {told}"
    assert np.mean(method) < 0.7 * np.mean(control), f"{name}: {told}"


def test_the_source_reads_its_own_domain_and_not_the_other_s() -> None:
    """The shift is there to be undone: chance would be .875."""
    at_home = [error(base(seed), seed, unchanged) for seed in SEEDS]
    abroad = [error(base(seed), seed) for seed in SEEDS]
    assert max(at_home) <= 0.02, at_home
    assert min(abroad) > 0.5, abroad


def test_adaptive_batch_norm_beats_the_source_as_it_is() -> None:
    control = tuple(error(base(seed), seed) for seed in SEEDS)
    require_better("AdaBN", errors(AdaBN()), control)


@pytest.mark.parametrize(
    "method", [DANN(weight=0.03), MMD(weight=0.3), CORAL(weight=1.0)], ids=["DANN", "MMD", "CORAL"]
)
def test_a_term_beats_the_same_batches_without_it(method: Transfer) -> None:
    require_better(type(method).__name__, errors(method), errors(MixedBatches()))


@pytest.mark.parametrize(
    "method", [DANN(weight=0.0), MMD(weight=0.0), CORAL(weight=0.0)], ids=["DANN", "MMD", "CORAL"]
)
def test_without_weight_a_term_is_that_control(method: Transfer) -> None:
    first = fitted(method, 0, 5, 2e-3, base(0))
    second = fitted(MixedBatches(), 0, 5, 2e-3, base(0))
    assert all(torch.equal(tensor, second.state_dict()[key]) for key, tensor in first.state_dict().items())
