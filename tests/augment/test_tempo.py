import numpy as np
import pytest
import torch
from voices import frequency, power, tone, voiced

from speechtl.augment.tempo import change_tempo

TEMPOS = [0.7, 0.9, 0.98, 1.04, 1.1, 1.3]


@pytest.mark.parametrize("tempo", TEMPOS)
@pytest.mark.parametrize("hertz", [80.0, 220.0, 1000.0, 3000.0])
def test_a_tone_keeps_its_pitch_and_power_and_changes_its_duration(hertz: float, tempo: float) -> None:
    before = tone(hertz)
    after = change_tempo(before, tempo)
    assert len(after) == round(16_000 / tempo)
    assert frequency(after) == pytest.approx(hertz, rel=0.005)
    assert power(after) == pytest.approx(power(before), rel=1e-4)
    middle = after[1600:-1600]
    assert power(middle) == pytest.approx(power(before), rel=0.02), "louder in some places than in others"
    steepest = before.diff().abs().max()
    assert after.diff().abs().max() < 1.1 * steepest, "pieces do not meet"


@pytest.mark.parametrize("tempo", TEMPOS)
def test_the_ends_are_as_they_were(tempo: float) -> None:
    """What begins and ends softly still does: no sample of the ends is lost, none is a click."""
    before = voiced(1.0) * torch.hann_window(16_000)
    after = change_tempo(before, tempo)
    assert after[:80].abs().max() < 0.001
    assert after[-80:].abs().max() < 0.001
    loud = tone(200.0)
    assert change_tempo(loud, tempo)[:320].double().square().mean() == pytest.approx(
        float(loud[:320].double().square().mean()), rel=0.05
    )


@pytest.mark.parametrize("tempo", TEMPOS)
def test_events_come_when_they_should(tempo: float) -> None:
    """Bursts at 0.2, 0.5 and 0.8 s are at these times divided by the tempo, within a piece's reach."""
    before = torch.zeros(16_000)
    for second in (0.2, 0.5, 0.8):
        start = round(16_000 * second)
        before[start : start + 400] = tone(600.0, 0.025)
    after = change_tempo(before, tempo)
    for second in (0.2, 0.5, 0.8):
        centre = (second + 0.0125) / tempo
        near = after[round(16_000 * (centre - 0.06)) : round(16_000 * (centre + 0.06))].square().double()
        found = float((near * torch.arange(len(near))).sum() / near.sum()) / 16_000 - 0.06
        assert abs(found) < 0.02


def test_no_change_is_the_identity() -> None:
    before = voiced(0.5)
    assert change_tempo(before, 1.0) is before


@pytest.mark.parametrize("samples", [1, 100, 2_240])
@pytest.mark.parametrize("tempo", [0.5, 0.9, 1.5])
def test_very_short_clips(samples: int, tempo: float) -> None:
    before = voiced(1.0)[4000 : 4000 + samples]
    after = change_tempo(before, tempo)
    assert len(after) == round(samples / tempo)
    assert torch.isfinite(after).all()


def test_silence_stays_silence() -> None:
    assert not change_tempo(torch.zeros(8_000), 0.9).any()


def test_a_glide_of_pitch_stays_in_proportion() -> None:
    """Tones of a language: a rise from 150 to 250 Hz is the same rise over another time."""
    time = np.arange(16_000) / 16_000
    rise = torch.from_numpy(np.sin(2 * np.pi * (150 * time + 50 * time**2)).astype(np.float32))
    after = change_tempo(rise, 0.8)
    for share in (0.2, 0.5, 0.8):
        centre = round(share * len(after))
        assert frequency(after[centre - 1200 : centre + 1200]) == pytest.approx(150 + 100 * share, rel=0.03)
