"""VTLN: the warp that undoes what the test has done to a voice, by speaker, in training and after loading."""

import copy
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conservative import SHORT, a_source, a_target, adapted, equal, trained
from toy_speech import HERTZ, PLAIN, QUICK, TINY, examples, tones, train, words

from speechtl.batches import Batch, Examples
from speechtl.checkpoint import load_model, save_model
from speechtl.feature_cache import FeatureCache
from speechtl.features import FeatureSettings, LogMel
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inputs import DomainInput
from speechtl.models.inserted import Insertion, Warp
from speechtl.transfer import VTLN
from speechtl.transfer.base import StreamSettings, TransferData
from speechtl.transfer.vtln import best_warp

SHORT_TRACT, LONG_TRACT = 1.12, 0.88
"""Factors on the frequencies of two voices."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> AcousticModel:
    """A source that reads toy speech."""
    folder = tmp_path_factory.mktemp("source")
    model = train(folder, settings=QUICK, augment=PLAIN).model
    return model.eval().requires_grad_(False)


def voices(count: int, seed: int = 3, **factors: float) -> TransferData:
    """Toy speech of speakers whose tones lie at so many times the frequencies that the source knows."""
    random = np.random.default_rng(seed)
    whole, _, tokenizers = examples(count * len(factors), ("en",), seed=seed)
    texts = words(count * len(factors), random)
    speakers = [name for name in factors for _ in range(count)]
    waves = []
    for text, speaker in zip(texts, speakers, strict=True):
        with pytest.MonkeyPatch.context() as patched:
            for letter in "aeio":
                patched.setitem(HERTZ, letter, HERTZ[letter] * factors[speaker])
            waves.append(np.round(32_767 * tones(text, random)).astype(np.int16))
    labelled = replace(
        whole,
        waveforms=waves,
        seconds=np.array([len(wave) / 16_000 for wave in waves]),
        labels=[tokenizers["en"].encode(text) for text in texts],
        speakers=speakers,
    )
    return TransferData(labelled, tokenizers)


def factors(model: AcousticModel) -> dict[str, float]:
    (module,) = model.inserted.all()
    assert isinstance(module, Warp)
    return dict(zip(module.insertion.keys, [round(f, 3) for f in module.factors.tolist()], strict=True))


def outputs(model: AcousticModel, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        return model.log_probs(model.encode(batch), "en")


def loss(model: AcousticModel, examples: Examples) -> float:
    batch = examples.batch(range(len(examples)))
    with torch.no_grad():
        return float(model.eval().task_losses(model.encode(batch), batch)["ctc"].mean())


def test_it_finds_what_was_done_to_each_voice_and_undoes_it(source: AcousticModel) -> None:
    data = voices(10, ana=SHORT_TRACT, ben=LONG_TRACT, eva=1.0)
    model = adapted(VTLN(), source, data)
    found = factors(model)
    assert found["ana"] == pytest.approx(SHORT_TRACT, abs=0.041), found
    assert found["ben"] == pytest.approx(LONG_TRACT, abs=0.041), found
    assert found["eva"] == pytest.approx(1.0, abs=0.041), found
    unseen = voices(8, seed=17, ana=SHORT_TRACT, ben=LONG_TRACT).target
    assert loss(model, unseen) < 0.8 * loss(source, unseen)


def test_the_warp_is_that_of_the_least_loss_on_the_grid(source: AcousticModel) -> None:
    data = voices(6, ana=SHORT_TRACT)
    batch = data.target.batch(range(6))
    by_hand = {}
    for warp in VTLN(step=0.04).grid:
        warped = replace(batch, warps=torch.full((6,), warp))
        by_hand[warp] = float(source.task_losses(source.encode(warped), warped)["ctc"].sum())
    found = factors(adapted(VTLN(step=0.04), source, data))
    assert found["ana"] == min(by_hand, key=lambda warp: by_hand[warp])
    assert best_warp(source, data.target, range(6), (1.0, 1.0001, 0.9999)) == 1.0, (
        "of equals the one nearest 1"
    )


def test_without_speakers_all_share_a_warp(source: AcousticModel) -> None:
    data = voices(8, ana=SHORT_TRACT)
    nobody = replace(data, target=replace(data.target, speakers=[None] * 8))
    model = adapted(VTLN(by=None), source, nobody)
    (module,) = model.inserted.all()
    assert module.factors.tolist() == pytest.approx([SHORT_TRACT], abs=0.041)
    batch = voices(2, ana=SHORT_TRACT).target.batch(range(2))
    assert not torch.equal(outputs(model, batch), outputs(source, batch))
    with pytest.raises(ValueError, match=r"--method\.by None"):
        adapted(VTLN(), source, nobody)


def test_warps_survive_saving_and_unknown_speakers_are_heard_as_before(
    source: AcousticModel, tmp_path: Path
) -> None:
    data = voices(6, ana=SHORT_TRACT, ben=LONG_TRACT)
    model = trained(VTLN(), source, data, tmp_path, replace(SHORT, steps=0)).model
    save_model(model, tmp_path / "model", fingerprints=Fingerprints())
    loaded = load_model(tmp_path / "model").model
    assert factors(loaded) == factors(model)
    batch = data.target.batch(range(12))
    assert torch.equal(outputs(loaded, batch), outputs(model, batch))
    assert not torch.equal(outputs(loaded, batch), outputs(source, batch))
    for speakers in ((None,) * 12, ("somebody",) * 12, ("somebody", None) * 6):
        unknown = replace(batch, speakers=speakers)
        assert torch.equal(outputs(loaded, unknown), outputs(source, unknown))


def test_an_unknown_speaker_beside_a_known_one_is_heard_as_before(source: AcousticModel) -> None:
    data = voices(4, ana=SHORT_TRACT)
    model = adapted(VTLN(), source, data)
    batch = replace(data.target.batch(range(4)), speakers=("ana", "eva", "ana", None))
    mine, theirs = outputs(model, batch), outputs(source, batch)
    assert torch.allclose(mine[[1, 3]], theirs[[1, 3]], atol=1e-5)
    assert not torch.allclose(mine[[0, 2]], theirs[[0, 2]], atol=1e-2)


def test_training_hears_the_same_warped_features_with_a_cache_and_without(source: AcousticModel) -> None:
    data = voices(4, ana=SHORT_TRACT, ben=LONG_TRACT)
    model = adapted(VTLN(), source, data)
    cache = FeatureCache(model.featurize, 1.0, model.inputs.feature_rate)
    plain, kept = (
        VTLN().streams(data, StreamSettings(batch_seconds=6, seed=0, cache=one))["target"].batch(0)
        for one in (None, cache)
    )
    assert plain.ids == kept.ids
    assert kept.features is not None
    assert torch.allclose(outputs(model, plain), outputs(model, kept), atol=1e-4)
    bare = FeatureCache(source.featurize, 1.0, model.inputs.feature_rate)
    other = VTLN().streams(data, StreamSettings(batch_seconds=6, seed=0, cache=bare))["target"].batch(0)
    assert not torch.allclose(kept.features[0], other.features[0], atol=0.1)


def test_it_multiplies_the_warps_that_augmentation_has_drawn() -> None:
    source = a_source("en")
    model = copy.deepcopy(source)
    cast = model.insert(Insertion("warp", "input", "speaker", ("ana",)))
    cast.factors[0] = 1.1
    batch = a_target("en").target.batch(range(3))
    drawn = replace(batch, speakers=("ana", "ana", "eva"), warps=torch.tensor([1.0, 0.9, 0.9]))
    expected = replace(drawn, warps=torch.tensor([1.1, 0.99, 0.9]))
    assert torch.allclose(outputs(model, drawn), outputs(source, expected), atol=1e-5)


def test_each_input_that_is_heard_gets_the_warps() -> None:
    narrow = DomainInput("telephone", FeatureSettings(mels=40, f_max=4000.0))
    data = a_target("en")
    domains = ["telephone", None] * 6
    target = replace(data.target, domains=domains, speakers=["ana", "ben"] * 6)
    source = AcousticModel(TINY, FeatureSettings(), data.tokenizers, inputs=(narrow,), seed=2).eval()
    model = adapted(VTLN(step=0.2), source, replace(data, target=target))
    assert [m.insertion.block for m in model.inserted.all()] == ["input", "input.telephone"]
    model.inserted.all()[1].factors[:] = torch.tensor([1.2, 0.8])
    batch = target.batch(range(4))
    expected = LogMel(narrow.features)(batch.waveforms[:1], batch.lengths[:1], torch.tensor([1.2]))[0]
    clip = target.clip(0)
    assert torch.allclose(
        model.featurize([clip])[0], expected[0, : len(model.featurize([clip])[0])], atol=1e-4
    )
    cached = replace(batch, features=tuple(model.featurize([target.clip(index) for index in range(4)])))
    assert torch.allclose(outputs(model, batch), outputs(model, cached), atol=1e-4)


def test_training_goes_on_from_the_warps_and_leaves_them(source: AcousticModel, tmp_path: Path) -> None:
    data = voices(6, ana=SHORT_TRACT)
    start = adapted(VTLN(), source, data)
    model = trained(VTLN(), source, data, tmp_path).model
    assert factors(model) == factors(start)
    assert not equal(model, start)


def test_a_language_that_the_source_cannot_score_is_refused() -> None:
    data = a_target("de")
    with pytest.raises(ValueError, match="no head for de; take a source"):
        adapted(VTLN(), a_source("en"), data)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lowest": 1.1}, "lowest=1.1"),
        ({"highest": 0.9}, "highest=0.9"),
        ({"step": 0.03}, "multiple of 0.02"),
        ({"seconds": 0}, "seconds=0"),
    ],
)
def test_contradictions_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VTLN(**settings)


def test_the_grid_goes_in_steps_from_1_to_both_sides() -> None:
    grid = VTLN().grid
    assert (grid[0], grid[-1], len(grid)) == (0.8, 1.2, 21)
    assert 1.0 in grid
    assert all(math.isclose(warp / 0.02, round(warp / 0.02)) for warp in grid)
