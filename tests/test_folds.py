"""Development speech carved out of the target's own minutes."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.corpus import Corpus, SplitBy, Utterance
from speechtl.folds import carve_folds


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


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=50), st.sampled_from([0.5, 20.0]))
def test_no_text_is_on_both_sides_where_there_are_enough(words: list[str], seconds: float) -> None:
    speech = corpus(words, seconds)
    try:
        folds = carve_folds(speech).folds
    except ValueError as error:
        assert len(words) < 3
        assert "to carve folds" in str(error)  # noqa: PT017
        return
    for fold in folds:
        assert len(fold.train)
        assert len(fold.dev)
        if len(set(words)) >= max(2, len(folds)):
            assert not set(fold.train.column("text")) & set(fold.dev.column("text"))
    again = carve_folds(speech).folds
    assert [fold.dev.column("id") for fold in again] == [fold.dev.column("id") for fold in folds]


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
