import doctest
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl import conversion
from speechtl.conversion import convert, converts, respell
from speechtl.languages.nan_latn_tailo import ORTHOGRAPHY
from speechtl.text import orthography

TAILO, POJ = "nan-Latn-tailo", "nan-Latn-pehoeji"
syllables = st.sampled_from(sorted(ORTHOGRAPHY.table))
readings = st.lists(syllables, min_size=1, max_size=4).map(" ".join)


@settings(deadline=None)
@given(st.lists(readings, min_size=1, max_size=3).map("/".join))
def test_there_and_back(text: str) -> None:
    canonical = "/".join(orthography(TAILO).alternatives(text))
    for form in ("NFC", "NFD"):
        poj = convert(unicodedata.normalize(form, text), source=TAILO, target=POJ)
        assert convert(unicodedata.normalize(form, poj), source=POJ, target=TAILO) == canonical
    assert convert(text, source=TAILO, target=TAILO) == canonical


def test_alternatives_and_neutral_tones_are_kept() -> None:
    assert convert("【白】tsénn/tsínn", source=TAILO, target=POJ) == "chéⁿ/chíⁿ"
    assert convert("khòaⁿ--lâi", source=POJ, target=TAILO) == "khuànn --lâi"
    assert convert("Tsuá", source="nan-TW-tailo", target="nan-Latn-TW-pehoeji") == "chóa"


def test_a_region_changes_no_text() -> None:
    assert convert("Colour!", source="en-GB", target="en") == "colour"
    assert converts("nan-TW-tailo", TAILO)
    assert not converts("de", "nl")


@pytest.mark.parametrize(
    ("source", "target", "complaint"),
    [
        ("nan-Hant", TAILO, "nan-Hant cannot be converted to nan-Latn-tailo: .*nan-Latn-pehoeji can"),
        (TAILO, "nan-Hant", "cannot be converted to nan-Hant: the spelling does not tell how$"),
        ("cmn-Latn-pinyin", TAILO, "cmn-Latn-pinyin cannot be converted to nan-Latn-tailo"),
        ("yue-Latn-jyutping", "cmn-Latn-pinyin", "cannot be converted to cmn-Latn-pinyin"),
        ("en", "ar", "texts in en cannot be converted to ar"),
        ("nan", TAILO, "choose one of"),
    ],
)
def test_what_cannot_be_converted_is_refused(source: str, target: str, complaint: str) -> None:
    for call in (convert, respell):
        with pytest.raises(ValueError, match=complaint):
            call("a", source=source, target=target)
    if source != "nan":
        assert not converts(source, target)


def test_two_names_of_one_orthography_need_no_conversion() -> None:
    for one, other in (("zh-Hant", "cmn-Hant"), ("ar-Arab", "ar"), ("en-Latn-US", "en")):
        assert converts(one, other)
        assert conversion.conversion(one, other) is None
    assert not converts("yue-Hant", "cmn-Hant"), "another language, if the same characters"


def test_pieces_that_are_no_syllables_are_named_all_together() -> None:
    with pytest.raises(ValueError, match=r"'chhōe hello/食 ka' cannot .*: 'hello', '食' are not Pe̍h-ōe-jī"):
        convert("chhōe hello/食 ka", source=POJ, target=TAILO)


def test_what_a_recogniser_wrote_is_kept() -> None:
    assert respell("chhōe hello ka4 choa0", source=POJ, target=TAILO) == "tshuē hello ka4 tsua0"
    assert respell("Khì!", source=TAILO, target="nan-Latn-TW-tailo") == "khì"


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(conversion).failed == 0
