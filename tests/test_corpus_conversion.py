import logging

import pytest

from speechtl.corpus import Corpus, Utterance
from speechtl.corpus_conversion import in_orthography

TAILO, POJ = "nan-Latn-tailo", "nan-Latn-pehoeji"


def make(*texts: tuple[str, str]) -> Corpus:
    rows = [
        Utterance(f"u{i}", f"/{i}.wav", text, language, "s", None, 1.0, "train")
        for i, (language, text) in enumerate(texts)
    ]
    return Corpus.from_utterances("toy", rows, split_by="text")


def test_a_corpus_in_the_other_romanisation_is_converted_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    corpus = make((POJ, "chúi/tsúi"), ("en", "water"), (POJ, "Khòaⁿ--lâi"))
    with caplog.at_level(logging.INFO):
        found = in_orthography(corpus, TAILO)
    assert found.column("text") == ["tsuí", "khuànn --lâi"]
    assert found.column("id") == ["u0", "u2"]
    assert found.languages == [TAILO]
    assert found.split_by == "text"
    assert "toy: its texts are converted from nan-Latn-pehoeji to nan-Latn-tailo" in caplog.text


def test_texts_that_are_in_the_orthography_are_taken_as_they_are() -> None:
    corpus = make((POJ, "chúi"), (TAILO, "Tsuí!"))
    assert in_orthography(corpus, TAILO).column("text") == ["Tsuí!"]
    assert in_orthography(corpus, POJ).column("text") == ["chúi"]


def test_a_language_that_nothing_converts_to_is_refused() -> None:
    with pytest.raises(ValueError, match="toy has no language 'nan-Hant'; it has nan-Latn-tailo"):
        in_orthography(make((TAILO, "tsuí")), "nan-Hant")


def test_all_texts_that_cannot_be_converted_are_named_at_once() -> None:
    corpus = make((POJ, "chúi"), (POJ, "hello"), (POJ, "食 chúi"))
    with pytest.raises(
        ValueError, match=r"2 texts cannot be had in nan-Latn-tailo:\n  u1: 'hello'.*\n  u2: .*'食'"
    ):
        in_orthography(corpus, TAILO)
