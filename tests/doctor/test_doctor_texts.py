from pathlib import Path

from faulty_speech import Speech

from speechtl.corpus import Corpus, Utterance
from speechtl.doctor import examine


def test_languages_and_texts_of_a_prepared_corpus_are_looked_at(speech: Speech, own_folders: Path) -> None:
    audio = str(speech.clip(speech.sound("ae", 2.0)))
    utterances = [
        Utterance("a", audio, "!?", "en", None, None, 2.0, "train"),
        Utterance("b", str(speech.clip()), "a", "nan", None, None, 2.0, "train"),
        Utterance("c", str(speech.clip()), "sî", "nan", None, None, 2.0, "train"),
        Utterance("d", str(speech.clip()), "xyzzy", "nan-Latn-tailo", None, None, 2.0, "train"),
    ]
    Corpus.from_utterances("odd", utterances).save(own_folders / "data" / "odd")
    faults = examine("odd").faults
    assert [(fault.kind.split(";")[0], fault.where) for fault in faults] == [
        ("language: 'nan' does not say how the text is written", "odd"),
        ("no text", "a"),
        ("text not understood", "d"),
    ]
    assert faults[0].detail == "2 utterances, first b"


def test_numbers_in_digits_and_symbols_that_are_dropped_are_notices(speech: Speech) -> None:
    for number in range(3):
        speech.add(audio=speech.clip(speech.sound("a", 3.0 + number)), text=f"ao 1{number}5% ae")
    speech.add(audio=speech.clip(speech.sound("a", 8.0)), text="ae & ao", language="en")
    notices = {one.kind: one for one in examine(speech.write("speech.csv")).notices}
    assert notices["numbers in digits"].detail == "3 texts, such as 'ao 105% ae'"
    assert notices["'%' is left out of texts"].where == "en"
    assert notices["'&' is left out of texts"].detail == "1 text, such as 'ae & ao'"


def test_digits_that_are_tones_are_none(speech: Speech) -> None:
    speech.add(audio=speech.clip(speech.sound("a", 3.0)), text="tsi2 tai5", language="nan-Latn-tailo")
    assert "numbers in digits" not in {one.kind for one in examine(speech.write("speech.csv")).notices}


def test_a_tag_whose_script_no_text_is_in_is_told(speech: Speech) -> None:
    for number, (text, tag) in enumerate(
        [("ni hao", "cmn-Hans"), ("xie xie", "cmn-Hans"), ("你好", "cmn-Hant"), ("a1 b2", "cmn-Hant")]
    ):
        speech.add(audio=speech.clip(speech.sound("a", 4.0 + number)), text=text, language=tag)
    notices = [one for one in examine(speech.write("speech.csv")).notices if "the tag names" in one.kind]
    assert [(one.kind, one.where) for one in notices] == [
        ("no text is in the script that the tag names, Han", "cmn-Hans")
    ]
    assert notices[0].detail == "Latin in all, such as 'ni hao'"
