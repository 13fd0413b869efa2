"""Vocal tract length: the filters of a batch, warped for each utterance."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from speechtl.features import FeatureSettings, LogMel, warped, warped_bank

PLAIN = FeatureSettings(margin_seconds=0.0)


def tone(hertz: float) -> Tensor:
    return 0.3 * torch.sin(2 * torch.pi * hertz * torch.arange(16_000) / 16_000).unsqueeze(0)


def centre(settings: FeatureSettings, filter_: int) -> float:
    """The frequency, in hertz, at which an unwarped filter is highest."""
    mel = torch.linspace(
        *(2595 * torch.log10(1 + torch.tensor([20.0, settings.f_max]) / 700)).tolist(), settings.mels + 2
    )
    return float(700 * (10 ** (mel[filter_ + 1] / 2595) - 1))


def peak(hertz: float, warp: float, settings: FeatureSettings = PLAIN) -> float:
    """Centre of the filter in which a tone is loudest."""
    features, _ = LogMel(settings)(tone(hertz), torch.tensor([16_000]), torch.tensor([warp]))
    return centre(settings, int(features[0, 50, : settings.mels].argmax()))


@pytest.mark.parametrize("warp", [0.8, 0.9, 1.1, 1.2])
@pytest.mark.parametrize("hertz", [1000.0, 2500.0])
def test_a_warp_moves_a_tone_to_the_filter_of_its_frequency_over_the_factor(
    hertz: float, warp: float
) -> None:
    assert peak(hertz, 1.0) == pytest.approx(hertz, rel=0.04), "half a filter's width"
    assert peak(hertz, warp) == pytest.approx(hertz / warp, rel=0.04)


def test_no_warp_is_bit_identical_to_today() -> None:
    waveforms, lengths = torch.randn(2, 12_000), torch.tensor([12_000, 12_000])
    featurizer = LogMel(FeatureSettings())
    plain, _ = featurizer(waveforms, lengths)
    for warps in (torch.ones(2), torch.tensor([1.004, 0.996])):
        assert torch.equal(featurizer(waveforms, lengths, warps)[0], plain)


def test_an_unwarped_bank_is_that_of_torchaudio() -> None:
    for settings in (FeatureSettings(), FeatureSettings(mels=40, f_max=4000.0)):
        bank = warped_bank(settings, 50, 257)
        assert torch.allclose(bank, LogMel(settings).mel.mel_scale.fb, atol=1e-5)


def test_each_utterance_has_its_own_warp_whoever_shares_its_batch() -> None:
    featurizer = LogMel(FeatureSettings())
    lengths = torch.tensor([12_000, 9_000, 11_000])
    waveforms = torch.randn(3, 12_000) * (torch.arange(12_000) < lengths.unsqueeze(1))
    warps = torch.tensor([1.0, 0.9, 1.12])
    together, frames = featurizer(waveforms, lengths, warps)
    for row, length in enumerate(lengths.tolist()):
        one = slice(row, row + 1)
        alone, _ = featurizer(waveforms[one, :length], lengths[one], warps[one])
        assert torch.allclose(together[row, : frames[row]], alone[0], atol=1e-4)
    assert not torch.allclose(together[1], featurizer(waveforms, lengths)[0][1], atol=0.1)


@given(factor=st.floats(0.7, 1.4), edge=st.sampled_from([4000.0, 8000.0]))
def test_a_warp_is_continuous_rising_and_keeps_the_edges(factor: float, edge: float) -> None:
    frequencies = torch.linspace(0, edge, 500, dtype=torch.float64)
    moved = warped(frequencies, factor, edge)
    assert moved[0] == 0
    assert moved[-1] == pytest.approx(edge)
    steps = moved.diff()
    assert (steps > 0).all()
    assert steps.max() < 4 * edge / 499, "no jump"
    assert moved[100] == pytest.approx(factor * float(frequencies[100]))


def test_a_lower_edge_of_the_band_hears_nothing_above_it() -> None:
    settings = FeatureSettings(mels=40, f_max=4000.0, margin_seconds=0.0)
    bank = LogMel(settings).mel.mel_scale.fb
    assert bank.shape == (257, 40)
    above = torch.linspace(0, 8000, 257) > 4000
    assert (bank[above] == 0).all()
    assert (bank[~above].sum(dim=0) > 0).all()
    assert peak(1500.0, 1.0, settings) == pytest.approx(1500, rel=0.06)


@pytest.mark.parametrize("f_max", [10.0, 9000.0])
def test_an_edge_outside_the_band_is_refused(f_max: float) -> None:
    with pytest.raises(ValueError, match="f_max"):
        FeatureSettings(f_max=f_max)
