import subprocess
import sys

import pytest

from speechtl.languages.base import Orthography
from speechtl.languages.han import HanOrthography
from speechtl.languages.syllables import SyllableOrthography
from speechtl.orthographies import KNOWN, orthography, regionless

SYLLABIC = ("nan-Latn-tailo", "nan-Latn-pehoeji", "cmn-Latn-pinyin", "yue-Latn-jyutping")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("NAN-latn-TAILO", "nan-Latn-tailo"),
        ("cmn-LATN-Pinyin", "cmn-Latn-pinyin"),
        ("yue-Latn-jyutping", "yue-Latn-jyutping"),
        ("nan-latn-tw-tailo", "nan-Latn-TW-tailo"),
        ("nan-Latn-PEHOEJI", "nan-Latn-pehoeji"),
        ("nan-TW-tailo", "nan-Latn-TW-tailo"),
        ("nan-tw-pehoeji", "nan-Latn-TW-pehoeji"),
        ("AR", "ar"),
        ("EN-us", "en-US"),
        ("nan-hant", "nan-Hant"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("es-419", "es-419"),
        ("de-CH-1996", "de-CH-1996"),
        ("sr-LATN-x-Mine", "sr-Latn-x-mine"),
        ("haw", "haw"),
    ],
)
def test_a_tag_in_any_case_is_the_same_language(written: str, canonical: str) -> None:
    assert orthography(written).tag == canonical
    assert orthography(canonical) == orthography(written)
    assert orthography(written) is orthography(written)


def test_tags_choose_their_rules() -> None:
    for tag in SYLLABIC:
        assert isinstance(orthography(tag), SyllableOrthography)
    assert isinstance(orthography("nan-Latn-TW-tailo"), SyllableOrthography)
    assert type(orthography("haw")) is Orthography
    for tag in ("nan-Hant", "cmn-Hans", "cmn-Hant", "zh-Hant-TW", "yue-Hant"):
        assert isinstance(orthography(tag), HanOrthography)
    assert type(orthography("ar")) is type(orthography("ar-EG")) is not Orthography
    assert type(orthography("ar-Latn")) is Orthography


@pytest.mark.parametrize(
    ("tag", "choice"),
    [
        ("nan", "nan-Latn-tailo"),
        ("nan", "nan-Latn-pehoeji"),
        ("nan", "nan-Hant"),
        ("nan-Latn", "nan-Latn-tailo"),
        ("nan-TW", "nan-Latn-tailo"),
        ("nan-Latn-jyutping", "nan-Latn-tailo"),
        ("CMN", "cmn-Latn-pinyin"),
        ("zh", "cmn-Hans"),
        ("zh-CN", "cmn-Latn-pinyin"),
        ("zh-Latn-pinyin", "cmn-Latn-pinyin"),
        ("yue", "yue-Latn-jyutping"),
    ],
)
def test_an_ambiguous_tag_lists_the_choices(tag: str, choice: str) -> None:
    with pytest.raises(ValueError, match=f"'{tag}' does not say how the text is written") as caught:
        orthography(tag)
    assert choice in str(caught.value)


@pytest.mark.parametrize(
    "tag", ["", "e", "english", "en_US", "en-", "-en", "nan Latn", "en--US", "é", "en-U", "12"]
)
def test_a_malformed_tag_says_what_is_expected(tag: str) -> None:
    with pytest.raises(ValueError, match=r"is no language tag; expected a BCP-47 tag.*nan-Latn-tailo"):
        orthography(tag)


@pytest.mark.parametrize(
    ("tag", "without"),
    [
        ("en-GB", "en"),
        ("es-419", "es"),
        ("nan-TW-tailo", "nan-Latn-tailo"),
        ("de-CH-1996", "de-1996"),
        ("zh-hans-cn", "cmn-Hans"),
        ("yue-Hant-HK", "yue-Hant"),
        ("ar-Arab-EG", "ar"),
        ("nan-Hant", "nan-Hant"),
    ],
)
def test_no_text_rule_depends_on_the_region(tag: str, without: str) -> None:
    assert regionless(tag) == without
    assert regionless(without) == without


def test_every_tag_with_rules_of_its_own_has_them() -> None:
    for tag in KNOWN:
        assert orthography(tag).tag == tag
        assert type(orthography(tag)) is not Orthography


def test_only_the_language_that_is_asked_for_is_imported() -> None:
    script = (
        "import sys; from speechtl.text import orthography; orthography('en'); orthography('haw')\n"
        "print([m for m in sys.modules if 'latn' in m or m in ('torch', 'numpy', 'datasets', 'pyarrow')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
