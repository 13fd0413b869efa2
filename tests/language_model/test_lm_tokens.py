import pytest

from speechtl.language_model import tokens
from speechtl.text import orthography


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        ("nan-Latn-tailo", "Tâi-uân--lâng, khì!", ["tâi", "uân", "--lâng", "khì"]),
        ("nan-Latn-pehoeji", "Tâi-oân chia̍h", ["tâi", "oân", "chia̍h"]),
        ("cmn-Latn-pinyin", "nǐhǎo ma", ["ni3", "hao3", "ma5"]),
        ("yue-Latn-jyutping", "nei5hou2", ["nei5", "hou2"]),
        ("cmn-Hans", "我有 iPhone 13。", ["我", "有", "iphone", "1", "3"]),
        ("nan-Hant", "我 beh 去 Tâi-pak", ["我", "beh", "去", "tâi", "pak"]),
        ("en", "Don't stop -- now", ["don't", "stop", "now"]),
        ("ar", "قف هنا", ["قف", "هنا"]),
        ("th", "ที่ นี่", ["ที่", "นี่"]),
        ("en", "...", []),
    ],
)
def test_tokens_are_what_the_main_error_counts(tag: str, text: str, expected: list[str]) -> None:
    assert tokens(orthography(tag), text) == expected
