from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechtl.corpus import COLUMNS, Corpus, Utterance, qualify
from speechtl.partition import by_text
from speechtl.text import Tokenizer

TAGS = ("nan-latn-TAILO", "EN", "nan", "no tag")


def make(count: int = 40, seconds: float = 3.0, speakers: int = 5, name: str = "toy") -> Corpus:
    words = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return Corpus.from_utterances(
        name,
        [
            Utterance(
                f"{name}-{i}", f"/a/{i}.wav", words[i % 9], "en", f"s{i % speakers}", "d", seconds, "train"
            )
            for i in range(count)
        ],
    )


def test_rows_come_back_as_they_were_given() -> None:
    utterances = [
        Utterance("b", "/x.mp3", "tsi̍t", "nan-Latn-tailo", None, None, 1.25, "dev"),
        Utterance("a", "/y.mp3", "one", "en", "s", "studio", 2.0, "train"),
    ]
    corpus = Corpus.from_utterances("two", utterances, split_by="text", left_out={"silent": 3})
    assert len(corpus) == 2
    assert list(corpus) == utterances
    assert corpus[1] == utterances[1]
    assert corpus.column("text") == ["tsi̍t", "one"]
    assert corpus.languages == ["en", "nan-Latn-tailo"]
    assert corpus.minutes == pytest.approx(3.25 / 60)
    assert dict(corpus.left_out) == {"silent": 3}


def test_all_faults_are_listed_in_one_error() -> None:
    rows = list(make(3))
    rows += [rows[0], replace(rows[1], id="blank", text=" \t"), replace(rows[1], id="short", duration=0.0)]
    rows += [replace(rows[2], id="dup"), replace(rows[2], id="dup")]
    with pytest.raises(ValueError, match="cannot be used") as caught:
        Corpus.from_utterances("toy", rows)
    message = str(caught.value)
    assert "more than once (2): toy-0, dup" in message
    assert "an empty text (1): blank" in message
    assert "not above 0 s (1): short" in message


def test_a_corpus_of_nothing_is_possible() -> None:
    corpus = Corpus.from_utterances("none", [])
    assert len(corpus) == 0
    assert list(corpus) == []
    assert corpus.minutes == 0


def test_filter_keeps_what_fits_and_names_what_there_is() -> None:
    corpus = make().split(by="speaker", shares={"train": 0.6, "test": 0.4})
    test = corpus.filter(split="test", language="en", predicate=lambda utterance: utterance.text == "one")
    assert set(test.column("split")) == {"test"}
    assert set(test.column("text")) == {"one"}
    with pytest.raises(ValueError, match=r"no split 'tset'; it has test, train"):
        corpus.filter(split="tset")
    with pytest.raises(ValueError, match=r"no language 'nan'; it has en"):
        corpus.filter(language="nan")


WRITTEN = st.text(
    st.sampled_from("aZ臺𪜶é\u0301\u030d\u0358ⁿ \"'`,;:/\\\t%{}\u200f\u3000\U0001f600"), max_size=12
)
SPOKEN = WRITTEN.filter(lambda text: text.strip() != "")


@st.composite
def corpora(draw: st.DrawFn, name: str = "toy", most: int = 25) -> Corpus:
    """Corpora with Han characters, combining marks, spaces and quotes wherever there is text."""
    ids = draw(st.lists(SPOKEN, max_size=most, unique=True))
    utterances = [
        Utterance(
            id=f"{name} {id_}",
            audio=f"/{draw(SPOKEN)}",
            text=draw(SPOKEN),
            language=draw(st.sampled_from(["nan-Hant", "nan-Latn-tailo", "fr", "x-none"])),
            speaker=draw(st.none() | WRITTEN),
            domain=draw(st.none() | WRITTEN),
            duration=draw(st.floats(1e-3, 1e5)),
            split=draw(st.sampled_from(["train", "dev", "test", "語 料"])),
        )
        for id_ in ids
    ]
    left_out = draw(st.dictionaries(SPOKEN, st.integers(1, 9), max_size=2))
    split_by = draw(st.sampled_from(["text", "speaker", "none"]))
    return Corpus.from_utterances(name, utterances, split_by=split_by, left_out=left_out)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corpora())
def test_any_text_comes_back_from_a_folder(tmp_path: Path, corpus: Corpus) -> None:
    corpus.save(tmp_path / '語料 "toy"')
    loaded = Corpus.load(tmp_path / '語料 "toy"')
    assert list(loaded) == list(corpus)
    assert [loaded[index] for index in range(len(loaded))] == list(corpus)
    assert (loaded.name, loaded.split_by, loaded.left_out) == (corpus.name, corpus.split_by, corpus.left_out)
    for column in COLUMNS:
        assert loaded.column(column) == [getattr(utterance, column) for utterance in corpus]


