"""A fresh probe finds a shift between two domains where there is one, and nothing else."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_speech import TINY, examples

from speechtl.domain_shift import (
    MOST_CLASSES,
    Pooled,
    _folds,
    _told_apart,
    domain_probe,
    drawn,
    hidden_probe,
    pooled_features,
    within_classes,
)
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel


def names(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(map(str, numbers))


def side(
    name: str,
    count: int = 300,
    shift: float = 0.0,
    *,
    speakers: int | None = None,
    classes: int = 0,
    skew: float = 0.0,
) -> Pooled:
    """Normal vectors (count, 16); every speaker, and every class, has a mean of its own."""
    random = np.random.default_rng([len(name), ord(name[0])])
    features = random.normal(0, 1, (count, 16)) + shift
    who: list[str | None] = [None] * count
    if speakers is not None:
        numbers = np.arange(count) % speakers
        features += 4 * random.normal(0, 1, (speakers, 16))[numbers]
        who = [f"{name}-{number}" for number in numbers]
    said: list[str] = []
    if classes:
        shares = np.exp(skew * np.arange(classes))
        spoken = random.choice(classes, count, p=shares / shares.sum())
        features += 4 * np.random.default_rng(1).normal(0, 1, (classes, 16))[spoken]
        said = [f"word {number}" for number in spoken]
    ids = tuple(f"{name}{number}" for number in range(count))
    return Pooled(features.astype(np.float32), ids, tuple(who), tuple(said))


def test_a_planted_shift_is_found() -> None:
    found = domain_probe(side("a"), side("b", shift=2.0))
    assert found is not None
    assert found.value > 0.99
    assert (found.chance, found.source_utterances, found.target_utterances) == (0.5, 300, 300)


@pytest.mark.parametrize("count", [300, 40])
def test_no_shift_is_found_where_there_is_none(count: int) -> None:
    """Unequal amounts of speech are no shift either: who always says `a` is right half the time."""
    found = domain_probe(side("a"), side("b", count))
    assert found is not None
    assert abs(found.value - 0.5) < 0.12


def test_speakers_are_not_taken_for_domains() -> None:
    """Twelve voices on each side that differ in nothing else: who has heard them knows the domain by them."""
    known = side("a", speakers=12), side("b", speakers=12)
    unknown = [replace(one, speakers=(None,) * len(one)) for one in known]
    by_speaker, by_utterance = domain_probe(*known), domain_probe(*unknown)
    assert by_speaker is not None
    assert by_utterance is not None
    assert (by_speaker.split_by, by_utterance.split_by) == ("speaker", "utterance")
    assert by_utterance.value > 0.8
    assert by_speaker.value < 0.7


def test_a_single_speaker_cannot_be_held_out() -> None:
    found = domain_probe(side("a", speakers=1), side("b", speakers=5))
    assert found is not None
    assert found.split_by == "utterance"


def test_one_utterance_is_no_domain() -> None:
    assert domain_probe(side("a", 1), side("b")) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=30),
    st.lists(st.integers(4, 9), min_size=2, max_size=30),
    st.integers(0, 5),
)
def test_every_fold_has_both_domains_and_no_speaker_is_in_two(
    ours: list[int], theirs: list[int], seed: int
) -> None:
    """Speakers 4 to 6 may speak in both domains, as over two channels."""
    pair = [Pooled(np.zeros((len(who), 2), np.float32), names(who), names(who)) for who in (ours, theirs)]
    folds, split_by = _folds(pair, seed)
    speakers = np.array(ours + theirs)
    is_ours = np.arange(len(speakers)) < len(ours)
    assert set(folds[is_ours]) == set(folds[~is_ours]) == set(range(len(set(folds))))
    assert len(set(folds)) >= 2
    if min(len(set(ours)), len(set(theirs))) > 1:
        assert split_by == "speaker"
        assert all(len(set(folds[speakers == one])) == 1 for one in set(ours + theirs))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=20), min_size=3, max_size=4), st.integers(0, 5)
)
def test_no_class_is_asked_about_that_no_probe_has_heard(groups: list[list[int]], seed: int) -> None:
    """Common speakers of three classes may be dealt so that one has all its speech in one fold."""
    pooled = [Pooled(np.zeros((len(who), 2), np.float32), names(who), names(who)) for who in groups]
    folds, _ = _folds(pooled, seed)
    of = np.repeat(np.arange(len(groups)), [len(who) for who in groups])
    assert min(len(set(folds[of == number])) for number in range(len(groups))) >= 2


def test_speakers_of_two_languages_each_are_told_by_utterance() -> None:
    speakers = (("ann", "bob"), ("bob", "cat"), ("cat", "ann"))
    random = np.random.default_rng(0)
    groups = [
        Pooled(
            (random.normal(0, 0.1, (40, 3)) + 5 * np.eye(3)[number]).astype(np.float32),
            names(range(40)),
            pair * 20,
        )
        for number, pair in enumerate(speakers)
    ]
    assert _told_apart(groups, 0) == (1.0, "utterance")


def test_what_is_said_is_no_shift_within_classes() -> None:
    """The domains say different words, in the same way: only a probe over all of them finds a difference."""
    ours, theirs = side("a", classes=3, skew=2.0), side("b", classes=3, skew=-1.0)
    over_all, inside = domain_probe(ours, theirs), within_classes(ours, theirs)
    assert over_all is not None
    assert inside is not None
    assert over_all.value > 0.75
    assert abs(inside.value - 0.5) < 0.12
    assert inside.value == pytest.approx(np.mean(list(inside.by_class.values())))


def test_a_shift_within_classes_is_found() -> None:
    found = within_classes(side("a", classes=3), side("b", shift=2.0, classes=3))
    assert found is not None
    assert found.value > 0.95
    assert set(found.by_class) == {"word 0", "word 1", "word 2"}


def test_classes_must_be_known_few_and_spoken_in_both_domains() -> None:
    ours = side("a", classes=3)
    assert within_classes(ours, side("b")) is None
    assert within_classes(ours, side("b", 15, classes=3)) is None, "fewer than 20 utterances of each"
    many = replace(ours, classes=tuple(f"{number % (MOST_CLASSES + 1)}" for number in range(len(ours))))
    assert within_classes(many, many) is None


def model() -> AcousticModel:
    _, _, tokenizers = examples(2)
    return AcousticModel(TINY, FeatureSettings(), tokenizers, seed=0)


def test_features_are_means_over_real_frames() -> None:
    """Each utterance alone in a batch, with nothing padded, has the mean that all together have."""
    speech, _, _ = examples(6)
    trained = model().train()
    state = torch.random.get_rng_state()
    found = pooled_features(trained, speech, "encoder.0")
    assert trained.training, "the model goes on as it was"
    assert torch.equal(torch.random.get_rng_state(), state)
    trained.eval()
    with torch.inference_mode():
        alone = [trained.encode(speech.batch([i]), ("encoder.0",)).taps["encoder.0"][0] for i in range(6)]
    expected = torch.stack([states.mean(0) for states in alone]).numpy()
    assert found.features == pytest.approx(expected, abs=1e-5)
    assert found.ids == tuple(speech.ids)
    assert found.classes == ()


def test_frames_of_padding_do_not_count() -> None:
    """Behind a norm that moves all frames alike they are not zero."""
    speech, _, _ = examples(6)
    shifted = model().eval()
    with torch.no_grad():
        shifted.norm.bias.fill_(1.0)
        alone = [shifted.encode(speech.batch([i]), ("norm",)).taps["norm"][0] for i in range(6)]
    expected = torch.stack([states.mean(0) for states in alone]).numpy()
    assert len({len(states) for states in alone}) > 1, "some are padded"
    assert pooled_features(shifted, speech, "norm").features == pytest.approx(expected, abs=1e-5)


def test_what_a_method_hides_is_told_class_by_class() -> None:
    """Three accents over both domains, two of which are alike."""
    shifts = (0.0, 0.0, 3.0)
    sides = [
        replace(
            side(name, 300),
            features=side(name, 300).features + np.float32(np.array(shifts)[np.arange(300) % 3, None]),
            hidden=tuple(("uk", "us", None, "in")[1 + n % 3 if n % 3 == 2 else n % 3] for n in range(300)),
        )
        for name in ("a", "b")
    ]
    found = hidden_probe(sides[0], sides[1])
    assert found is not None
    assert found.utterances == {"in": 200, "uk": 200, "us": 200}
    assert (found.chance, found.split_by) == (pytest.approx(1 / 3), "utterance")
    assert found.value == pytest.approx((1 + 0.5 + 0.5) / 3, abs=0.06)
    untold = replace(sides[0], hidden=("uk",) * 300)
    assert hidden_probe(untold, replace(sides[1], hidden=(None,) * 300)) is None
    assert hidden_probe(side("a"), side("b")) is None


def test_accents_are_told_on_speakers_that_were_not_heard() -> None:
    """Every speaker is easily told, and the accents are only theirs: then others' cannot be told."""
    told = []
    for per_accent in (4, 1):
        sides = [side(name, 240, speakers=2 * per_accent) for name in ("a", "b")]
        sides = [replace(one, hidden=tuple(("uk", "us")[n % 2] for n in range(240))) for one in sides]
        found = hidden_probe(sides[0], sides[1])
        assert found is not None
        told.append(found)
    assert [one.split_by for one in told] == ["speaker", "speaker"]
    assert told[0].value < 0.8


def test_the_same_utterances_are_drawn_for_every_model() -> None:
    speech, texts, tokenizers = examples(12)
    other = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=5)
    one, two = (pooled_features(m, speech, most=5, seed=3, classes=texts) for m in (model(), other))
    assert len(one) == 5
    assert one.ids == two.ids
    assert [texts[speech.ids.index(id_)] for id_ in one.ids] == list(one.classes)
    assert pooled_features(other, speech, most=5, seed=4).ids != one.ids


def test_at_most_so_many_seconds_are_drawn() -> None:
    speech, _, _ = examples(12)
    places = drawn(speech, 100, seed=0, seconds=1.5)
    assert 1 <= len(places) < 12
    assert speech.some(places.tolist()).seconds.sum() <= 1.5
    assert len(drawn(speech, 100, seed=0, seconds=0.0)) == 1


def test_a_block_must_exist() -> None:
    speech, _, _ = examples(2)
    with pytest.raises(ValueError, match=r"no block named 'encoder.9' has states; this model has input"):
        pooled_features(model(), speech, "encoder.9")
