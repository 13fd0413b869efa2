import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import every_path
from torch import Tensor

from speechtl.decode import (
    DecodeSettings,
    best_accepted_paths,
    closed,
    collapse,
    decode,
    grammar,
    log_likelihoods,
)
from speechtl.languages.syllables import NEUTRAL, SyllableOrthography
from speechtl.text import TextSettings, Tokenizer, orthography
from speechtl.units import Kind

CONSTRAINED, GREEDY = DecodeSettings(), DecodeSettings(method="greedy")
SYLLABIC = ("nan-Latn-tailo", "nan-Latn-pehoeji", "cmn-Latn-pinyin", "yue-Latn-jyutping")


def random_log_probs(batch: int, frames: int, units: int, seed: int, sharpness: float = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (sharpness * torch.randn(batch, frames, 1 + units, generator=generator)).double().log_softmax(2)


def all_units(tag: str) -> tuple[str, ...]:
    language = orthography(tag)
    assert isinstance(language, SyllableOrthography)
    scheme = language.scheme
    units = [f"{initial}-" for initial in scheme.initials]
    units += [f"-{final}" for final in scheme.finals] + list(scheme.tone_numbers)
    return (*units, *([NEUTRAL] if scheme.neutral_mark else []))


def accepts(allowed: Tensor, units: tuple[int, ...]) -> bool:
    return all(bool(allowed[a, b]) for a, b in pairwise((0, *units, 0)))


def path_score(log_probs: Tensor, path: tuple[int, ...] | list[int]) -> float:
    return float(sum(log_probs[frame, label] for frame, label in enumerate(path)))


@st.composite
def searches(draw: st.DrawFn) -> tuple[Tensor, int, Tensor]:
    """Log-probabilities of one utterance (time, 1 + units), often with ties; its length; any grammar."""
    units, frames = draw(st.integers(1, 4)), draw(st.integers(0, 5))
    seed = draw(st.integers(0, 2**16))
    log_probs = random_log_probs(1, frames, units, seed)[0]
    if draw(st.booleans()):
        log_probs = log_probs.round()
    random = np.random.default_rng(seed)
    allowed = random.random((1 + units, 1 + units)) < draw(st.sampled_from([0.2, 0.5, 0.8]))
    return log_probs, draw(st.integers(0, frames)), torch.from_numpy(allowed)


def test_collapse_merges_repeats_then_drops_blanks() -> None:
    # B(a-ab-) = B(-aa--abb) = aab, the example of Graves et al. 2006, section 3.1.
    assert collapse([1, 0, 1, 2, 0]) == collapse([0, 1, 1, 0, 0, 1, 2, 2]) == [1, 1, 2]
    assert collapse([]) == collapse([0, 0]) == []


@settings(max_examples=400, deadline=None)
@given(searches())
def test_the_path_is_the_best_that_the_grammar_accepts(search: tuple[Tensor, int, Tensor]) -> None:
    log_probs, length, allowed = search
    path = best_accepted_paths(log_probs[None], torch.tensor([length]), allowed)[0].tolist()
    units = log_probs.shape[1] - 1
    scores = [path_score(log_probs, p) for p, ids in every_path(units, length) if accepts(allowed, ids)]
    assert path[length:] == [0] * (len(path) - length)
    if scores:
        assert accepts(allowed, tuple(collapse(path)))
        assert path_score(log_probs, path[:length]) == pytest.approx(max(scores))
    else:
        assert path == [0] * len(path)


def test_a_repeated_unit_needs_a_blank_between() -> None:
    # The two frames of unit 1 with a blank between are best, if the grammar lets 1 follow itself.
    log_probs = torch.tensor([[[-4.0, -0.1], [-0.2, -2], [-4, -0.1]]])
    lengths = torch.tensor([3])
    allowed = torch.tensor([[True, True], [True, True]])
    assert best_accepted_paths(log_probs, lengths, allowed).tolist() == [[1, 0, 1]]
    allowed[1, 1] = False
    assert best_accepted_paths(log_probs, lengths, allowed).tolist() == [[1, 1, 1]]


@settings(max_examples=60, deadline=None)
@given(searches())
def test_a_greedy_path_that_is_accepted_is_found(search: tuple[Tensor, int, Tensor]) -> None:
    log_probs, length, allowed = search
    greedy = log_probs[:length].argmax(dim=1).tolist()
    chain = [0, *collapse(greedy), 0]
    allowed[chain[:-1], chain[1:]] = True
    path = best_accepted_paths(log_probs[None], torch.tensor([length]), allowed)[0].tolist()
    assert path_score(log_probs, path[:length]) == pytest.approx(path_score(log_probs, greedy))


@pytest.mark.parametrize("tag", SYLLABIC)
@pytest.mark.parametrize("sharpness", [0.5, 4])
def test_constrained_text_always_cuts_into_syllables(tag: str, sharpness: float) -> None:
    tokenizer = Tokenizer(tag, all_units(tag))
    log_probs = random_log_probs(60, 25, len(tokenizer.units), 1, sharpness).float()
    lengths = torch.arange(60) % 26
    texts = decode(log_probs, lengths, tokenizer, CONSTRAINED)
    assert len({*texts}) > 30
    assert texts[0] == ""
    allowed = grammar(orthography(tag), tokenizer.units)
    for text in texts:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert accepts(allowed, tuple(ids))


@pytest.mark.parametrize("kind", ["syllables", "characters", "sentencepiece"])
def test_units_without_a_grammar_are_decoded_greedily(kind: Kind) -> None:
    texts = ["tsi̍t lia̍p tsio̍h-thâu", "khuànn--lâi", "ka ki"]
    tokenizer = Tokenizer.fit(texts, "nan-Latn-tailo", TextSettings(kind))
    log_probs = random_log_probs(30, 12, len(tokenizer.units), 3).float()
    lengths = torch.arange(30) % 13
    found = decode(log_probs, lengths, tokenizer, CONSTRAINED)
    assert found == decode(log_probs, lengths, tokenizer, DecodeSettings("greedy"))
    assert len({*found}) > 10
    best = closed(log_probs, lengths, tokenizer, texts)
    assert {*best} <= {*texts}


def test_constrained_decoding_repairs_what_greedy_leaves_ill_formed() -> None:
    tokenizer = Tokenizer("nan-Latn-tailo", ("k-", "-a", "-ah", "1", "4"))
    # One clear frame each for k-, -a and, hardly better than tone 1, tone 4, which only stops carry.
    log_probs = torch.full((1, 3, 6), -9.0)
    log_probs[0, [0, 1, 2], [1, 2, 5]] = -0.1
    log_probs[0, 2, 4] = -0.3
    lengths = torch.tensor([3])
    assert decode(log_probs, lengths, tokenizer, GREEDY) == ["ka4"]
    assert decode(log_probs, lengths, tokenizer, CONSTRAINED) == ["ka"]
    log_probs[0, 1, 3] = -0.2
    assert decode(log_probs, lengths, tokenizer, CONSTRAINED) == ["kah"]


def test_silence_is_the_empty_text() -> None:
    tokenizer = Tokenizer("nan-Latn-tailo", all_units("nan-Latn-tailo"))
    log_probs = torch.full((2, 7, 1 + len(tokenizer.units)), -5.0)
    log_probs[:, :, 0] = -0.1
    assert decode(log_probs, torch.tensor([7, 0]), tokenizer, CONSTRAINED) == ["", ""]
    # A lone initial is no syllable, and no frame is left for its final and tone.
    log_probs[0, 3, 1] = 0
    assert decode(log_probs[:1, 3:4], torch.tensor([1]), tokenizer, CONSTRAINED) == [""]


def test_log_probabilities_that_are_no_numbers_say_nothing() -> None:
    log_probs = random_log_probs(2, 4, 3, 6)
    log_probs[0, 2, 1:] = torch.nan
    allowed = torch.ones(4, 4, dtype=torch.bool)
    paths = best_accepted_paths(log_probs, torch.tensor([4, 4]), allowed)
    assert paths[0].tolist() == [0] * 4
    assert paths[1].tolist() == log_probs[1].argmax(dim=1).tolist()


def test_without_a_syllable_grammar_constrained_is_greedy() -> None:
    tokenizer = Tokenizer("en", tuple("abcdefgh "))
    log_probs = random_log_probs(20, 15, 9, 2)
    lengths = torch.arange(20) % 16
    greedy = decode(log_probs, lengths, tokenizer, GREEDY)
    assert decode(log_probs, lengths, tokenizer, CONSTRAINED) == greedy
    best = log_probs.argmax(dim=2)
    expected = [tokenizer.decode(collapse(p[:n].tolist())) for p, n in zip(best, lengths, strict=True)]
    assert greedy == expected


@pytest.mark.parametrize("method", [CONSTRAINED, GREEDY])
def test_neither_padding_nor_company_changes_a_text(method: DecodeSettings) -> None:
    tokenizer = Tokenizer("nan-Latn-tailo", all_units("nan-Latn-tailo"))
    log_probs = random_log_probs(12, 20, len(tokenizer.units), 3).float()
    lengths = torch.tensor([20, 3, 0, 11, 19, 1, 7, 20, 5, 14, 2, 9])
    texts = decode(log_probs, lengths, tokenizer, method)
    for beyond in (0.0, torch.nan):
        padded = torch.nn.functional.pad(log_probs, (0, 0, 0, 6), value=beyond)
        for row, length in enumerate(lengths.tolist()):
            padded[row, length:] = beyond
        assert decode(padded, lengths, tokenizer, method) == texts
    alone = [
        decode(log_probs[i : i + 1, :n], lengths[i : i + 1], tokenizer, method)[0]
        for i, n in enumerate(lengths.tolist())
    ]
    assert alone == texts
    assert decode(log_probs[:0], lengths[:0], tokenizer, method) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 3), st.integers(1, 5))
