import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from voices import power, tone, voiced

from speechtl.augment import AugmentSettings
from speechtl.augment.phrases import Companions, Phrases, join_labels, join_waveforms
from speechtl.text import TextSettings, Tokenizer, orthography


def test_utterances_stand_in_order_with_their_pauses_between() -> None:
    first, second, third = voiced(0.3, 1), tone(300.0, 0.2), voiced(0.4, 2)
    joined = join_waveforms([first, second, third], [0.1, 0.25], np.random.default_rng(0))
    assert len(joined) == 4_800 + 1_600 + 3_200 + 4_000 + 6_400
    assert torch.equal(joined[:4_800], first)
    assert torch.equal(joined[6_400:9_600], second)
    assert torch.equal(joined[-6_400:], third)


def test_a_pause_sounds_like_the_quieter_room() -> None:
    generator = torch.Generator().manual_seed(0)
    rooms = [level * torch.randn(8_000, generator=generator) for level in (0.01, 0.001)]
    speech = [room + torch.cat([tone(200.0, 0.4), torch.zeros(1_600)]) for room in rooms]
    pause = join_waveforms(speech, [0.4], np.random.default_rng(0))[8_000:14_400]
    assert power(pause) ** 0.5 == pytest.approx(0.001, rel=0.2)
    silent = join_waveforms([torch.zeros(800), tone(200.0)], [0.1], np.random.default_rng(0))
    assert not silent[800:2_400].any()


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("nan-Latn-tailo", ["tsi̍t-puànn", "--lâi", "pat-jī-kha/pat-lī-kha"]),
        ("cmn-Latn-pinyin", ["nǐhǎo", "Ālā", "xī'ān"]),
        ("yue-Latn-jyutping", ["nei5 hou2", "m4 goi1"]),
        ("en", ["Stop!", "don't go", "left"]),
        ("ar", ["قف", "إلى اليمين"]),
        ("cmn-Hans", ["你好", "iphone 5", "iphone"]),
        ("fi", ["hyvää päivää", "kiitos"]),
    ],
)
@pytest.mark.parametrize("units", ["default", "characters"])
def test_joined_labels_are_those_of_the_joined_text(language: str, texts: list[str], units: str) -> None:
    settings = TextSettings(units="default" if units == "default" else "characters")
    rules = orthography(language)
    tokenizer = Tokenizer.fit([*texts, " ".join(map(rules.normalise, texts))], language, settings)
    joined = join_labels([tokenizer.encode(text) for text in texts], tokenizer.separator)
    assert joined == tokenizer.encode(" ".join(map(rules.normalise, texts)))


def test_pieces_of_words_spell_the_joined_text() -> None:
    texts = ["stop", "go left", "go right"]
    tokenizer = Tokenizer.fit(texts * 3, "en", TextSettings(units="sentencepiece"))
    joined = join_labels([tokenizer.encode(text) for text in texts], tokenizer.separator)
    assert tokenizer.decode(joined) == "stop go left go right"


def test_without_a_space_among_the_units_nothing_is_written_between() -> None:
    tokenizer = Tokenizer.fit(["one", "two"], "en")
    assert tokenizer.separator == ()


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_followers_are_others_of_the_same_group(groups: list[str], seed: int) -> None:
    companions = Companions.of(groups)
    utterances = np.arange(len(groups))
    followers = companions.followers(utterances, np.random.default_rng(seed).random((len(groups), 3)))
    for utterance in utterances.tolist():
        own = [groups[follower] for follower in followers[utterance]]
        assert own == [groups[utterance]] * 3
        if groups.count(groups[utterance]) > 1:
            assert utterance not in followers[utterance]


def test_every_companion_follows_equally_often() -> None:
    companions = Companions.of(["a", "b", "a", "a", "b"])
    draws = np.random.default_rng(0).random((1, 3_000))
    counts = np.bincount(companions.followers(np.array([2]), draws)[0], minlength=5)
    assert counts[[1, 2, 4]].tolist() == [0, 0, 0]
    assert counts[0] == pytest.approx(1_500, abs=150)


def phrases_of(settings: AugmentSettings, groups: list[str], seconds: list[float], bound: float) -> Phrases:
    count = len(groups)
    longest = np.full(count, bound)
    return Phrases.of(settings, Companions.of(groups), np.arange(count), np.array(seconds), longest, (0, 0))


def test_the_share_the_numbers_and_the_pauses_are_those_asked_for() -> None:
    settings = AugmentSettings(chain=0.4, chain_longest=3, chain_pause=(0.2, 0.3))
    phrases = phrases_of(settings, ["a"] * 4_000, [0.5] * 4_000, 24.0)
    assert np.mean(phrases.counts > 0) == pytest.approx(0.4, abs=0.03)
    assert np.bincount(phrases.counts)[1:] / 1_600 == pytest.approx([0.5, 0.5], abs=0.05)
    assert phrases.pauses.min() >= 0.2
    assert phrases.pauses.max() <= 0.3
    single = phrases.counts == 0
    assert np.all(phrases.seconds[single] == 0.5)


def test_a_phrase_never_exceeds_the_bound() -> None:
    settings = AugmentSettings(chain=1.0, chain_longest=6)
    seconds = np.random.default_rng(0).uniform(0.3, 3, 500).tolist()
    phrases = phrases_of(settings, ["a"] * 500, seconds, 4.0)
    assert phrases.seconds.max() <= 4.0
    assert phrases.counts.max() >= 3


def test_who_is_alone_stays_alone() -> None:
    phrases = phrases_of(AugmentSettings(chain=1.0), ["a", "b", "b"], [0.5] * 3, 24.0)
    assert phrases.counts[0] == 0
    assert (phrases.counts[1:] > 0).all()
