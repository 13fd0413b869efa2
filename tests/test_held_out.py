"""Dev and tests that a recipe does not name: the corpus's own splits, or carved out of it without leaks."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.corpus import Corpus, SplitBy, Utterance
from speechtl.corpus_spec import CorpusSpec
from speechtl.held_out import parts
from speechtl.named_corpora import data_folder
from speechtl.partition import by_fewest_spoken, by_text_filled

SHARES = {"train": 0.8, "dev": 0.08, "test": 0.12}
texts = st.lists(st.sampled_from([f"{a} {b}" for a in "abcdefg" for b in "klmno"]), min_size=3, max_size=60)


def saved(
    name: str,
    splits: list[str],
    speakers: list[str | None] | None = None,
    split_by: SplitBy = "none",
    same: int = 1,
) -> CorpusSpec:
    """A prepared corpus of a second for each split given; `same` rows in a row have one text."""
    rows = [
        Utterance(
            f"u{i}",
            f"/{i}.wav",
            f"word {i // same}",
            "en",
            speakers[i] if speakers else None,
            None,
            6.0,
            split,
        )
        for i, split in enumerate(splits)
    ]
    Corpus.from_utterances(name, rows, split_by=split_by).save(data_folder() / name)
    return CorpusSpec(name)


@pytest.fixture(autouse=True)
def _places(own_folders: Path) -> None:
    """Corpora of the test's own."""


@settings(deadline=None, max_examples=50)
@given(texts)
def test_few_texts_still_fill_every_split_and_share_none(words: list[str]) -> None:
    distinct = set(words)
    if len(distinct) < 3:
        with pytest.raises(ValueError, match=f"it has {len(distinct)} different text"):
            by_text_filled(["en"] * len(words), words, SHARES)
        return
    assigned = by_text_filled(["en"] * len(words), words, SHARES)
    assert set(assigned) == set(SHARES)
    sides = {name: {w for w, split in zip(words, assigned, strict=True) if split == name} for name in SHARES}
    assert sum(len(side) for side in sides.values()) == len(distinct), "a text lies in one split"
    again = by_text_filled(["en"] * len(words), words[::-1], SHARES)
    assert again[::-1] == assigned, "the order of the rows does not matter"


def test_many_texts_are_split_as_everywhere() -> None:
    from speechtl.partition import by_text

    words = [f"word {i}" for i in range(300)]
    assert by_text_filled(["en"] * 300, words, SHARES) == by_text(["en"] * 300, words, SHARES)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=3, max_size=80))
def test_speakers_are_in_one_split_each_and_the_most_spoken_trains(speakers: list[str]) -> None:
    counts = {speaker: speakers.count(speaker) for speaker in speakers}
    if len(counts) < 3:
        with pytest.raises(ValueError, match="too few for 3 splits"):
            by_fewest_spoken(speakers, SHARES)
        return
    assigned = by_fewest_spoken(speakers, SHARES)
    assert set(assigned) == set(SHARES)
    split_of = dict(zip(speakers, assigned, strict=True))
    assert [split_of[speaker] for speaker in speakers] == assigned
    held = [counts[speaker] for speaker, split in split_of.items() if split != "train"]
    assert max(held) <= min(n for speaker, n in counts.items() if split_of[speaker] == "train")


def test_the_corpus_s_own_splits_come_first() -> None:
    spec = saved("own", ["train"] * 6 + ["dev"] * 3 + ["test"] * 2)
    found = parts(spec, ("dev", "test"), 0)
    assert [len(found.train), len(found.held_out["dev"]), len(found.held_out["test"])] == [6, 3, 2]
    assert found.account == (
        "own: dev and test: its own splits. train: 6 utterances, 36 seconds; "
        "dev: 3 utterances, 18 seconds; test: 2 utterances, 12 seconds"
    )
    assert len(parts(spec, (), 0).train) == 11


def test_what_is_lacking_is_carved_out_of_the_training_speech_alone() -> None:
    spec = saved("half", ["train"] * 40 + ["test"] * 10)
    found = parts(spec, ("dev", "test"), 0)
    assert len(found.held_out["test"]) == 10
    assert len(found.train) + len(found.held_out["dev"]) == 40
    assert found.held_out["dev"].split_by == "text"
    assert "test: its own split; dev: carved out of 40 utterances by text" in found.account


def test_a_corpus_without_splits_is_carved_by_text_and_repetitions_stay_together() -> None:
    found = parts(saved("plain", ["train"] * 60, same=3), ("dev", "test"), 0)
    sides = {"train": found.train, **found.held_out}
    words = {name: set(corpus.column("text")) for name, corpus in sides.items()}
    assert sum(map(len, words.values())) == 20
    assert all(len(corpus) >= 3 for corpus in sides.values())


