import doctest

import pytest

from speechtl import scripts
from speechtl.scripts import scripts_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tsi̍t lia̍p tsio̍h-thâu", {"Latin"}),
        ("khòaⁿ o͘", {"Latin"}),
        ("石頭", {"Han"}),
        ("石頭 tsio̍h", {"Han", "Latin"}),
        ("すごいカー々", {"Kana"}),
        ("한국어 漢", {"Hangul", "Han"}),
        ("قِف", {"Arabic"}),
        ("раз ㄅㄆ", {"Cyrillic", "Bopomofo"}),
        ("ＡＢＣ 12 ٣, ª!", {"Latin"}),
        ("１２３ —", set()),
    ],
)
def test_scripts_of_letters(text: str, expected: set[str]) -> None:
    assert scripts_of(text) == expected


def test_examples() -> None:
    assert doctest.testmod(scripts).failed == 0
