import pytest
import torch
import torchaudio

from speechtl.augment.speed import change_speed, change_speeds, resample


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.1])
def test_speed_changes_length_and_pitch(speed: float) -> None:
    time = torch.arange(16_000) / 16_000
    tone = torch.sin(2 * torch.pi * 440 * time)
    faster = change_speed(tone, speed)
    assert len(faster) == pytest.approx(16_000 / speed, abs=2)
    spectrum = torch.fft.rfft(faster[:14_000]).abs()
    pitch = spectrum.argmax().item() * 16_000 / 14_000
    assert pitch == pytest.approx(440 * speed, abs=2)


@pytest.mark.parametrize(("old", "new"), [(90, 100), (110, 100), (100, 95), (35, 34), (100, 200)])
@pytest.mark.parametrize("samples", [1, 100, 2_240, 16_001])
def test_resampling_is_torchaudios(old: int, new: int, samples: int) -> None:
    waveform = torch.randn(samples, generator=torch.Generator().manual_seed(samples))
    expected = torchaudio.transforms.Resample(old, new)(waveform)
    assert torch.equal(resample(waveform, old, new), expected)


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.1])
def test_several_at_once_are_what_each_is_alone(speed: float) -> None:
    random = torch.Generator().manual_seed(0)
    waveforms = [torch.randn(samples, generator=random) for samples in (9_000, 1, 16_001, 15_990)]
    for wave, played in zip(waveforms, change_speeds(waveforms, speed), strict=True):
        alone = change_speed(wave, speed)
        assert len(played) == len(alone)
        torch.testing.assert_close(played, alone, rtol=0, atol=1e-6)
