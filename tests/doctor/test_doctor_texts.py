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
