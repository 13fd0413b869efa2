import builtins
import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import Search, likelihoods, searches

from speechtl.decode import DecodeSettings, decode, lexicon
from speechtl.language_model import estimate, write_arpa
from speechtl.language_model.ngrams import END
from speechtl.text import Tokenizer

TEXTS = [["a", "ab"], ["ab", "ab"], ["b"], ["a", "ba", "a"], ["a", "ka"], ["ka", "ka", "â"], ["â"]]
LM = estimate(TEXTS, 2)
ENGLISH = Tokenizer("en", ("a", "b", " "))
TAILO = Tokenizer("nan-Latn-tailo", ("-a", "1", "5", "k-"))
SYLLABLES = [["tâi", "uân"], ["tâi", "pak"], ["khì", "tâi", "uân"], ["lâi", "khì"]]


@pytest.fixture(scope="module")
def arpa(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("lm") / "m.arpa"
    write_arpa(estimate(TEXTS, 2), path)
    return str(path)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    lexicon._built.cache_clear()
    yield
    lexicon._built.cache_clear()


def spoken(texts: list[str], tokenizer: Tokenizer, seed: int = 0, sure: float = 3.0) -> torch.Tensor:
    """Log-probabilities (texts, time, 1 + units) that speak texts, two frames a unit and a blank after it."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for text in texts:
        path = [label for unit in tokenizer.encode(text) for label in (unit, unit, 0)]
        logits = torch.randn(len(path), 1 + len(tokenizer.units), generator=generator)
        logits[range(len(path)), path] += sure
        rows.append(logits)
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).log_softmax(2)


def test_planted_sentences_are_recovered(tmp_path: Path) -> None:
    tokenizer = Tokenizer.fit([" ".join(words) for words in SYLLABLES], "nan-Latn-tailo")
    lm = tmp_path / "m.arpa"
    write_arpa(estimate(SYLLABLES, 3), lm)
    planted = [" ".join(words) for words in SYLLABLES]
    log_probs = spoken(planted, tokenizer)
    lengths = torch.tensor([3 * len(tokenizer.encode(text)) for text in planted])
    for method in ("lexicon", "beam"):
        found = decode(log_probs, lengths, tokenizer, DecodeSettings(method, lm=str(lm)))
        assert found == planted
    log_probs[:, :, :] = float("nan")
    assert decode(log_probs, lengths, tokenizer, DecodeSettings("lexicon", lm=str(lm))) == [""] * 4


@settings(max_examples=50, deadline=None)
@given(searches(most_units=4), st.sampled_from([0.0, 0.5, 2.0]), st.sampled_from([-1.0, 0.0, 2.0]))
def test_the_best_words_are_those_of_enumeration(
    arpa: str, search: Search, weight: float, bonus: float
) -> None:
    log_probs = np.concatenate([search[0], np.full((len(search[0]), 5 - search[0].shape[1]), -9.0)], axis=1)
    words = {word: tuple(TAILO.encode(word)) for word in ("a", "â", "ka")}
    acoustic = likelihoods(log_probs)
    scores: dict[tuple[int, ...], float] = {}
    for count in range(1 + len(log_probs) // 2):
        for text in product(words, repeat=count):
            ids = tuple(unit for word in text for unit in words[word])
            history, score = LM.start, 0.0
            for word in (*text, END):
                value, history = LM.step(history, word)
                score += value * math.log(10)
            scores[ids] = acoustic.get(ids, -np.inf) + weight * score + bonus * count
    options = DecodeSettings(
        "lexicon", beam_width=5000, beam_threshold=1e4, lm=arpa, lm_weight=weight, insertion_bonus=bonus
    )
    decoder = lexicon.built(TAILO, options, lexicon.Lexicon(words, ()))
    (found,) = decoder.unit_ids(torch.from_numpy(log_probs)[None], torch.tensor([len(log_probs)]))
    assert scores[tuple(found)] == pytest.approx(max(scores.values()) if len(log_probs) else scores[()])


def test_lexicon_and_beam_agree_where_the_lexicon_has_all_words(arpa: str) -> None:
    tokenizer = Tokenizer("cmn-Hans", ("a", "b"))
    generator = torch.Generator().manual_seed(5)
    log_probs = (2 * torch.randn(40, 5, 3, generator=generator)).log_softmax(2)
    lengths = torch.arange(40) % 6
    wide = {"beam_width": 2000, "beam_threshold": 1e4, "lm": arpa, "lm_weight": 1.0}
    beam = decode(log_probs, lengths, tokenizer, DecodeSettings("beam", **wide))
    listed = decode(log_probs, lengths, tokenizer, DecodeSettings("lexicon", **wide))
    assert beam == listed
    assert len({*beam}) > 5


def test_words_stand_apart_by_the_unit_of_the_space(arpa: str, caplog: pytest.LogCaptureFixture) -> None:
    planted = ["a ab", "ba", "ab ab a"]
    log_probs = spoken(planted, ENGLISH, sure=6)
    lengths = torch.tensor([3 * len(text) for text in planted])
    assert decode(log_probs, lengths, ENGLISH, DecodeSettings("lexicon", lm=arpa)) == planted
    only_a = Tokenizer("en", ("a", " "))
    decode(torch.zeros(1, 2, 3), torch.tensor([2]), only_a, DecodeSettings("lexicon", lm=arpa))
    assert "4 words of 5 cannot be spelled in the head's units and will never be recognised" in caplog.text
    assert "'ab', 'b', 'ba', 'ka'" in caplog.text


def test_a_language_model_of_other_texts_is_refused_by_the_beam_too(
    tmp_path: Path, arpa: str, caplog: pytest.LogCaptureFixture
) -> None:
    han = tmp_path / "han.arpa"
    write_arpa(estimate([["食", "飯"], ["食", "茶"]], 2), han)
    log_probs, lengths = torch.zeros(1, 2, 5), torch.tensor([2])
    with pytest.raises(
        ValueError, match=r"han.arpa: no word .* of the nan-Latn-tailo head: .*speechtl lm TEXT"
    ):
        decode(log_probs, lengths, TAILO, DecodeSettings("beam", lm=str(han)))
    decode(torch.zeros(1, 2, 3), lengths, Tokenizer("en", ("a", " ")), DecodeSettings("beam", lm=arpa))
    assert "4 of 5 words that were looked at cannot be spelled in the units of the en head" in caplog.text


@pytest.mark.parametrize("method", ["beam", "lexicon"])
@pytest.mark.parametrize(
    ("words", "tokenizer", "shown"),
    [
        (["THE", "CAT", "SAT"], Tokenizer("en", (*"aceghst", " ")), "'THE' for 'the'"),
        (["tsit8", "ta\u0302i", "khi\u0300"], TAILO, r"'khi\\u0300' for 'khì'.*'tsit8' for 'tsi̍t'"),
    ],
)
def test_a_language_model_in_another_spelling_is_refused(
    tmp_path: Path, method: str, words: list[str], tokenizer: Tokenizer, shown: str
) -> None:
    """It would know none of the words that the head writes, and score them all alike."""
    path = tmp_path / "other.arpa"
    write_arpa(estimate([words, words[::-1]], 2), path)
    log_probs, lengths = torch.zeros(1, 2, 1 + len(tokenizer.units)), torch.tensor([2])
    with pytest.raises(
        ValueError, match=rf"3 of 3 words .* not spelled as the .* head spells them.*({shown})"
    ):
        decode(log_probs, lengths, tokenizer, DecodeSettings(method, lm=str(path)))


def test_a_list_of_words_needs_no_language_model(tmp_path: Path, arpa: str) -> None:
    tokenizer = Tokenizer.fit(["tâi-uân", "tâi-pak", "khì"], "nan-Latn-tailo")
    words = tmp_path / "words.txt"
    words.write_text("Tâi-uân\n\nkhì\n", encoding="utf-8")
    log_probs = spoken(["tâi pak", "khì khì", "tâi uân"], tokenizer)
    lengths = torch.tensor([3 * 6, 3 * 6, 3 * 5])
    found = decode(log_probs, lengths, tokenizer, DecodeSettings("lexicon", lexicon=str(words)))
    assert found == ["tâi uân", "khì khì", "tâi uân"]
    both = DecodeSettings("lexicon", lexicon=str(words), lm=arpa)
    with pytest.raises(ValueError, match=r"m.arpa: no word of the language model can be spelled"):
        decode(log_probs, lengths, tokenizer, both)
    mine = tmp_path / "mine.arpa"
    write_arpa(estimate([["tâi", "uân"], ["khì"], ["tâi", "pak"]], 2), mine)
    with pytest.raises(ValueError, match=r"words.txt: 1 word of several tokens.*'tâi uân'"):
        decode(log_probs, lengths, tokenizer, replace(both, lm=str(mine)))
    with pytest.raises(FileNotFoundError, match="list of words, one a line"):
        decode(log_probs, lengths, tokenizer, DecodeSettings("lexicon", lexicon="none.txt"))
    words.write_text("abc\n")
    with pytest.raises(ValueError, match=r"none of its 1 word can be spelled .*'abc'"):
        decode(log_probs, lengths, tokenizer, DecodeSettings("lexicon", lexicon=str(words)))


def test_without_the_extra_it_says_what_to_install(arpa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import_ = builtins.__import__

    def without(name: str, *arguments: object, **options: object) -> object:
        if name.startswith(("flashlight", "torchaudio.models.decoder")):
            raise ImportError(name)
        return import_(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    frames = torch.zeros(1, 2, 4).log_softmax(2), torch.tensor([2]), ENGLISH
    with pytest.raises(ImportError, match=r"pip install 'speechtl\[lm\]'.*--decode beam"):
        decode(*frames, DecodeSettings("lexicon", lm=arpa))
    assert decode(*frames, DecodeSettings("beam", lm=arpa)) is not None


def test_a_language_model_of_single_words_is_refused_in_a_sentence(tmp_path: Path) -> None:
    lm = tmp_path / "one.arpa"
    words = ("<unk>", "<s>", "</s>", "a", "ab")
    rows = "".join(f"-0.7\t{word}\n" for word in words)
    lm.write_text(f"\\data\\\nngram 1={len(words)}\n\n\\1-grams:\n{rows}\n\\end\\\n")
    log_probs = spoken(["a ab"], ENGLISH)
    lengths, settings = torch.tensor([log_probs.shape[1]]), DecodeSettings("lexicon", lm=str(lm))
    with pytest.raises(ValueError, match=r"one\.arpa: decode=lexicon cannot use .* \(speechtl lm --order"):
        decode(log_probs, lengths, ENGLISH, settings)


def test_a_word_list_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes("caf\xe9\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"words\.txt is no text in UTF-8"):
        lexicon.listed_words(str(tmp_path / "words.txt"))
    (tmp_path / "marked.txt").write_bytes("caf\xe9\n".encode("utf-8-sig"))
    assert lexicon.listed_words(str(tmp_path / "marked.txt")) == ["caf\xe9"]
