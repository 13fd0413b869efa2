import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.text import orthography


@pytest.mark.parametrize(
    ("tag", "written", "canonical"),
    [
        ("de", "Straße, 5 Äpfel!", "straße 5 äpfel"),
        ("de", "Straße\u00ad", "straße"),
        ("fr", "L’été n'est «pas» là'", "l'été n'est pas là"),
        ("el", "ΟΔΟΣ", "οδος"[:-1] + "ς"),
        ("tr", "ISPARTA İzmir", "ısparta izmir"),
        ("vi", "Tiê\u0301ng Viê\u0323t", "tiếng việt"),
        ("hi", "हिन्दी।", "हिन्दी"),
        ("fa", "می\u200cخواهم", "می\u200cخواهم"),
        ("uk", "м\u02bcята м’ята", "м'ята м'ята"),
        ("uz", "O\u02bbzbek O‘zbek", "o'zbek o'zbek"),
        ("haw", "\u02bbōlelo Hawai\u02bbi", "\u02bbōlelo hawai'i"),
        ("ja", "１０ﾎﾟﾝﾄﾞ", "10ポンド"),
        ("th", "น\u0e4d\u0e49\u0e32 น\u0e49\u0e4d\u0e32", "น\u0e49\u0e33 น\u0e49\u0e33"),
        ("lo", "ນ\u0ecd\u0ec9\u0eb2", "ນ\u0ec9\u0eb3"),
        ("ko", "\u1112\u1161\u11ab글", "한글"),
        ("ja", "食べる、飲む。", "食べる 飲む"),
        ("nan-Hani", "食飯", "食飯"),
        ("sr-Latn", "Ljubav-ljubav", "ljubav ljubav"),
    ],
)
def test_letters_and_marks_of_every_script_stay(tag: str, written: str, canonical: str) -> None:
    rules = orthography(tag)
    assert rules.normalise(written) == canonical
    assert rules.normalise(unicodedata.normalize("NFD", written)) == canonical
    assert rules.units(written) == list(canonical)
    assert rules.syllables(written) is None
    assert not rules.tones
    assert not rules.syllabic


@pytest.mark.parametrize(
    ("tag", "words"),
    [("de", True), ("cmn-Hans", False), ("nan-Hant", False), ("ja", False), ("th", False), ("sr-Latn", True)],
)
def test_words_are_where_spaces_separate_them(tag: str, words: bool) -> None:
    assert orthography(tag).words == words


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Don’t STOP, 'now'!", "don't stop now"),
        ("café naïve", "cafe naive"),
        ("cafe\u0301", "cafe"),
        ("rock-'n'-roll", "rock n roll"),
        ("don\u02bct don`t don\u00b4t `quoted`", "don't don't don't quoted"),
        ("seven", "seven"),
    ],
)
def test_english_is_letters_and_apostrophes(written: str, canonical: str) -> None:
    for tag in ("en", "en-US", "EN-latn-gb"):
        assert orthography(tag).normalise(written) == canonical


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("أربعة", "اربعة"),
        ("إلغاء", "الغاء"),
        ("ٱلْقُرْآن", "القران"),
        ("العـــربية", "العربية"),
        ("ا\u0654ربعة", "اربعة"),
        ("آ\u00ad\u0653ب", "اب"),
        ("مُدَرِّسَة؟", "مدرسة"),
        ("على", "على"),
        ("مسؤول شيء", "مسؤول شيء"),
        ("لَهُ\u06e5", "له"),
        ("مُسْلِم\u08f1", "مسلم"),
        ("ا\u0656ب", "اب"),
        ("\ufefb \ufe70\ufee1\ufedf", "لا مل"),
        ("قرو\u0653ء", "قروء"),
    ],
)
def test_arabic_is_the_skeleton_that_writers_agree_on(written: str, canonical: str) -> None:
    for tag in ("ar", "ar-EG", "ar-Arab"):
        assert orthography(tag).normalise(written) == canonical
        assert orthography(tag).normalise(unicodedata.normalize("NFD", written)) == canonical


SCRIPTS = st.sampled_from("aßİIıçéñ'’-2 \u0301\u0308\u200c\u200d\u00adกำဪअ़ाأآٱا\u0654\u0655ـ한ﬁ漢")


@pytest.mark.parametrize("tag", ["de", "tr", "hi", "ml", "ar", "en", "ja"])
@settings(deadline=None)
@given(st.one_of(st.text(max_size=20), st.text(SCRIPTS, max_size=12)))
def test_normal_text_is_nfc_and_stays(tag: str, text: str) -> None:
    rules = orthography(tag)
    normal = rules.normalise(text)
    assert rules.normalise(normal) == normal
    assert unicodedata.is_normalized("NFC", normal)
    assert rules.normalise(unicodedata.normalize("NFD", text)) == normal
    assert rules.spell(rules.units(text)) == normal
    assert rules.alternatives(text) == (normal,)


@pytest.mark.parametrize(
    ("tag", "written", "expected"),
    [
        ("hy", "Ինչո՞ւ չեկար", "ինչու չեկար"),
        ("ca", "La col·lecció · nova", "la col·lecció nova"),
        ("oc", "In·habitat", "in·habitat"),
        ("fr", "col·lecció", "col lecció"),
        ("he", 'צה״ל צה"ל', "צהל צהל"),
        ("he", "ג׳ירפה", "ג'ירפה"),
    ],
)
def test_marks_inside_words_do_not_cut_them(tag: str, written: str, expected: str) -> None:
    rules = orthography(tag)
    assert rules.normalise(written) == expected
    assert rules.normalise(expected) == expected
