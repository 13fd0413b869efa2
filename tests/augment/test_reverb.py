import numpy as np
import pytest
import torch
from voices import power, voiced

from speechtl.augment.reverb import reverberate, room_response


def decay_time(response: np.ndarray) -> float:
    """RT60 in seconds from the slope of the backward integral between -5 and -25 dB (Schroeder 1965)."""
    tail = response[100:].astype(float)
    left = np.cumsum(tail[::-1] ** 2)[::-1]
    level = 10 * np.log10(left / left[0])
    inside = np.flatnonzero((level < -5) & (level > -25))
    slope = np.polyfit(inside / 16_000, level[inside], 1)[0]
    return float(-60 / slope)


@pytest.mark.parametrize("rt60", [0.2, 0.4, 0.8])
def test_sound_falls_by_sixty_decibels_in_the_time_that_was_drawn(rt60: float) -> None:
    found = [decay_time(room_response(rt60, 5.0, np.random.default_rng(seed))) for seed in range(12)]
    assert np.mean(found) == pytest.approx(rt60, rel=0.08)


@pytest.mark.parametrize("direct_db", [0.0, 10.0])
def test_the_direct_sound_stands_first_and_as_high_as_drawn(direct_db: float) -> None:
    response = room_response(0.5, direct_db, np.random.default_rng(0))
    assert response[0] == 1
    assert not response[1:40].any()
    assert 10 * np.log10(1 / np.square(response[1:]).sum()) == pytest.approx(direct_db, abs=0.01)


def test_it_is_the_convolution_with_the_response_at_the_old_level() -> None:
    dry, response = voiced(0.5), room_response(0.3, 5.0, np.random.default_rng(1))
    expected = np.convolve(dry.numpy().astype(float), response.astype(float))[: len(dry)]
    expected *= np.sqrt(power(dry) / np.square(expected).mean())
    wet = reverberate(dry, response)
    assert len(wet) == len(dry)
    assert np.allclose(wet.numpy(), expected, atol=1e-5)
    assert power(wet) == pytest.approx(power(dry), rel=1e-4)


def test_speech_stays_where_its_labels_are() -> None:
    """A click is still the loudest thing, at its old place, and nothing comes before it."""
    click = torch.zeros(8_000)
    click[3_000] = 0.5
    wet = reverberate(click, room_response(0.8, 0.0, np.random.default_rng(2)))
    assert wet.abs().argmax() == 3_000
    assert wet[:3_000].abs().max() < 1e-6
    assert wet[3_100:].abs().max() > 1e-3


def test_silence_stays_silence() -> None:
    silence = torch.zeros(1_000)
    assert torch.equal(reverberate(silence, room_response(0.3, 5.0, np.random.default_rng(0))), silence)
