import pytest
import torch
from torch import Tensor

from speechtl.features import (
    FeatureSettings,
    LogMel,
    frame_mask,
)


def noise(*samples: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    waves = [0.1 * torch.randn(n, generator=generator) for n in samples]
    return torch.nn.utils.rnn.pad_sequence(waves, batch_first=True), torch.tensor(samples)


def test_frames_follow_from_samples_and_margin() -> None:
    featurizer = LogMel(FeatureSettings(margin_seconds=0.2))
    waveforms, lengths = noise(16_000, 8_000)
    features, frames = featurizer(waveforms, lengths)
    # 1.4 s and 0.9 s of samples, windows of 512 every 160.
    assert frames.tolist() == [(22_400 - 512) // 160 + 1, (14_400 - 512) // 160 + 1]
    assert features.shape == (2, frames[0], 240)


def test_a_clip_of_any_length_has_its_margins_frames() -> None:
    featurizer = LogMel(FeatureSettings())
    waveforms, lengths = noise(1_000)
    features, frames = featurizer(waveforms, lengths)
    assert frames.item() >= 20
    assert torch.isfinite(features).all()


def test_padding_changes_nothing() -> None:
    featurizer = LogMel(FeatureSettings())
    waveforms, lengths = noise(9_000, 16_000, 5_000)
    together, frames = featurizer(waveforms, lengths)
    for i, length in enumerate(lengths.tolist()):
        alone, _ = featurizer(waveforms[i : i + 1, :length], lengths[i : i + 1])
        assert torch.allclose(together[i, : frames[i]], alone[0], atol=1e-5)
        assert (together[i, frames[i] :] == 0).all()


@pytest.mark.parametrize("window_ms", [25.0, 24.9, 32.0])
def test_the_energies_are_those_of_torchaudio(window_ms: float) -> None:
    featurizer = LogMel(FeatureSettings(window_ms=window_ms, margin_seconds=0.0))
    waveforms, lengths = noise(16_000, 9_000)
    expected = featurizer.mel(waveforms).transpose(1, 2)
    features, frames = featurizer(waveforms, lengths)
    assert torch.allclose(features, featurizer.normalise(expected, frames), atol=1e-4)


def test_gain_changes_nothing() -> None:
    featurizer = LogMel(FeatureSettings())
    waveforms, lengths = noise(12_000)
    loud, _ = featurizer(waveforms, lengths)
    quiet, _ = featurizer(waveforms / 50, lengths)
    assert torch.allclose(loud, quiet, atol=1e-3)


def test_energies_range_from_silence_to_the_loudest() -> None:
    featurizer = LogMel(FeatureSettings())
    waveforms, lengths = noise(16_000)
    waveforms[:, 8_000:] *= 1e-4
    features, frames = featurizer(waveforms, lengths)
    level = features[..., :80]
    assert level.max() == pytest.approx(2)
    assert level.min() == pytest.approx(-2)
    quiet = level[0, 70 : frames[0] - 15]
    assert (quiet == -2).all(), "80 dB below the loudest is silence"


def test_decibels_are_linear_in_the_range() -> None:
    featurizer = LogMel(FeatureSettings(range_db=50))
    energies = torch.tensor([1.0, 0.1, 1e-3, 1e-9]).view(1, 4, 1).expand(1, 4, 80)
    levels = featurizer.normalise(energies, torch.tensor([4]))[0, :, 0]
    assert torch.allclose(levels, torch.tensor([2.0, 1.2, -0.4, -2.0]), atol=1e-5)


def test_contrast_has_zero_mean_and_unit_variance_over_the_clip() -> None:
    featurizer = LogMel(FeatureSettings(margin_seconds=0.0))
    waveforms, lengths = noise(48_000)
    contrast = featurizer(waveforms, lengths)[0][..., 80:160]
    assert contrast.mean(dim=1).abs().max() < 0.05
    assert 0.7 < contrast.std(dim=1).mean() < 1.05


def vowel(pitch: float, formants: tuple[float, float]) -> Tensor:
    """One second of harmonics (1, samples) under two resonances."""
    time = torch.arange(16_000) / 16_000
    parts = []
    for number in range(1, int(4_000 / pitch)):
        frequency = number * pitch
        gain = sum(1 / (1 + ((frequency - formant) / 120) ** 2) for formant in formants)
        parts.append(gain * torch.sin(2 * torch.pi * frequency * time))
    return 0.05 * torch.stack(parts).sum(0, keepdim=True)


def test_ripple_tells_the_pitch_and_level_the_vowel() -> None:
    featurizer = LogMel(FeatureSettings(margin_seconds=0.0))
    a, i = (700.0, 1200.0), (300.0, 2300.0)

    def frame(pitch: float, formants: tuple[float, float]) -> tuple[Tensor, Tensor]:
        features, _ = featurizer(vowel(pitch, formants), torch.tensor([16_000]))
        return features[0, 50, :80], features[0, 50, 160:]

    def likeness(first: Tensor, second: Tensor) -> float:
        return float(torch.corrcoef(torch.stack([first, second]))[0, 1])

    for pitch, other in ((180.0, 230.0), (230.0, 290.0)):
        (level, ripple), (vowel_level, vowel_ripple) = frame(pitch, a), frame(pitch, i)
        pitch_level, pitch_ripple = frame(other, a)
        assert likeness(ripple, vowel_ripple) > likeness(ripple, pitch_ripple) + 0.1
        assert likeness(level, pitch_level) > likeness(level, vowel_level)


def test_a_slope_over_the_filters_is_no_ripple() -> None:
    slope = torch.exp(-0.05 * torch.arange(80.0)).view(1, 1, 80).expand(1, 4, 80)
    features = LogMel(FeatureSettings(margin_seconds=0.0)).normalise(slope, torch.tensor([4]))
    assert features[0, :, 166:234].abs().max() < 1e-4


def test_digital_silence_is_finite() -> None:
    features, _ = LogMel(FeatureSettings())(torch.zeros(1, 8_000), torch.tensor([8_000]))
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("hop", [0.0, 30.0])
def test_settings_that_contradict_are_refused(hop: float) -> None:
    with pytest.raises(ValueError, match="hop_ms"):
        FeatureSettings(hop_ms=hop)


def test_frame_mask() -> None:
    assert frame_mask(torch.tensor([1, 3]), 3).tolist() == [[True, False, False], [True, True, True]]
