"""Features that are kept are those that would be computed again, whatever came before."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from toy_speech import SETTINGS, train

from speechtl.augment import AugmentSettings
from speechtl.augment.speed import change_speed
from speechtl.feature_cache import Clip, ClipFeatures, FeatureCache
from speechtl.features import FeatureSettings
from speechtl.models.inputs import DomainInput, Inputs
from speechtl.train import FitResult

SECONDS = np.array([0.5, 0.9, 0.45, 0.6, 30.0, 31.0])
"""Of clips 0 to 5; clips 2 and 0 make a block, then 3, then 1, then 4, then 5."""


class Counted:
    """Real features, and how many clips they were made of."""

    def __init__(self) -> None:
        self.inputs = Inputs(FeatureSettings(), 8, seed=0)
        self.count = 0

    def __call__(self, clips: Sequence[Clip]) -> list[Tensor]:
        self.count += len(clips)
        return self.inputs.featurize(clips)


def played(index: int, speed: float) -> Clip:
    random = torch.Generator().manual_seed(index)
    return Clip(torch.randn(round(16_000 * SECONDS[index] / speed), generator=random), 1.0, None)


def shared(counted: Counted, seconds: float, speeds: Sequence[float] = (1.0,)) -> ClipFeatures:
    """A share of a cache with room for so many seconds."""
    return FeatureCache(counted, seconds / 1e9, 1).share(SECONDS, speeds)


def test_what_comes_again_is_made_once_with_its_block() -> None:
    counted = Counted()
    features = shared(counted, 100)
    first = features.of(0, 1.0, played)
    assert counted.count == 2
    assert features.of(0, 1.0, played) is first
    assert features.of(2, 1.0, played).samples == 7200
    assert counted.count == 2
    assert features.of(0, 0.9, played).samples == 8889
    assert counted.count == 4


def test_the_order_of_asking_makes_no_difference() -> None:
    asked = [(index, speed) for index in range(4) for speed in (0.9, 1.0, 1.1)]
    one, other = shared(Counted(), 100), shared(Counted(), 100)
    made = {clip: one.of(*clip, played) for clip in asked}
    for clip in reversed(asked):
        assert torch.equal(other.of(*clip, played).features, made[clip].features)


def test_the_memory_is_bounded_and_short_clips_come_first() -> None:
    features = shared(Counted(), 33)
    assert [features.keeps(index) for index in range(6)] == [True, True, True, True, True, False]
    assert not shared(Counted(), 0.9).keeps(0)
    slow = shared(Counted(), 2.4, speeds=(0.5, 1.0))  # three times the seconds
    assert [slow.keeps(index) for index in range(4)] == [False] * 4
    cache = FeatureCache(Counted(), 3 / 1e9, 1)
    assert cache.share(SECONDS, (1.0,)).keeps(1)
    assert not cache.share(SECONDS, (1.0,)).keeps(0)


def test_features_are_those_of_the_model_by_domain_and_warp() -> None:
    inputs = Inputs(FeatureSettings(), 8, seed=0)
    inputs.add(DomainInput("telephone", FeatureSettings(mels=40, f_max=4000)), seed=0)
    waves = [played(index, 1.0).waveform for index in range(4)]
    clips = [
        Clip(wave, warp, domain)
        for wave, warp, domain in zip(
            waves, (1.0, 1.1, 1.0, 0.9), (None, "telephone", "other", None), strict=True
        )
    ]
    for clip, made in zip(clips, inputs.featurize(clips), strict=True):
        lengths, warps = torch.tensor([len(clip.waveform)]), torch.tensor([clip.warp])
        alone, frames = inputs.of(clip.domain).featurizer(clip.waveform[None], lengths, warps)
        torch.testing.assert_close(made, alone[0, : int(frames)], rtol=0, atol=1e-5)
    assert inputs.feature_rate == 3 * 80 * 100


def test_clips_of_several_speeds_are_played_before_features_are_made() -> None:
    inputs, speeds = Inputs(FeatureSettings(), 8, seed=0), (1.1, 1.0, 0.9, 1.1)
    waves = [played(index, 1.0).waveform for index in range(4)]
    made = FeatureCache(inputs.featurize, 1, 1).make(
        [Clip(wave, 1.0, None, speed) for wave, speed in zip(waves, speeds, strict=True)]
    )
    for wave, speed, one in zip(waves, speeds, made, strict=True):
        alone = change_speed(wave, speed)
        [features] = inputs.featurize([Clip(alone, 1.0, None)])
        assert one.samples == len(alone)
        torch.testing.assert_close(one.features, features, rtol=0, atol=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_is_the_same_without_memory_for_features(tmp_path: Path, precision: str) -> None:
    augment = AugmentSettings(vocal_tract=0.1, noise=0.3)
    settings = replace(SETTINGS, steps=12, precision=precision)

    def trained(gigabytes: float) -> FitResult:
        folder = tmp_path / f"{gigabytes}"
        return train(folder, settings=replace(settings, feature_cache_gb=gigabytes), augment=augment)

    kept, computed = trained(1.0).model.state_dict(), trained(0.0).model.state_dict()
    for name, tensor in kept.items():
        torch.testing.assert_close(tensor, computed[name], rtol=0, atol=1e-3 if precision == "fp32" else 0.1)
