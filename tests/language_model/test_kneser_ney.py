import math
import random
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.language_model import NgramModel, estimate
from speechtl.language_model.ngrams import END, START, UNKNOWN

TEXTS = st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=12).filter(any)


def probability(model: NgramModel, *gram: str) -> float:
    return 10 ** model.probabilities[gram]


def backoff(model: NgramModel, *gram: str) -> float:
    return 10 ** model.backoffs[gram]


def sequence(model: NgramModel, history: tuple[str, ...]) -> tuple[str, ...]:
    """The history after some tokens."""
    state = model.start
    for token in history:
        _, state = model.step(state, token)
    return state


def total(model: NgramModel, state: tuple[str, ...]) -> float:
    """The sum over the vocabulary, the end and the unknown."""
    return sum(10 ** model.step(state, token)[0] for token in (*model.vocabulary, END, UNKNOWN))


def test_a_bigram_model_by_hand() -> None:
    # "a b", "a b", "a c": the bigrams <s>a 3, ab 2, ac 1, b</s> 2, c</s> 1. No bigram is counted four times
    # and no token follows two others, so both orders have the discounts 1/2, 1, 3/2.
    model = estimate([["a", "b"], ["a", "b"], ["a", "c"]], 2)
    # What stands before each: a 1 (the start), b 1, c 1, the end 2 (b and c); 5 in all. Taken: 3 · 1/2 + 1.
    left = Fraction(5, 2) / 5
    share = left / 5  # of a, b, c, the end and the unknown
    unigram = {"a": Fraction(1, 10) + share, "b": Fraction(1, 10) + share, "c": Fraction(1, 10) + share}
    unigram |= {END: Fraction(1, 5) + share, UNKNOWN: share}
    assert sum(unigram.values()) == 1
    for token, value in unigram.items():
        assert probability(model, token) == pytest.approx(float(value))
    # After a: b 2, c 1, of which 1 and 1/2 are taken.
    assert backoff(model, "a") == pytest.approx(0.5)
    assert probability(model, "a", "b") == pytest.approx(1 / 3 + 0.5 * float(unigram["b"]))
    assert probability(model, "a", "c") == pytest.approx(1 / 6 + 0.5 * float(unigram["c"]))
    # After the start: a 3, of which 3/2 is taken; after b: the end 2, of which 1 is.
    assert probability(model, START, "a") == pytest.approx(0.5 + 0.5 * float(unigram["a"]))
    assert probability(model, "b", END) == pytest.approx(0.5 + 0.5 * float(unigram[END]))
    # Backed off: b after b was not seen, and d is in no text.
    assert model.step(("b",), "b")[0] == pytest.approx(math.log10(0.5 * float(unigram["b"])))
    assert model.step(("a",), "d") == (pytest.approx(math.log10(0.5 * float(share))), (UNKNOWN,))
    # After the unknown nothing is left out: the unigrams stand.
    assert model.step((UNKNOWN,), "b")[0] == pytest.approx(math.log10(float(unigram["b"])))
    assert model.counts == [6, 5]


def test_discounts_by_chen_and_goodman() -> None:
    # Bigrams: four are counted once, three twice, two three times, one four times: Y = 4 / (4 + 2 · 3).
    counts = {"ab": 1, "ac": 1, "ad": 1, "ae": 1, "bb": 2, "bc": 2, "bd": 2, "cb": 3, "cc": 3, "db": 4}
    from speechtl.language_model.kneser_ney import FALLBACK, _discounts

    grams = {tuple(gram): count for gram, count in counts.items()}
    y = 4 / 10
    expected = (1 - 2 * y * 3 / 4, 2 - 3 * y * 2 / 3, 3 - 4 * y * 1 / 2)
    assert _discounts(grams) == pytest.approx(expected)
    assert _discounts({("a", "b"): 1, ("b", "c"): 2}) == FALLBACK


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.integers(2, 4))
def test_probabilities_sum_to_one_after_any_history(texts: list[list[str]], order: int) -> None:
    model = estimate(texts, order)
    for length in range(4):
        for history in product("abx", repeat=length):
            assert total(model, sequence(model, history)) == pytest.approx(1)


def test_sums_hold_where_discounts_are_estimated() -> None:
    draw = random.Random(0)
    texts = [["abcdefgh"[min(7, int(draw.expovariate(0.5)))] for _ in range(6)] for _ in range(80)]
    model = estimate(texts, 3)
    for history in product("abch", repeat=2):
        assert total(model, sequence(model, history)) == pytest.approx(1)


def test_longer_contexts_foresee_a_text_better() -> None:
    draw = random.Random(1)

    def sentence() -> list[str]:
        """A token follows from the two before it, most of the time."""
        found = [draw.choice("abc"), draw.choice("abc")]
        while len(found) < 10:
            sure = "abc"[("abc".index(found[-1]) + 2 * "abc".index(found[-2])) % 3]
            found.append(sure if draw.random() < 0.9 else draw.choice("abc"))
        return found

    texts, held_out = [sentence() for _ in range(300)], [sentence() for _ in range(50)]
    two, three = (estimate(texts, order).perplexity(held_out).value for order in (2, 3))
    assert three < 0.7 * two


def test_short_texts_lower_the_order_and_say_so(caplog: pytest.LogCaptureFixture) -> None:
    model = estimate([["a"], ["b"]], 5)
    assert model.order == 3
    assert "order 5: the language model has order 3" in caplog.text


@pytest.mark.parametrize(
    ("texts", "order", "message"),
    [
        ([["a"]], 1, "at least 2"),
        ([], 3, "no texts"),
        ([[]], 3, "no texts"),
        ([["a", "<s>"], ["b c"]], 2, "'<s>', 'b c'"),
    ],
)
def test_what_cannot_be_estimated_is_refused(texts: list[list[str]], order: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimate(texts, order)


def test_perplexity_by_hand() -> None:
    model = NgramModel(
        2,
        {
            (START,): -99.0,
            ("a",): -1.0,
            (END,): -0.5,
            (UNKNOWN,): -2.0,
            (START, "a"): -0.25,
            ("a", END): -0.75,
        },
        {(START,): -0.1, ("a",): -0.2},
    )
    found = model.perplexity([["a"], ["b", "a"]])
    # a </s>: -0.25 - 0.75; b a </s>: (-0.1 - 2) - 1 - 0.75
    assert (found.known, found.unknown) == (4, 1)
    assert found.value == pytest.approx(10 ** ((0.25 + 0.75 + 1 + 0.75) / 4))
    assert found.with_unknown == pytest.approx(10 ** ((0.25 + 0.75 + 2.1 + 1 + 0.75) / 5))
