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


def test_full_width_letters_and_digits_are_told_with_what_would_be_read() -> None:
    fault = text_fault("nan-Latn-tailo", "tsi̍t tshun２")
    assert fault is not None
    assert fault.message.endswith("'tsi̍t tshun2' would be read")
    han = text_fault("nan-Latn-tailo", "臺tshun2")
    assert han is not None
    assert "would be read" not in han.message


def test_a_text_in_the_other_romanisation_says_how_to_declare_it() -> None:
    fault = text_fault("nan-Latn-tailo", "chi̍t pòaⁿ")
    assert fault is not None
    assert fault.kind == "text not understood"
    assert fault.message.partition("; it is ")[2].startswith(
        "well-formed nan-Latn-pehoeji: give that as its language ("
    )
    for language, text in (
        ("nan-Latn-tailo", "hello"),
        ("cmn-Latn-pinyin", "chi̍t"),
        ("nan-Latn-tailo", "食"),
    ):
        other = text_fault(language, text)
        assert other is not None
        assert "well-formed" not in other.message
