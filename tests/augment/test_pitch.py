import pytest
import torch
from voices import frequency, power, tone, voiced

from speechtl.augment import AugmentSettings
from speechtl.augment.pitch import change_pitch

SHIFTS = AugmentSettings(pitch=4.0).pitches


@pytest.mark.parametrize("semitones", SHIFTS)
@pytest.mark.parametrize("hertz", [110.0, 440.0, 2000.0])
def test_a_tone_moves_by_semitones_in_the_same_time(hertz: float, semitones: float) -> None:
    before = tone(hertz)
    after = change_pitch(before, semitones)
    assert len(after) == len(before)
    assert frequency(after) == pytest.approx(hertz * 2 ** (semitones / 12), rel=0.005)
    assert power(after) == pytest.approx(power(before), rel=0.01)


def test_an_octave_is_a_factor_of_two() -> None:
    assert frequency(change_pitch(tone(300.0), 12)) == pytest.approx(600, rel=0.005)
    assert frequency(change_pitch(tone(300.0), -12)) == pytest.approx(150, rel=0.005)


@pytest.mark.parametrize("semitones", [-2.0, 3.0])
@pytest.mark.parametrize("tempo", [0.9, 1.1])
def test_pitch_and_tempo_at_once(semitones: float, tempo: float) -> None:
    after = change_pitch(tone(300.0), semitones, tempo)
    assert len(after) == round(16_000 / tempo)
    assert frequency(after) == pytest.approx(300 * 2 ** (semitones / 12), rel=0.005)


def test_the_ends_do_not_click() -> None:
    before = voiced(1.0) * torch.hann_window(16_000)
    for semitones in (-2.0, 2.0):
        after = change_pitch(before, semitones)
        assert after[:80].abs().max() < 0.001
        assert after[-80:].abs().max() < 0.001


def test_no_change_is_the_identity() -> None:
    before = voiced(0.3)
    assert change_pitch(before, 0.0) is before


@pytest.mark.parametrize("samples", [1, 100, 2_240, 16_001])
def test_every_length_is_kept(samples: int) -> None:
    for semitones in SHIFTS:
        after = change_pitch(voiced(1.1)[:samples], semitones)
        assert len(after) == samples
        assert torch.isfinite(after).all()
