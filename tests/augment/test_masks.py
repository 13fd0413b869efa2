import torch

from speechtl.augment import AugmentSettings, SpecAugment


def test_masks_are_a_pure_function_of_the_seed() -> None:
    features, lengths = torch.ones(3, 100, 240), torch.tensor([100, 60, 80])
    settings = AugmentSettings(time_share=0.3)
    first, again = (
        SpecAugment(settings, 4, 80)(features, lengths),
        SpecAugment(settings, 4, 80)(features, lengths),
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, SpecAugment(settings, 5, 80)(features, lengths))


def test_masks_stay_within_their_bounds() -> None:
    settings = AugmentSettings(mel_masks=1, mel_width=15, time_masks=1, time_share=0.2)
    features, lengths = torch.ones(1, 200, 240), torch.tensor([100])
    seen_bands = seen_time = 0
    for seed in range(60):
        masked = SpecAugment(settings, seed, 80)(features, lengths)[0] == 0
        filters = masked.all(dim=0).view(3, 80)
        assert (filters == filters[0]).all(), "a band was masked in one view only"
        bands = filters[0].sum().item()
        time = masked.all(dim=1).nonzero().flatten()
        seen_bands, seen_time = max(seen_bands, int(bands)), max(seen_time, len(time))
        assert bands <= 15
        assert len(time) <= 20
        assert (time < 100).all(), "a time mask fell on padding"
    assert seen_bands > 7
    assert seen_time > 10


def test_no_masks_is_the_identity() -> None:
    features = torch.randn(2, 50, 240)
    off = AugmentSettings(mel_masks=0, time_masks=0)
    assert torch.equal(SpecAugment(off, 1, 80)(features, torch.tensor([50, 30])), features)
