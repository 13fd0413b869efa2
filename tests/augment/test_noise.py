import numpy as np
import pytest
import torch
from torch import Tensor
from voices import power, voiced

from speechtl.augment.activity import FRAME, speech_frames
from speechtl.augment.noise import add_noise, babble, pink, white


def noise_of(kind: str, samples: int, seed: int = 0) -> Tensor:
    random = np.random.default_rng(seed)
    if kind == "babble":
        return babble([voiced(0.7, seed) for seed in range(4)], samples, random)
    return {"white": white, "pink": pink}[kind](samples, random)


def speech_samples(waveform: Tensor) -> Tensor:
    return torch.from_numpy(np.repeat(speech_frames(waveform), FRAME)[: len(waveform)])


def snr(speech: Tensor, noisy: Tensor, inside: Tensor) -> float:
    return 10 * float(np.log10(power(speech[inside]) / power((noisy.double() - speech)[inside])))


@pytest.mark.parametrize("kind", ["white", "pink", "babble"])
@pytest.mark.parametrize("wanted", [-5.0, 5.0, 12.3, 30.0])
def test_speech_is_so_many_decibels_above_the_noise(kind: str, wanted: float) -> None:
    speech = voiced(1.0)
    noisy = add_noise(speech, noise_of(kind, len(speech)), wanted)
    inside = speech_samples(speech)
    assert snr(speech, noisy, inside) == pytest.approx(wanted, abs=0.1)


def test_silence_around_speech_does_not_change_the_level() -> None:
    speech = voiced(1.0)
    padded = torch.cat([torch.zeros(16_000), speech, torch.zeros(32_000)])
    noisy = add_noise(padded, noise_of("white", len(padded)), 10.0)
    assert snr(speech, noisy[16_000:32_000], speech_samples(speech)) == pytest.approx(10, abs=0.3)
    assert power(noisy[:16_000]) > 0, "noise is everywhere, not only behind the speech"


def test_speech_is_where_it_is_loud() -> None:
    samples = torch.cat([torch.zeros(1_600), 0.3 * torch.ones(1_600), 0.001 * torch.ones(1_650)])
    inside = speech_samples(samples)
    assert not inside[:1_600].any()
    assert inside[1_600:3_200].all()
    assert not inside[3_200:].any()


@pytest.mark.parametrize(("kind", "slope"), [("white", 0.0), ("pink", -3.0)])
def test_the_power_per_octave(kind: str, slope: float) -> None:
    """White noise has one density throughout; that of pink noise falls by 3 dB with each octave."""
    spectrum = torch.fft.rfft(noise_of(kind, 160_000)).abs().square()
    hertz = torch.arange(len(spectrum)) / 10
    edges = [125.0 * 2**octave for octave in range(7)]
    levels = [10 * float(spectrum[(hertz >= low) & (hertz < 2 * low)].mean().log10()) for low in edges[:-1]]
    assert np.polyfit(range(6), levels, 1)[0] == pytest.approx(slope, abs=0.2)


def test_babble_is_all_voices_equally_loud() -> None:
    loud, soft = voiced(0.5, 1), 0.01 * voiced(0.8, 2)
    mixed = babble([loud, soft], 20_000, np.random.default_rng(0)).double()
    alone = [babble([voice], 20_000, np.random.default_rng(1)).double() for voice in (loud, soft)]
    assert power(alone[0]) == pytest.approx(power(alone[1]), rel=0.2)
    assert power(mixed) == pytest.approx(2, rel=0.3)


def test_what_has_no_level_stays_as_it_is() -> None:
    speech, silence = voiced(0.2), torch.zeros(3_200)
    assert torch.equal(add_noise(silence, noise_of("white", 3_200), 5.0), silence)
    assert torch.equal(add_noise(speech, silence, 5.0), speech)
    assert not babble([silence], 100, np.random.default_rng(0)).any()
    assert not babble([], 100, np.random.default_rng(0)).any()
