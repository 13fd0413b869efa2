import pytest

from speechtl.augment import AugmentSettings
from speechtl.augment.settings import FACTOR_STEP
from speechtl.features import WARP_STEP


def test_only_what_was_on_before_is_on_by_default() -> None:
    settings = AugmentSettings()
    assert settings.speeds == (0.9, 1.0, 1.1)
    assert settings.pitches == (0.0,)
    assert settings.tempos == settings.warps == (1.0,)
    assert settings.reverb == settings.noise == settings.chain == 0


def test_grids_lie_around_no_change() -> None:
    settings = AugmentSettings(pitch=1.0, tempo=0.05, vocal_tract=0.1)
    assert settings.pitches == (-1.0, -0.5, 0.0, 0.5, 1.0)
    assert settings.tempos == (0.96, 0.98, 1.0, 1.02, 1.04)
    assert settings.warps == (0.9, 0.92, 0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06, 1.08, 1.1)


def test_warps_are_those_for_which_filter_banks_are_kept() -> None:
    assert FACTOR_STEP == WARP_STEP


def test_the_shortest_and_longest_that_utterances_become() -> None:
    settings = AugmentSettings(speeds=(0.9, 1.1), tempo=0.1)
    assert settings.fastest == pytest.approx(1.1 * 1.1)
    assert settings.slowest == pytest.approx(0.9 * 0.9)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("speeds", ()),
        ("speeds", (3.0,)),
        ("pitch", 0.2),
        ("pitch", -1.0),
        ("tempo", 0.01),
        ("tempo", 0.9),
        ("vocal_tract", 0.5),
        ("reverb", 1.5),
        ("noise", -0.1),
        ("chain", 2.0),
        ("chain_pause", (0.1, float("inf"))),
        ("mel_masks", -1),
        ("mel_width", -3),
        ("time_masks", -1),
        ("rt60", (0.0, 0.5)),
        ("rt60", (0.8, 0.2)),
        ("snr", (20.0, 5.0)),
        ("chain_pause", (-0.1, 0.3)),
        ("noise_kinds", ()),
        ("chain_longest", 1),
        ("time_share", 1.1),
    ],
)
def test_contradictions_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        AugmentSettings(**{field: value})