def test_three_known_speakers_are_kept_apart() -> None:
    voices: list[str | None] = ["anna"] * 30 + ["bert"] * 5 + ["carl"] * 5
    found = parts(saved("voices", ["train"] * 40, voices), ("dev", "test"), 0)
    sides = {"train": found.train, **found.held_out}
    speakers = {name: set(corpus.column("speaker")) for name, corpus in sides.items()}
    assert speakers["train"] == {"anna"}
    assert speakers["dev"] | speakers["test"] == {"bert", "carl"}
    assert {corpus.split_by for corpus in sides.values()} == {"speaker"}
    voices[7] = None
    unknown = parts(saved("unknown", ["train"] * 40, voices), ("dev",), 0)
    assert unknown.held_out["dev"].split_by == "text", "who does not say who speaks may be anyone"
    by_text = parts(saved("texts", ["train"] * 40, ["a", "b", "c", "d"] * 10, "text"), ("dev",), 0)
    assert by_text.held_out["dev"].split_by == "text", "its own splits share no text, and so it stays"


def test_held_out_speech_is_the_same_for_every_seed_and_amount() -> None:
    spec = saved("seeds", ["train"] * 100)
    first = parts(spec, ("dev", "test"), 0)
    small = parts(CorpusSpec("seeds", minutes=1), ("dev", "test"), 1)
    for name in ("dev", "test"):
        assert small.held_out[name].column("id") == first.held_out[name].column("id")
    assert set(small.train.column("id")) < set(first.train.column("id"))
    assert small.train.minutes == pytest.approx(1.0)


def test_too_little_is_refused_with_what_was_held_out() -> None:
    spec = CorpusSpec(saved("little", ["train"] * 20).corpus, minutes=1.9)
    with pytest.raises(ValueError, match=r"1\.9 minutes asked for.*\nlittle: dev and test: carved out of 20"):
        parts(spec, ("dev", "test"), 0)
    with pytest.raises(
        ValueError, match="corpus one: dev and test cannot be carved out of it: it has 1 diff"
    ):
        parts(saved("one", ["train"] * 5, same=5), ("dev", "test"), 0)


def test_texts_that_the_source_knows_are_trained_on() -> None:
    from speechtl.leakage import Fingerprints, fingerprint, trained_texts

    spec = saved("shared", ["train"] * 40)
    free = parts(spec, ("dev", "test"), 0).held_out["test"]
    known = fingerprint(free, ())
    found = parts(spec, ("dev", "test"), 0, known)
    assert set(free.column("id")) <= set(found.train.column("id"))
    assert all(len(corpus) and not trained_texts(known, corpus) for corpus in found.held_out.values())
    everything = fingerprint(spec.open(), ())
    recordings = parts(spec, ("dev", "test"), 0, everything)
    assert recordings.held_out["test"].split_by == "none"
    assert "by recording, since the source knows all their texts" in recordings.account
    assert [len(corpus) > 0 for corpus in recordings.held_out.values()] == [True, True]
    assert parts(spec, ("test",), 0, Fingerprints()).held_out["test"].split_by == "text"


def test_a_split_to_train_on_must_be_there() -> None:
    with pytest.raises(ValueError, match="has the splits dev, test and none to train on"):
        parts(saved("tests", ["dev"] * 5 + ["test"] * 5), ("dev", "test"), 0)
    assert len(parts(saved("other", ["other"] * 30 + ["test"] * 5), ("test",), 0).train) == 30
    alone = parts(saved("alone", ["test"] * 30), ("dev", "test"), 0)
    assert len(alone.train) + len(alone.held_out["dev"]) + len(alone.held_out["test"]) == 30
    chosen = CorpusSpec(saved("chosen", ["clean"] * 30 + ["noisy"] * 30).corpus, split="clean")
    assert len(parts(chosen, ("dev",), 0).train) < 30


@pytest.mark.parametrize("wanted", [("dev", "test"), ("test",)])
def test_a_classifier_s_dev_and_test_have_texts_that_are_trained_on(wanted: tuple[str, ...]) -> None:
    spec = saved("classes", ["train"] * 40, same=10)
    found = parts(spec, wanted, 0, is_classifier=True)
    for corpus in found.held_out.values():
        assert len(corpus)
        assert set(corpus.column("text")) <= set(found.train.column("text"))
        assert corpus.split_by == "none"
    assert len(found.train) + sum(map(len, found.held_out.values())) == 40
    assert "by recording, since a classifier knows the texts of training alone" in found.account
    small = parts(CorpusSpec("classes", minutes=2), wanted, 1, is_classifier=True)
    assert [one.column("id") for one in small.held_out.values()] == [
        one.column("id") for one in found.held_out.values()
    ]
    assert "by text" in parts(spec, wanted, 0).account


def test_a_text_with_one_recording_is_not_held_out_from_a_classifier() -> None:
    found = parts(saved("pairs", ["train"] * 21, same=2), ("dev", "test"), 0, is_classifier=True)
    assert set(found.train.column("text")) == {f"word {i}" for i in range(11)}
    with pytest.raises(ValueError, match="0 of its 40 utterances say a text again, but 3 are needed"):
        parts(saved("singles", ["train"] * 40), ("dev", "test"), 0, is_classifier=True)


