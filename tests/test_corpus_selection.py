"""Which utterances of a corpus are meant: by speaker, text and id, and so many by draw."""

from itertools import pairwise

import pytest

from speechtl.corpus import Corpus, Utterance
from speechtl.corpus_selection import draw, selected

WORDS = ("one", "two", "three", "four")


def spoken(speakers: tuple[str | None, ...] = ("a", "b"), rounds: int = 3) -> Corpus:
    rows = [
        Utterance(f"toy/{w}/{s}_NO_0{r}", f"/{w}{s}{r}.wav", w, "en", s, None, 1.0, "train")
        for w in WORDS
        for s in speakers
        for r in range(1, rounds + 1)
    ]
    return Corpus.from_utterances("toy", rows, split_by="speaker")


def test_all_that_is_asked_for_must_hold_at_once() -> None:
    found = selected(spoken(), speakers=["a"], texts=["TWO", "four"], ids=["*_NO_0[12]"])
    assert found.column("id") == [f"toy/{w}/a_NO_0{r}" for w in ("two", "four") for r in (1, 2)]
    assert found.split_by == "speaker"


def test_nothing_asked_for_is_everything() -> None:
    assert selected(spoken()).column("id") == spoken().column("id")


def test_texts_are_found_however_they_are_spelled() -> None:
    rows = [
        Utterance("u1", "/1.wav", "tsi̍t-ê/tsi̍t--ê", "nan-Latn-tailo", None, None, 1.0, "train"),
        Utterance("u2", "/2.wav", "nn̄g", "nan-Latn-tailo", None, None, 1.0, "train"),
    ]
    found = selected(Corpus.from_utterances("toy", rows), texts=["tsit8 e5"])
    assert found.column("id") == ["u1"]


def test_all_that_the_corpus_lacks_is_told_at_once_with_what_it_has() -> None:
    with pytest.raises(ValueError, match="corpus toy has no speaker c, d") as told:
        selected(spoken(), speakers=["d", "a", "c"], texts=["five", "one"], ids=["*_NO_09"])
    message = str(told.value)
    assert "no speaker c, d (it has a, b)" in message
    assert "no text five (it has four, one, three, two)" in message
    assert "no id *_NO_09 (it has toy/one/a_NO_01" in message


def test_what_never_comes_together_is_refused() -> None:
    both = Corpus.concatenate([spoken(("a",), rounds=1), _other("b")])
    with pytest.raises(ValueError, match=r"no utterance that is all of these at once: speakers .*texts one"):
        selected(both, speakers=[next(s for s in both.column("speaker") if s.endswith("b"))], texts=["one"])


def _other(speaker: str) -> Corpus:
    row = Utterance("other/1", "/x.wav", "five", "en", speaker, None, 1.0, "train")
    return Corpus.from_utterances("other", [row])


def test_unknown_speakers_cannot_be_chosen_by() -> None:
    with pytest.raises(ValueError, match="no known speakers; choose by texts or ids"):
        selected(spoken((None,)), speakers=["a"])


@pytest.mark.parametrize("seed", range(5))
def test_draws_lie_inside_each_other_and_are_the_same_for_a_seed(seed: int) -> None:
    corpus = spoken(("a",), rounds=3)
    drawn = [draw(corpus, count, seed).column("id") for count in (1, 2, 4, 7, 12)]
    for few, more in pairwise(drawn):
        assert set(few) < set(more)
    assert draw(corpus, 4, seed).column("id") == drawn[2]
    assert drawn[-1] == corpus.column("id")


@pytest.mark.parametrize("seed", range(5))
def test_no_text_comes_again_before_every_text_has_come(seed: int) -> None:
    corpus = spoken(("a",), rounds=3)
    assert sorted(draw(corpus, 4, seed).column("text")) == sorted(WORDS)
    texts = draw(corpus, 10, seed).column("text")
    assert {texts.count(word) for word in WORDS} == {2, 3}


def test_other_seeds_draw_others() -> None:
    corpus = spoken(("a", "b"), rounds=3)
    assert len({tuple(draw(corpus, 3, seed).column("id")) for seed in range(8)}) > 3


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="5 utterances asked for, but there are 4; ask for fewer"):
        draw(spoken(("a",), rounds=1), 5, 0)
    with pytest.raises(ValueError, match="2 utterances asked for, but there is 1; ask for fewer"):
        draw(_other("b"), 2, 0)


def test_domains_are_chosen_and_what_is_lacking_is_told() -> None:
    rows = [
        Utterance(f"u{i}", f"/{i}.wav", "one", "en", "s", domain, 1.0, "train")
        for i, domain in enumerate(["greek", None, "german", "greek"])
    ]
    corpus = Corpus.from_utterances("toy", rows)
    assert selected(corpus, domains=["greek"]).column("id") == ["u0", "u3"]
    assert len(selected(corpus, domains=["greek", "german"], ids=["u[23]"])) == 2
    with pytest.raises(ValueError, match=r"corpus toy has no domain french \(it has german, greek\)"):
        selected(corpus, domains=["french", "greek"])
    with pytest.raises(ValueError, match="no known domains; choose by texts or ids"):
        selected(spoken(), domains=["greek"])
    with pytest.raises(ValueError, match=r"all of these at once: domains german; ids u0"):
        selected(corpus, domains=["german"], ids=["u0"])
