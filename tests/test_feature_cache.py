"""Features that are kept are those that would be computed again, whatever the memory or the threads."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from toy_speech import SETTINGS, train

from speechtl.augment import AugmentSettings
from speechtl.feature_cache import Clip, FeatureCache
from speechtl.features import FeatureSettings
from speechtl.models.inputs import Inputs
from speechtl.threads import threads
from speechtl.train import FitResult


class Counted:
    """Real features, and how often they were asked for."""

    def __init__(self) -> None:
        self.inputs = Inputs(FeatureSettings(), 8, seed=0)
        self.count = 0

    def __call__(self, waveform: Tensor, warp: float, domain: str | None) -> Tensor:
        self.count += 1
        return self.inputs.featurize(waveform, warp, domain)


def clip(key: int | None, samples: int = 4000, warp: float = 1.0) -> Clip:
    random = torch.Generator().manual_seed(key or 0)
    return Clip(key, lambda: torch.randn(samples, generator=random), warp, None)


def test_what_comes_again_is_computed_once() -> None:
    counted = Counted()
    cache = FeatureCache(counted, gigabytes=1)
    first = cache.of([clip(0), clip(1)])
    again = cache.of([clip(1), clip(2), clip(0)])
    assert counted.count == 3
    assert again[0].features is first[1].features
    assert again[2].features is first[0].features
    assert [made.samples for made in again] == [4000] * 3


def test_what_never_comes_again_is_not_kept() -> None:
    counted = Counted()
    cache = FeatureCache(counted, gigabytes=1)
    for _ in range(2):
        cache.of([clip(None)])
    assert counted.count == 2


def test_the_memory_is_bounded() -> None:
    counted = Counted()
    size = counted(torch.zeros(4000), 1.0, None).nbytes
    cache = FeatureCache(counted, gigabytes=2.5 * size / 1e9)
    for _ in range(2):
        cache.of([clip(key) for key in range(4)])
    assert counted.count - 1 == 4 + 2  # two are kept, and two are made anew each time


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_neither_threads_nor_neighbours_change_the_features(dtype: torch.dtype) -> None:
    made = []
    for number in (1, 2):
        with threads(number):
            cache = FeatureCache(Counted(), 1, dtype)
            made.append(cache.of([clip(key, 3000 + 1000 * key) for key in range(5)]))
            made.append(cache.of([clip(4, 7000), clip(9)]))
            made[-1] = [*made[-2][:4], made[-1][0]]
    for others in made[1:]:
        assert all(torch.equal(a.features, b.features) for a, b in zip(made[0], others, strict=True))
    assert made[0][0].features.dtype == dtype


def test_features_are_those_of_the_model() -> None:
    inputs = Inputs(FeatureSettings(), 8, seed=0)
    waves = [clip(key, 3000 + 1500 * key).waveform() for key in range(3)]
    padded = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
    lengths = torch.tensor([len(wave) for wave in waves])
    together, frames = inputs.of(None).featurizer(padded, lengths)
    for row, wave in enumerate(waves):
        alone = inputs.featurize(wave, 1.0, None)
        torch.testing.assert_close(alone, together[row, : int(frames[row])], rtol=0, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_ends_with_the_same_bits_without_memory_for_features(tmp_path: Path, precision: str) -> None:
    augment = AugmentSettings(vocal_tract=0.1, noise=0.3)
    settings = replace(SETTINGS, steps=12, precision=precision)

    def trained(gigabytes: float) -> FitResult:
        folder = tmp_path / f"{gigabytes}"
        return train(folder, settings=replace(settings, feature_cache_gb=gigabytes), augment=augment)

    kept, computed = trained(1.0).model.state_dict(), trained(0.0).model.state_dict()
    assert all(torch.equal(kept[name], computed[name]) for name in kept)