def test_a_classifier_s_speakers_are_kept_apart_if_they_say_the_same() -> None:
    """Of three speakers, two are held out."""
    for name, same, split_by in (("alike", 40, "speaker"), ("unlike", 5, "none")):
        voices: list[str | None] = [f"s{i // 5 % 3}" for i in range(30)]
        found = parts(saved(name, ["train"] * 30, voices, same=same), ("dev", "test"), 0, is_classifier=True)
        assert {corpus.split_by for corpus in found.held_out.values()} == {split_by}
        for corpus in found.held_out.values():
            assert set(corpus.column("text")) <= set(found.train.column("text"))
    free = parts(replace(CorpusSpec("alike"), split_by="none"), ("dev", "test"), 0, is_classifier=True)
    assert {corpus.split_by for corpus in free.held_out.values()} == {"none"}
    assert "by recording, since a classifier knows the texts of training alone" in free.account


def of_two_languages(
    english: int, german: int, speakers: dict[str, int] | None = None, seed: int = 0
) -> CorpusSpec:
    """A prepared corpus of two languages, with so many utterances and speakers of each."""
    rows = []
    for tag, count in (("en", english), ("de", german)):
        for number in range(count):
            who = f"{tag}{number % speakers[tag]}" if speakers else None
            text = f"{tag} word {seed} {number}"
            id_ = f"{tag}{seed}-{number}"
            rows.append(Utterance(id_, f"/{id_}.wav", text, tag, who, None, 3.0, "train"))
    Corpus.from_utterances("two", rows).save(data_folder() / "two")
    return CorpusSpec("two")


@pytest.mark.parametrize(
    ("speakers", "manner"),
    [
        (None, "text"),
        ({"en": 8, "de": 4}, "speaker"),
        ({"en": 8, "de": 2}, "text"),  # two Germans are too few for three sides
    ],
)
def test_every_side_has_every_language(speakers: dict[str, int] | None, manner: str) -> None:
    for seed in range(6):
        found = parts(of_two_languages(240, 20, speakers, seed), ("dev", "test"), 0)
        for side in (found.train, *found.held_out.values()):
            assert set(side.languages) == {"en", "de"}
            assert side.split_by == manner
        german = {name: side.filter(language="de") for name, side in found.held_out.items()}
        assert all(len(side) <= 10 for side in german.values())
        voices = [set(side.column("speaker")) for side in (found.train, *found.held_out.values())]
        if manner == "speaker":
            assert sum(map(len, voices)) == len(set.union(*voices))


def test_a_language_that_is_too_small_to_be_carved_is_named() -> None:
    with pytest.raises(ValueError, match="in de it has 2 different texts but 3 splits need one each"):
        parts(of_two_languages(60, 2), ("dev", "test"), 0)


@pytest.mark.parametrize("field", ["minutes", "utterances"])
def test_little_speech_that_is_drawn_has_every_language_and_less_lies_inside_more(field: str) -> None:
    spec = of_two_languages(300, 20)
    amounts = (0.1, 0.5, 2.0) if field == "minutes" else (2, 10, 40)
    for seed in range(10):
        drawn = [replace(spec, **{field: amount}).open(seed) for amount in amounts]
        assert all(set(one.languages) == {"en", "de"} for one in drawn)
        ids = [set(one.column("id")) for one in drawn]
        assert ids[0] < ids[1] < ids[2]


def test_recordings_are_held_out_where_tests_may_share_all() -> None:
    voices: list[str | None] = ["anna"] * 20 + ["bert"] * 20 + ["carl"] * 20
    spec = saved("digits", ["train"] * 60, voices, same=20)
    free = parts(replace(spec, split_by="none"), ("dev", "test"), 0)
    assert "by recording, since split_by=none" in free.account
    for side in free.held_out.values():
        assert set(side.column("text")) <= set(free.train.column("text"))
        assert set(side.column("speaker")) <= set(free.train.column("speaker"))
    by_text = parts(replace(spec, split_by="text"), ("dev", "test"), 0)
    assert "dev has 1 text and test has 1 text, whose error says little" in by_text.account
    assert "--target.split-by none holds out recordings" in by_text.account
    many = parts(saved("many", ["train"] * 60), ("dev", "test"), 0)
    assert "says little" not in many.account


def test_splits_with_names_of_held_out_speech_are_not_trained_on() -> None:
    rows = [
        Utterance(f"{split}{place}", f"/{split}{place}", f"t{place}", "en", None, None, 1.0, split)
        for split in ("train_clean_100", "dev_clean", "test-clean")
        for place in range(20)
    ]
    Corpus.from_utterances("libri", rows).save(data_folder() / "libri")
    with pytest.raises(
        ValueError, match=r"none is called train, and dev_clean, test-clean would be trained on"
    ):
        parts(CorpusSpec("libri"), ("dev", "test"), 0)
    named = parts(CorpusSpec("libri", split="train_clean_100"), (), 0)
    assert set(named.train.splits) == {"train_clean_100"}
    free = [
        replace(row, split=row.split.replace("test-clean", "validated"))
        for row in rows
        if "dev" not in row.split
    ]
    Corpus.from_utterances("free", free).save(data_folder() / "free")
    assert len(parts(CorpusSpec("free"), ("dev", "test"), 0).train) > 20, (
        "names of nothing held out are pooled"
    )