def test_likelihoods_sum_over_all_alignments(seed: int, units: int, frames: int) -> None:
    log_probs = random_log_probs(2, frames, units, seed)
    lengths = torch.tensor([frames, seed % (frames + 1)])
    labels = [[], [1], [1, 1], [1, units], [units, 1, units]]
    found = log_likelihoods(log_probs, lengths, labels)
    for row, length in enumerate(lengths.tolist()):
        for column, ids in enumerate(labels):
            parts = [path_score(log_probs[row], p) for p, c in every_path(units, length) if c == tuple(ids)]
            expected = torch.tensor(parts, dtype=torch.float64).logsumexp(0) if parts else -torch.inf
            assert float(found[row, column]) == pytest.approx(float(expected))


def test_closed_chooses_the_likeliest_listed_word() -> None:
    tokenizer = Tokenizer("en", tuple("adenotwy"))
    words = ["one", "two", "day", "one"]
    log_probs = random_log_probs(30, 6, 8, 4)
    lengths = torch.randint(0, 7, (30,), generator=torch.Generator().manual_seed(0))
    scores = log_likelihoods(log_probs, lengths, [tokenizer.encode(word) for word in words])
    chosen = closed(log_probs, lengths, tokenizer, words)
    for word, row, length in zip(chosen, scores.tolist(), lengths.tolist(), strict=True):
        assert word == words[row.index(max(row))]
        assert word == "one" or length >= 3
    assert {*chosen} == {"one", "two", "day"}


