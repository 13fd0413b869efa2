import pytest
from fundamental import fundamental

from speechtl.synthesis import ACCENTS, LANGUAGES, PHRASES, Delivery, Engine
from speechtl.synthesis.pronunciation import given, voice_of

TONES = {"cmn-Latn-pinyin": "12345", "yue-Latn-jyutping": "123456"}


@pytest.mark.parametrize("name", [*LANGUAGES, *ACCENTS])
def test_there_is_a_voice_for_every_language_and_accent(name: str) -> None:
    with Engine(voice_of(name), "f4") as engine:
        assert engine.phonemes("a")


@pytest.mark.parametrize("language", TONES)
def test_every_syllable_of_the_book_keeps_its_tone(language: str) -> None:
    """The voice reads the digits as tones, not as numbers, and drops none of them."""
    book = PHRASES[language]
    choices = [entry for pattern in book.patterns for slot in pattern for entry in slot]
    with Engine(voice_of(language)) as engine:
        for text in (*book.digits, *book.commands, *choices):
            for syllable in text.split():
                heard = engine.phonemes(given(syllable, language, 150)).rstrip("_|")
                assert any(letter in TONES[language] for letter in heard), (syllable, heard)


def test_syllabic_nasals_of_cantonese_have_their_tone() -> None:
    assert given("jat1 ng5 m4 hai6", "yue-Latn-jyutping", 150) == "jat1 [[ng5]] [[m-4]] hai6"
    assert given("ngo5 maa1", "yue-Latn-jyutping", 150) == "ngo5 maa1"
    with Engine(voice_of("yue-Latn-jyutping")) as engine:
        rising = fundamental(
            engine.say(given("ng5", "yue-Latn-jyutping", 150), Delivery(150, range=80)), engine.sample_rate
        )
    assert rising[-5:].mean() > 1.05 * rising[:5].mean()


def test_other_texts_are_given_as_they_are() -> None:
    assert given("wir wollen drei äpfel", "de", 150) == "wir wollen drei äpfel"
    assert given("ni3 hao3", "cmn-Latn-pinyin", 150) == "ni3 hao3"
