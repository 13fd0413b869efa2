import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.conversion import convert
from speechtl.partition import by_key, by_speaker, by_text, hash_fraction, text_keys

SHARES = {"train": 0.8, "dev": 0.08, "test": 0.12}
HALVES = {"train": 0.5, "test": 0.5}
TAILO = "nan-Latn-tailo"
words = st.lists(
    st.sampled_from(["khì", "lâi", "tsia̍h", "tsiah8", "bô", "jîn", "lîn", "gîn"]), min_size=1, max_size=3
)


def test_hashes_are_pinned_so_that_splits_are_the_same_on_every_machine() -> None:
    assert hash_fraction("") == 0.8931675160897388
    assert by_text(["en"] * 3, ["one", "two", "three"], SHARES) == ["train", "train", "train"]


@given(st.text())
def test_hashes_lie_between_0_and_1(text: str) -> None:
    assert 0 <= hash_fraction(text) < 1


def test_hashes_are_spread_evenly() -> None:
    values = [hash_fraction(str(number)) for number in range(5000)]
    for edge in (0.1, 0.5, 0.9):
        assert sum(value < edge for value in values) / 5000 == pytest.approx(edge, abs=0.02)


def test_text_keys_fold_case_hyphens_unicode_form_and_marks() -> None:
    assert text_keys(TAILO, "Khi\u0300-lâi") == text_keys(TAILO, "khì lâi")
    assert text_keys(TAILO, "khì--lâi") == text_keys(TAILO, "khì-lâi")
    assert text_keys(TAILO, "【白】khì") == text_keys(TAILO, "khì")
    assert set(text_keys(TAILO, "jîn/lîn")) == {*text_keys(TAILO, "jîn"), *text_keys(TAILO, "lîn")}
    assert text_keys(TAILO, "khì") != text_keys(TAILO, "khí")
    with pytest.raises(ValueError, match="choose one of"):
        text_keys("nan", "khì")


def test_a_text_is_in_the_same_split_in_either_romanisation() -> None:
    tailo = [f"{initial}ua{tone}" for initial in ("ts", "tsh", "k", "kh") for tone in "123579"]
    poj = [convert(text, source=TAILO, target="nan-Latn-pehoeji") for text in tailo]
    splits = by_text([TAILO] * len(tailo), tailo, HALVES)
    assert by_text(["nan-Latn-pehoeji"] * len(poj), poj, HALVES) == splits
    assert {*splits} == {"train", "test"}
    both = by_text([TAILO] * len(tailo) + ["nan-Latn-pehoeji"] * len(poj), tailo + poj, HALVES)
    assert both == splits + splits


@settings(max_examples=60, deadline=None)
@given(entries=st.lists(words, min_size=1, max_size=25))
def test_entries_that_share_an_alternative_share_their_split(entries: list[list[str]]) -> None:
    texts = ["/".join(entry) for entry in entries]
    splits = by_text([TAILO] * len(texts), texts, HALVES)
    for first, text in enumerate(texts):
        for second in range(first):
            if set(text_keys(TAILO, text)) & set(text_keys(TAILO, texts[second])):
                assert splits[first] == splits[second]


@settings(max_examples=40, deadline=None)
@given(entries=st.lists(words, min_size=1, max_size=20), data=st.data())
def test_the_order_of_the_entries_makes_no_difference(entries: list[list[str]], data: st.DataObject) -> None:
    texts = ["/".join(entry) for entry in entries]
    order = data.draw(st.permutations(range(len(texts))))
    splits = by_text([TAILO] * len(texts), texts, HALVES)
    shuffled = by_text([TAILO] * len(texts), [texts[i] for i in order], HALVES)
    assert [splits[i] for i in order] == shuffled


def test_a_component_goes_where_its_smallest_text_goes() -> None:
    alone = {key: by_text([TAILO], [key], HALVES)[0] for key in ("bô", "khì", "lâi", "tsia̍h")}
    assert len(set(alone.values())) == 2
    for first in alone:
        for second in alone:
            (split,) = by_text([TAILO], [f"{first}/{second}"], HALVES)
            assert split == alone[min(first, second)]


def test_the_same_word_of_two_languages_is_no_shared_text() -> None:
    texts = [f"ma{number}" for number in range(200)]
    english, arabic = by_text(["en"] * 200, texts, HALVES), by_text(["ar"] * 200, texts, HALVES)
    assert by_text(["en"] * 200 + ["ar"] * 200, texts * 2, HALVES) == english + arabic
    assert english != arabic


@settings(max_examples=50, deadline=None)
@given(st.integers(3, 200))
def test_speakers_are_shared_out_with_at_least_one_each(count: int) -> None:
    speakers = [f"s{number}" for number in range(count)]
    splits = by_speaker(speakers, SHARES)
    for name, share in SHARES.items():
        assert splits.count(name) >= 1
        assert abs(splits.count(name) - share * count) <= 1.5
    assert by_speaker(speakers[::-1], SHARES) == splits[::-1]


def test_four_one_one() -> None:
    shares = {"train": 4 / 6, "dev": 1 / 6, "test": 1 / 6}
    splits = by_speaker(list("abcdef") * 3, shares)
    assert [splits[:6].count(name) for name in shares] == [4, 1, 1]
    assert splits[:6] == splits[6:12] == splits[12:]


def test_unknown_speakers_and_too_few_are_named() -> None:
    with pytest.raises(ValueError, match="1 of 3 utterances have no speaker"):
        by_speaker(["a", None, "b"], SHARES)
    with pytest.raises(ValueError, match="2 speakers are too few for 3 splits"):
        by_speaker(["a", "b", "a"], SHARES)


@pytest.mark.parametrize(
    "shares", [{}, {"train": 0.5}, {"train": 1.2, "test": -0.2}, {"train": 1.0, "test": 0.0}]
)
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    for split in (lambda: by_key(["a"], shares), lambda: by_speaker(["a", "b"], shares)):
        with pytest.raises(ValueError, match="add up to 1"):
            split()