def test_closed_takes_the_first_of_equals() -> None:
    tokenizer = Tokenizer("en", ("a", "b"))
    log_probs = torch.full((1, 2, 3), -1.0)
    assert closed(log_probs, torch.tensor([2]), tokenizer, ["b", "a"]) == ["b"]
    assert closed(log_probs, torch.tensor([2]), tokenizer, ["a", "b"]) == ["a"]


def test_closed_names_every_word_that_the_model_cannot_write() -> None:
    tokenizer = Tokenizer("en", ("a", "b"))
    arguments = torch.zeros(1, 2, 3), torch.tensor([2]), tokenizer
    with pytest.raises(ValueError, match=r"2 of 3 listed words.*'cab'.*'bad'"):
        closed(*arguments, ["cab", "ab", "bad"])
    with pytest.raises(ValueError, match="no words"):
        closed(*arguments, [])


def test_a_development_set_decodes_in_about_a_second() -> None:
    tokenizer = Tokenizer("nan-Latn-tailo", all_units("nan-Latn-tailo"))
    log_probs = random_log_probs(400, 40, len(tokenizer.units), 5).float()
    start = time.perf_counter()
    decode(log_probs, torch.full((400,), 40), tokenizer, CONSTRAINED)
    # Fifty times what it takes on two free cores: it must hold on a busy machine too.
    assert time.perf_counter() - start < 5