@settings(max_examples=40, deadline=None)
@given(corpora("甲"), corpora("乙"))
def test_joining_keeps_every_row_and_tells_speakers_apart(left: Corpus, right: Corpus) -> None:
    both = Corpus.concatenate([left, right])
    nobody = [replace(one, speaker=None) for one in (*left, *right)]
    assert [replace(one, speaker=None) for one in both] == nobody
    expected = [qualify(corpus.name, one.speaker) for corpus in (left, right) for one in corpus]
    assert both.column("speaker") == expected
    assert both.split_by == (left.split_by if left.split_by == right.split_by else "none")


@settings(max_examples=40, deadline=None)
@given(corpora(), st.data())
def test_parts_hold_whole_rows_of_the_corpus(corpus: Corpus, data: st.DataObject) -> None:
    rows = list(corpus)
    indices = data.draw(st.lists(st.integers(0, max(0, len(rows) - 1)), max_size=len(rows), unique=True))
    part = corpus.select(indices if rows else [])
    assert list(part) == [rows[index] for index in indices if rows]
    assert list(part.select(range(len(part))[::-1])) == list(part)[::-1]
    for split in corpus.splits:
        assert list(corpus.filter(split=split)) == [row for row in rows if row.split == split]
    if rows:
        share = data.draw(st.floats(0.01, 0.99))
        drawn = corpus.subset(corpus.minutes * share, seed=data.draw(st.integers(0, 3)))
        assert [row for row in rows if row in set(drawn)] == list(drawn)
        assert drawn.minutes >= corpus.minutes * share - 1e-6


@settings(max_examples=40, deadline=None)
@given(corpora().filter(lambda corpus: "x-none" not in corpus.languages))
def test_splitting_anew_changes_nothing_but_the_split(corpus: Corpus) -> None:
    for by in ("text", "none"):
        divided = corpus.split(by=by)
        assert [replace(row, split="") for row in divided] == [replace(row, split="") for row in corpus]
        assert set(divided.splits) <= {"train", "dev", "test"}
        assert list(divided.split(by=by)) == list(divided)


def test_language_tags_are_brought_into_their_canonical_case() -> None:
    rows = [replace(row, language=tag) for row, tag in zip(make(4), TAGS, strict=True)]
    corpus = Corpus.from_utterances("toy", rows)
    assert corpus.column("language") == ["nan-Latn-tailo", "en", "nan", "no tag"]
    assert [row.id for row in corpus] == [row.id for row in rows]
    tokenizer = Tokenizer.fit(["khì"], "nan-Latn-tailo")
    assert corpus[0].language == tokenizer.language
    assert Corpus.concatenate([corpus.select([0])]).languages == [tokenizer.language]


@settings(max_examples=20, deadline=None)
@given(
    seconds=st.lists(st.floats(0.1, 20), min_size=5, max_size=60),
    shares=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    seed=st.integers(0, 5),
)
def test_fewer_minutes_lie_inside_more(seconds: list[float], shares: tuple[float, float], seed: int) -> None:
    rows = [Utterance(f"u{i}", "/a", "one", "en", None, None, s, "train") for i, s in enumerate(seconds)]
    corpus = Corpus.from_utterances("toy", rows)
    small, large = (corpus.subset(corpus.minutes * share * 0.999, seed) for share in sorted(shares))
    assert set(small.column("id")) <= set(large.column("id"))
    assert small.minutes >= corpus.minutes * min(shares) * 0.999 - 1e-6
    assert small.minutes - max(small.column("duration")) / 60 < corpus.minutes * min(shares)


def test_subset_follows_the_seed_and_not_the_order_of_the_rows() -> None:
    rows = list(make(100))
    forward, backward = (Corpus.from_utterances("toy", order) for order in (rows, rows[::-1]))
    assert set(forward.subset(1, 3).column("id")) == set(backward.subset(1, 3).column("id"))
    assert set(forward.subset(1, 3).column("id")) != set(forward.subset(1, 4).column("id"))
    assert forward.subset(5, 0).minutes == pytest.approx(5)


def test_more_minutes_than_there_are_is_an_error_that_says_how_many() -> None:
    with pytest.raises(ValueError, match=r"10 minutes asked for, but there are 2\.00"):
        make().subset(10, seed=0)
    with pytest.raises(ValueError, match="more than 0"):
        make().subset(0, seed=0)


def test_first_per_language_takes_as_many_of_each() -> None:
    rows = [replace(u, language=tag, id=f"{tag}{u.id}") for tag in ("en", "ar") for u in make(20)]
    chosen = Corpus.from_utterances("toy", rows).first_per_language(7)
    assert sorted(chosen.column("language")) == ["ar"] * 7 + ["en"] * 7
    assert len(Corpus.from_utterances("toy", rows).first_per_language(100)) == 40


