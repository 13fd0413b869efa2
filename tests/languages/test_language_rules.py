import doctest

import pytest

from speechtl.languages import base
from speechtl.languages.base import is_latin


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(base).failed == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("khòaⁿ, hó͘ 5!", True), ("", True), ("ＴＶ", True), ("食", False), ("tâi食", False), ("дa", False)],
)
def test_letters_of_another_script_are_told(text: str, expected: bool) -> None:
    assert is_latin(text) == expected
