import pytest

from speechtl.text_faults import text_fault


def test_what_can_be_cut_into_units_has_no_fault() -> None:
    assert text_fault("nan-Latn-tailo", "tsuí") is None
    assert text_fault("nan-Hant", "水") is None


@pytest.mark.parametrize(
    ("language", "text"), [("nan-Latn-tailo", "..."), ("nan-Hant", "（，）"), ("en", "?!")]
)
def test_a_text_of_which_nothing_is_spoken(language: str, text: str) -> None:
    fault = text_fault(language, text)
    assert fault is not None
    assert fault.kind == "no text"
    assert repr(text) in fault.message


def test_a_text_in_the_other_romanisation_says_how_to_declare_it() -> None:
    fault = text_fault("nan-Latn-tailo", "chi̍t pòaⁿ")
    assert fault is not None
    assert fault.kind == "text not understood"
    assert fault.message.endswith("it is well-formed nan-Latn-pehoeji: give that as its language")
    for language, text in (
        ("nan-Latn-tailo", "hello"),
        ("cmn-Latn-pinyin", "chi̍t"),
        ("nan-Latn-tailo", "食"),
    ):
        other = text_fault(language, text)
        assert other is not None
        assert "well-formed" not in other.message
