"""Development speech carved out of the target's own minutes."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.corpus import Corpus, SplitBy, Utterance
from speechtl.folds import carve_folds
from speechtl.leakage import Fingerprints, fingerprint


def corpus(
    texts: Sequence[str],
    seconds: float = 1.0,
    *,
    speakers: Sequence[str] | None = None,
    split_by: SplitBy = "none",
    languages: Sequence[str] | None = None,
) -> Corpus:
    rows = [
        Utterance(
            f"u{i}",
            f"/{i}.wav",
            text,
            languages[i] if languages else "en",
            speakers[i] if speakers else None,
            None,
            seconds,
            "train",
        )
        for i, text in enumerate(texts)
    ]
    return Corpus.from_utterances("toy", rows, split_by=split_by)


def distinct(count: int) -> list[str]:
    return [f"word {i}" for i in range(count)]


def test_ten_minutes_have_one_fold_of_a_tenth() -> None:
    found = carve_folds(corpus(distinct(600)))
    (fold,) = found.folds
    assert (len(fold.train), len(fold.dev)) == (540, 60)
    assert found.account == (
        "dev: 1 fold of the target's own 10.0 minutes, 60 utterances, which share no text with the rest; "
        "then all of it is trained on"
    )


def test_dev_has_thirty_utterances_but_never_more_than_a_third() -> None:
    assert [len(carve_folds(corpus(distinct(200), 2.0)).folds[0].dev)] == [30]
    assert [len(carve_folds(corpus(distinct(60), 12.0)).folds[0].dev)] == [20]


def test_up_to_three_minutes_have_three_folds_whose_devs_are_disjoint() -> None:
    for seconds, count in ((0.9, 3), (0.904, 3), (0.91, 1)):  # the second has 3 minutes without its last
        assert len(carve_folds(corpus(distinct(200), seconds)).folds) == count
    whole = set(range(200))
    folds = carve_folds(corpus(distinct(200), 0.9)).folds
    devs = [set(fold.dev.column("id")) for fold in folds]
    assert [len(dev) for dev in devs] == [30, 30, 30]
    assert len(set.union(*devs)) == 90
    for fold, dev in zip(folds, devs, strict=True):
        assert dev | set(fold.train.column("id")) == {f"u{i}" for i in whole}
        assert not dev & set(fold.train.column("id"))


words = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=50)
often = st.lists(st.integers(1, 200), min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(words, st.sampled_from([0.5, 20.0]))
def test_no_text_is_on_both_sides_where_there_are_enough(words: list[str], seconds: float) -> None:
    speech = corpus(words, seconds)
    try:
        found = carve_folds(speech)
    except ValueError as error:
        assert len(words) < 3
        assert "to carve folds" in str(error)  # noqa: PT017
        return
    for fold in found.folds:
        is_apart = set(fold.train.column("text")).isdisjoint(fold.dev.column("text"))
        assert is_apart or "by recording, for lack of texts" in found.account
    again = carve_folds(speech).folds
    assert [fold.dev.column("id") for fold in again] == [fold.dev.column("id") for fold in found.folds]


@settings(deadline=None, max_examples=150)
@given(
    often,
    often,
    st.sampled_from([0.2, 20.0]),
    st.sampled_from(["text", "speaker"]),
    st.sampled_from([None, 1, 4, 12]),
    st.booleans(),
    st.booleans(),
)
def test_every_side_has_every_language_and_dev_at_most_a_third(
    english: list[int],
    german: list[int],
    seconds: float,
    split_by: SplitBy,
    voices: int | None,
    is_classifier: bool,
    may_share_texts: bool,
) -> None:
    """However often words are said, by however many."""
    texts = [f"word {i}" for i, times in enumerate(english) for _ in range(times)]
    languages = ["en"] * len(texts)
    texts += [f"wort {i}" for i, times in enumerate(german) for _ in range(times)]
    languages += ["de"] * (len(texts) - len(languages))
    speakers = [f"s{i * i % voices}" for i in range(len(texts))] if voices else None
    speech = corpus(texts, seconds, speakers=speakers, split_by=split_by, languages=languages)
    settings = {"is_classifier": is_classifier, "may_share_texts": may_share_texts}
    spoken = Counter(languages)
    try:
        found = carve_folds(speech, **settings)
    except ValueError as error:
        assert "to carve folds" in str(error)  # noqa: PT017
        again = Counter(dict(zip(("en", "de"), map(repeats, (english, german)), strict=True)))
        assert min((again if is_classifier else spoken)[tag] for tag in spoken) < 3
        return
    for fold in found.folds:
        dev, train = (Counter(side.column("language")) for side in (fold.dev, fold.train))
        assert set(dev) == set(train) == set(spoken)
        assert all(dev[tag] <= max(1, spoken[tag] / 3) for tag in spoken)
        assert dev + train == spoken
        if is_classifier and fold.dev.split_by == "none":
            assert set(fold.dev.column("text")) <= set(fold.train.column("text"))
        if fold.dev.split_by == "speaker":
            assert set(fold.dev.column("speaker")).isdisjoint(fold.train.column("speaker"))
    assert len({id_ for fold in found.folds for id_ in fold.dev.column("id")}) == sum(
        len(fold.dev) for fold in found.folds
    )
    again = carve_folds(speech, **settings)
    assert again.account == found.account
    assert [one.dev.column("id") for one in again.folds] == [one.dev.column("id") for one in found.folds]


def repeats(often: list[int]) -> int:
    return sum(often) - len(often)


@pytest.mark.parametrize("words", [("stop", "hey"), ("hey", "stop")])
def test_a_word_that_is_most_of_the_speech_is_trained_on(words: tuple[str, str]) -> None:
    """By text one word would be all of dev, or ten utterances of it."""
    speech = corpus([words[0]] * 300 + [words[1]] * 10, 3.0)
    (fold,) = carve_folds(speech).folds
    assert (len(fold.train), len(fold.dev)) == (279, 31)
    assert fold.dev.split_by == "none"
    with_others = corpus(["stop"] * 300 + distinct(60), 3.0)
    (fold,) = carve_folds(with_others).folds
    assert len(fold.dev) == 36
    assert "stop" not in fold.dev.column("text")


def test_a_classifier_s_dev_is_of_words_that_are_trained_on() -> None:
    words = ["zero", "one", "two", "three"]
    for seconds, count in ((3.0, 3), (20.0, 1)):
        found = carve_folds(corpus(words * 10, seconds, split_by="text"), is_classifier=True)
        assert len(found.folds) == count
        for fold in found.folds:
            assert set(fold.dev.column("text")) <= set(fold.train.column("text")) == set(words)
        assert "by recording, since a classifier knows the texts of training alone" in found.account
    once = [*words * 3, "four", "five"]
    for fold in carve_folds(corpus(once), is_classifier=True).folds:
        assert {"four", "five"} <= set(fold.train.column("text")), "their only recordings"
    with pytest.raises(ValueError, match="2 utterances of training speech that say a text again, at least 3"):
        carve_folds(corpus([*distinct(40), "word 1", "word 2"]), is_classifier=True)


def test_a_classifier_s_speakers_are_held_out_if_others_say_their_words() -> None:
    speakers = [f"s{i % 12}" for i in range(240)]
    for count, split_by in ((7, "speaker"), (12, "none")):  # of twelve words, each speaker has one
        texts = [f"word {i % count}" for i in range(240)]
        speech = corpus(texts, 4.0, speakers=speakers, split_by="speaker")
        (fold,) = carve_folds(speech, is_classifier=True).folds
        assert fold.dev.split_by == split_by
    few = corpus(["go", "stop"] * 60, 4.0, speakers=["anna", "bert", "carl"] * 40, split_by="speaker")
    (fold,) = carve_folds(few, is_classifier=True).folds
    assert set(fold.dev.column("text")) == set(fold.train.column("text"))


def test_recordings_are_held_out_where_the_tests_may_have_the_target_s_texts() -> None:
    speech = corpus(["zero", "one", "two", "three"] * 10, 3.0)
    found = carve_folds(speech, may_share_texts=True)
    assert "by recording, since split_by=none lets tests have the target's texts" in found.account
    for fold in found.folds:
        assert set(fold.dev.column("text")) <= set(fold.train.column("text"))
    assert "which share no text with the rest" in carve_folds(speech).account


def test_texts_that_the_source_knows_are_trained_on() -> None:
    speech = corpus(distinct(200), 3.0, split_by="text")
    free = carve_folds(speech).folds[0].dev
    found = carve_folds(speech, fingerprint(free, ()))
    assert set(free.column("id")) <= set(found.folds[0].train.column("id"))
    assert len(found.folds[0].dev) == 30
    everything = carve_folds(speech, fingerprint(speech, ()))
    assert len(everything.folds[0].dev) == 30
    assert everything.folds[0].dev.split_by == "none"
    assert "by recording, for lack of other texts" in everything.account
    assert carve_folds(speech, Fingerprints()).account == carve_folds(speech).account


def test_a_speaker_of_two_languages_is_on_one_side() -> None:
    speakers = [f"s{i // 2 % 12}" for i in range(480)]
    languages = ["en", "de"] * 240
    speech = corpus(distinct(480), 4.0, speakers=speakers, split_by="speaker", languages=languages)
    (fold,) = carve_folds(speech).folds
    assert set(fold.train.column("speaker")).isdisjoint(fold.dev.column("speaker"))


def test_speakers_are_held_out_where_the_corpus_is_split_by_them_and_has_many() -> None:
    speakers = [f"s{i % 12}" for i in range(240)]
    for split_by, is_apart in (("speaker", True), ("none", False)):
        (fold,) = carve_folds(corpus(distinct(240), 4.0, speakers=speakers, split_by=split_by)).folds
        assert bool(set(fold.train.column("speaker")).isdisjoint(fold.dev.column("speaker"))) is is_apart
        assert len(fold.dev) >= 30


def test_every_language_is_in_dev() -> None:
    languages = ["en"] * 100 + ["ar"] * 100
    texts = [f"word {i}" for i in range(100)] + [f"كلمة {i}" for i in range(100)]
    (fold,) = carve_folds(corpus(texts, 3.0, languages=languages)).folds
    assert fold.dev.column("language").count("en") == fold.dev.column("language").count("ar") == 30


def test_one_word_said_often_is_held_out_by_recording() -> None:
    found = carve_folds(corpus(["go"] * 9))
    assert [len(fold.dev) for fold in found.folds] == [3, 3, 3]
    assert "by recording" in found.account
    with pytest.raises(ValueError, match="2 utterances of training speech, at least 3 of each language"):
        carve_folds(corpus(["go", "stop"]))
