import csv
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.metrics import score, score_utterances
from speechtl.text import Tokenizer, orthography

TAGS = ("nan-Hant", "cmn-Hans", "cmn-Hant")
every_tag = pytest.mark.parametrize("tag", TAGS)


@pytest.mark.parametrize(
    ("written", "units"),
    [
        ("食飯", ["食", "飯"]),
        ("你好，世界。", ["你", "好", "世", "界"]),
        ("我 是學生", ["我", "是", "學", "生"]),
        ("一【替】", ["一"]),
        ("【白】甲【文】", ["甲"]),
        ("𤆬頭【替】", ["𤆬", "頭"]),
        ("豈\uf900", ["豈", "豈"]),
        ("用iPhone打電話", ["用", "iphone", "打", "電", "話"]),
        ("I don't知", ["i", "don't", "知"]),
        ("2024年５月", ["2", "0", "2", "4", "年", "5", "月"]),
        ("ＡＢＣ", ["abc"]),
        ("mp3", ["mp", "3"]),
        ("mp3's", ["mp", "3", "s"]),
        ("ㄅㄆ人々カ゛", ["ㄅ", "ㄆ", "人", "々", "カ"]),
        ("阿母/老母", ["阿", "母"]),
        ("阿母／老母", ["阿", "母"]),
        ("5/20", ["5", "2", "0"]),
        ("食\u0301\ufe00", ["食\u0301"]),
        ("'食'\u200d飯", ["食", "飯"]),
        ("", []),
        ("，。", []),
    ],
)
@every_tag
def test_units_are_characters_and_words_in_letters(tag: str, written: str, units: list[str]) -> None:
    rules = orthography(tag)
    for form in ("NFC", "NFD"):
        assert rules.units(unicodedata.normalize(form, written)) == units
    assert rules.spell(units) == rules.normalise(written)
    assert not rules.words
    assert not rules.syllabic
    assert rules.syllables(written) is None


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("我 beh 去 Tâi-pak", "我 beh 去 tâi pak"),
        ("我beh去Tâi-pak", "我 beh 去 tâi pak"),
        # Tâi-lô and Pe̍h-ōe-jī, diacritics and digits are one syllable.
        ("去 chia̍h-pn̄g", "去 tsia̍h pn̄g"),
        ("去tsiah8 png7", "去 tsia̍h pn̄g"),
        ("去 ts\u0131\u030dt", "去 tsi̍t"),
        ("看 khòaⁿ khuànn khoaN3 hó· hóo", "看 khuànn khuànn khuànn hóo hóo"),
        ("轉--去", "轉去"),
        ("lia̋n-táng", "lia̋n táng"),
        ("app足好", "app 足好"),
        ("a4紙", "a 4紙"),
        # How Han characters are read, beside them, is not said again.
        ("食飯（tsia̍h-pn̄g）", "食飯"),
        ("人(lâng/jîn)真濟 (tsin tsē; chin chōe)。", "人真濟"),
        ("伊講（好）", "伊講好"),
        ("看(TV)", "看 tv"),
        ("(Tâi-pak)", "tâi pak"),
        ("食（tsia̍h 飯）", "食 tsia̍h 飯"),
    ],
)
def test_taiwanese_among_han_characters_is_read_by_the_syllable(written: str, canonical: str) -> None:
    rules = orthography("nan-Hant")
    canonical = unicodedata.normalize("NFC", canonical)
    for form in ("NFC", "NFD"):
        assert rules.normalise(unicodedata.normalize(form, written)) == canonical
    assert rules.normalise(canonical) == canonical


def test_mandarin_leaves_words_in_letters_as_they_are() -> None:
    assert orthography("cmn-Hant").normalise("去 chia̍h（tsia̍h）") == "去 chia̍h tsia̍h"


def test_a_slash_separates_whole_alternatives_and_the_first_is_trained_on() -> None:
    rules = orthography("nan-Hant")
    assert rules.alternatives("阿母【替】/老母/阿母") == ("阿母", "老母")
    assert rules.alternatives("/食飯/") == ("食飯",)
    assert orthography("cmn-Hans").alternatives("请输入姓名和/或电话") == ("请输入姓名和或电话",)
    (entry,) = score_utterances(["阿母/老母"], ["老母"], language="nan-Hant")
    assert (entry.reference, entry.counts["cer"].errors) == ("老母", 0)


def edits(reference: str, hypothesis: str, tag: str = "nan-Hant") -> tuple[int, int]:
    errors = score([reference], [hypothesis], language=tag)
    assert set(errors) == {"cer"}
    return errors["cer"].errors, errors["cer"].total


def test_a_syllable_or_a_word_costs_what_a_character_costs() -> None:
    assert edits("我 beh 去 Tâi-pak", "我beh去tâi pak") == (0, 5)
    assert edits("我 beh 去 Tâi-pak", "我 bueh 去 Tâi") == (2, 5)
    assert edits("我欲去", "我 beh 去") == (1, 3)
    assert edits("食 chia̍h", "食 tsia̍h") == (0, 2)
    assert edits("用 iPhone 打", "用 iphones 打", "cmn-Hans") == (1, 3)
    assert edits("食飯（tsia̍h-pn̄g）", "食飯") == (0, 2)


@pytest.mark.parametrize("tag", ["zh-Hant", "zh-Hans-CN", "yue-Hant"])
def test_other_tags_for_han_characters_have_the_same_rules(tag: str) -> None:
    assert orthography(tag).units("一【替】 iPhone") == ["一", "iphone"]


PIECES = ["食", "飯", "一", "人", "々", "カ", "ㄅ", "한", "tsia̍h", "chia̍h", "beh", "pak8", "iPhone", "don't"]
SIGNS = ["5", "/", "-", "--", "（", "）", "(", ")", "【替】", "，", "'", "o·", "aN", "\u0301", "\u200d", " "]
written_texts = st.lists(st.sampled_from(PIECES + SIGNS), max_size=12).map("".join)


@every_tag
@settings(deadline=None)
@given(st.one_of(st.text(max_size=15), written_texts))
def test_any_text_has_one_normal_form(tag: str, text: str) -> None:
    rules = orthography(tag)
    normal = rules.normalise(text)
    assert rules.normalise(normal) == normal
    assert rules.normalise(unicodedata.normalize("NFD", text)) == normal
    assert unicodedata.is_normalized("NFC", normal)
    assert rules.units(normal) == rules.units(text) == rules.characters(text)
    assert rules.spell(rules.units(text)) == normal
    assert rules.alternatives(text)[0] == normal
    assert all(rules.alternatives(reading) == (reading,) for reading in rules.alternatives(text))
    if rules.units(text):
        tokenizer = Tokenizer.fit([text], tag)
        assert tokenizer.decode(tokenizer.encode(text)) == normal
        assert edits(text, unicodedata.normalize("NFD", text), tag)[0] == 0


def test_every_han_text_of_the_dictionary() -> None:
    if not (root := os.environ.get("SPEECHTL_CORPORA")):
        pytest.skip("SPEECHTL_CORPORA is not set: no real words to read")
    with (Path(root) / "taiwanese-moe" / "words.tsv").open(encoding="utf-8-sig", newline="") as file:
        printed = [row["hanji"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    rules = orthography("nan-Hant")
    in_letters = []
    for text in printed:
        assert "【" not in rules.normalise(text)
        if rules.normalise(text) != text.replace("【替】", ""):
            in_letters.append(rules.normalise(text))
    assert sorted(in_letters) == ["bu là jià", unicodedata.normalize("NFC", "lia̋n táng")]
