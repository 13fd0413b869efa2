import json
from dataclasses import replace

import pytest

from speechtl.corpus import Corpus, SplitBy, Utterance
from speechtl.leakage import Fingerprints, check, fingerprint


def make(*texts: str, first: int = 0, speaker: str | None = "s", split_by: SplitBy = "none") -> Corpus:
    rows = [
        Utterance(f"u{first + i}", "/a", text, "nan-Latn-tailo", speaker, None, 1.0, "train")
        for i, text in enumerate(texts)
    ]
    return Corpus.from_utterances("toy", rows, split_by=split_by)


def digests(corpus: Corpus) -> list[str]:
    return [f"sound of {id_}" for id_ in corpus.column("id")]


def trained_on(corpus: Corpus) -> Fingerprints:
    return fingerprint(corpus, digests(corpus))


def test_disjoint_corpora_share_nothing() -> None:
    train, test = make("khì", "lâi"), make("tsia̍h", first=9, speaker="t", split_by="text")
    shared = check(trained_on(train), test, digests(test), "test")
    assert (shared.texts, shared.speakers) == (0, 0)


@pytest.mark.parametrize("split_by", ["text", "speaker", "none"])
def test_identical_audio_is_refused_always_and_named(split_by: SplitBy) -> None:
    train = make("khì")
    test = make("lâi", first=9, speaker=None, split_by=split_by)
    with pytest.raises(ValueError, match=r"mytest holds .*\n.*identical audio in 1 utterance: u9"):
        check(trained_on(train), test, digests(train), "mytest")


@pytest.mark.parametrize("written", ["khì", "Khi\u0300", "KHÌ", "khí/khì"])
def test_a_text_in_any_spelling_is_refused_where_the_test_is_split_by_text(written: str) -> None:
    train = make("khì", "tsáu/tsió")
    test = make(written, "lâi", first=9, speaker="t", split_by="text")
    with pytest.raises(ValueError, match=r"texts that were trained on in 1 utterance: u9"):
        check(trained_on(train), test, digests(test), "test")
    allowed = check(trained_on(train), replace(test, split_by="speaker"), digests(test), "test")
    assert (allowed.texts, allowed.speakers) == (1, 0)


def test_the_same_text_of_another_language_is_another_text() -> None:
    train = Corpus.from_utterances("toy", [replace(make("ma")[0], language="en")])
    test = make("ma", first=9, speaker=None, split_by="text")
    assert check(trained_on(train), test, digests(test), "test").texts == 0


@pytest.mark.parametrize(
    ("trained", "tested"), [("en", "en-GB"), ("en-x-own", "en"), ("zh-Hant", "cmn-Hant-TW")]
)
def test_other_names_of_one_orthography_hide_no_text(trained: str, tested: str) -> None:
    train = Corpus.from_utterances("toy", [replace(make("大 ma")[0], language=trained)])
    row = replace(make("大 ma", first=9, speaker=None)[0], language=tested)
    test = Corpus.from_utterances("toy", [row], split_by="text")
    with pytest.raises(ValueError, match="texts that were trained on in 1 utterance: u9"):
        check(trained_on(train), test, digests(test), "test")


def test_a_speaker_is_refused_where_the_test_is_split_by_speaker() -> None:
    train, test = make("khì"), make("lâi", "tsáu", first=9, split_by="speaker")
    with pytest.raises(ValueError, match=r"speakers who were trained on in 2 utterances: s;"):
        check(trained_on(train), test, digests(test), "test")
    assert check(trained_on(train), replace(test, split_by="text"), digests(test), "test").speakers == 2


def test_an_unknown_speaker_and_a_namesake_of_another_corpus_match_nobody() -> None:
    unknown = make("khì", speaker=None)
    test = make("lâi", first=9, speaker=None, split_by="speaker")
    assert check(trained_on(unknown), test, digests(test), "test").speakers == 0
    namesake = replace(make("lâi", first=9, split_by="speaker"), name="other")
    assert check(trained_on(make("khì")), namesake, digests(namesake), "test").speakers == 0


def test_joining_corpora_hides_no_speaker() -> None:
    train, other = make("khì"), replace(make("lâi", first=5), name="other")
    test = make("tsáu", first=9, split_by="speaker")
    joined = Corpus.concatenate([train, other])
    with pytest.raises(ValueError, match="speakers who were trained on"):
        check(trained_on(joined), test, digests(test), "test")


def test_all_that_is_refused_stands_in_one_message() -> None:
    train = make(*[f"ka{tone}" for tone in range(1, 9)] * 4)
    with pytest.raises(ValueError, match="identical audio in 32 utterances") as caught:
        check(trained_on(train), replace(train, split_by="text"), digests(train), "test")
    assert "texts that were trained on in 32" in str(caught.value)
    assert "and 12 more" in str(caught.value)


def test_fingerprints_survive_json_and_add_up() -> None:
    one, two = trained_on(make("khì")), trained_on(make("lâi", first=9, speaker="t"))
    both = Fingerprints.union([one, two])
    assert both.audio == one.audio | two.audio
    assert len(both.speakers) == 2
    assert Fingerprints.from_dict(json.loads(json.dumps(both.to_dict()))) == both
    assert "khì" not in json.dumps(both.to_dict(), ensure_ascii=False)
    with pytest.raises(ValueError, match="fingerprints need lists"):
        Fingerprints.from_dict({"audio": []})