def test_split_by_text_keeps_every_spelling_and_alternative_together() -> None:
    groups = [
        ["khì", "Khi\u0300", "khí/khì"],
        ["tshit-lāu", "tshit lāu", "TSHIT-LĀU"],
        ["jîn/lîn", "lîn", "gîn/jîn"],
    ]
    rows = [
        Utterance(f"{g}-{i}", "/a", text, "nan-Latn-tailo", None, None, 1.0, "train")
        for g, group in enumerate(groups)
        for i, text in enumerate(group)
    ]
    corpus = Corpus.from_utterances("toy", rows).split(by="text")
    assert corpus.split_by == "text"
    splits = defaultdict(set)
    for utterance in corpus:
        splits[utterance.id[0]].add(utterance.split)
    assert all(len(found) == 1 for found in splits.values())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=60))
def test_split_by_text_is_disjoint_and_new_entries_move_no_others(texts: list[str]) -> None:
    shares = {"train": 0.5, "test": 0.5}
    before = by_text(["en"] * len(texts), texts, shares)
    after = by_text(["en"] * (len(texts) + 1), [*texts, "zzz"], shares)
    assert after[:-1] == before
    assert len(set(zip(texts, before, strict=True))) == len(set(texts))


def test_split_shares_are_met_in_the_long_run() -> None:
    texts = [f"word {number}" for number in range(4000)]
    splits = by_text(["en"] * 4000, texts, {"train": 0.8, "dev": 0.08, "test": 0.12})
    for name, share in {"train": 0.8, "dev": 0.08, "test": 0.12}.items():
        assert splits.count(name) / 4000 == pytest.approx(share, abs=0.02)


def test_split_by_speaker_gives_each_speaker_one_split_and_each_split_a_speaker() -> None:
    corpus = make(60, speakers=6).split(by="speaker", shares={"train": 4 / 6, "dev": 1 / 6, "test": 1 / 6})
    speakers = defaultdict(set)
    for utterance in corpus:
        speakers[utterance.split].add(utterance.speaker)
    assert {name: len(found) for name, found in speakers.items()} == {"train": 4, "dev": 1, "test": 1}
    assert len(set.union(*speakers.values())) == 6
    three = make(60, speakers=3).split(by="speaker")
    assert three.splits == ["dev", "test", "train"]


def test_split_by_speaker_needs_known_speakers_and_enough_of_them() -> None:
    unknown = Corpus.from_utterances("toy", [replace(u, speaker=None) for u in make(3)])
    with pytest.raises(ValueError, match="3 of 3 utterances have no speaker"):
        unknown.split(by="speaker")
    with pytest.raises(ValueError, match="2 speakers are too few for 3 splits"):
        make(speakers=2).split(by="speaker")
    with pytest.raises(ValueError, match="add up to 1"):
        make().split(by="text", shares={"train": 0.5, "test": 0.4})


def test_concatenate_adds_up_and_tells_speakers_of_different_corpora_apart() -> None:
    left = replace(make(10, name="left"), left_out={"silent": 2, "absent": 1})
    right = replace(make(10, name="right"), left_out={"silent": 1})
    both = Corpus.concatenate([left, right])
    assert len(both) == 20
    assert both.name == "left+right"
    assert dict(both.left_out) == {"silent": 3, "absent": 1}
    assert both.summary()[0].speakers == 10
    again = Corpus.concatenate([both, make(10, name="third")])
    assert {"left/s0", "right/s0", "third/s0"} <= set(again.column("speaker"))
    same = Corpus.concatenate([left.select(range(5)), left.select(range(5, 10))])
    assert list(same) == list(left)
    for needs_text in (True, False):
        with pytest.raises(
            ValueError, match=r"corpora left cannot be joined: ids that occur more than once.*holds them all"
        ):
            Corpus.concatenate([left, left], needs_text=needs_text)


def test_summary_counts_each_split_and_says_when_speakers_are_unknown() -> None:
    rows = [
        Utterance("1", "/a", "one", "en", "x", None, 30.0, "train"),
        Utterance("2", "/a", "ONE", "en", "y", None, 30.0, "train"),
        Utterance("3", "/a", "no", "en", None, None, 60.0, "test"),
    ]
    train, test = Corpus.from_utterances("toy", rows).summary()
    assert (train.split, train.utterances, train.minutes, train.speakers) == ("train", 2, 1.0, 2)
    assert (test.split, test.speakers, test.unknown_speakers) == ("test", None, 1)
    assert test.units == 2
