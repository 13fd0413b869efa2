import pytest
from faulty_speech import Speech

from speechtl.doctor import examine


def test_few_units_that_training_lacks_are_a_notice(speech: Speech) -> None:
    for number in range(100):
        speech.add(
            audio=speech.clip(speech.sound("a", 2.0)),
            split="test",
            speaker="cleo en",
            text="ao" * (number % 9 + 1),
        )
    speech.add(split="test", speaker="cleo en", text="aeu")
    examination = examine(speech.write("speech.csv"))
    assert examination.is_clean
    (notice,) = [one for one in examination.notices if one.kind == "units never seen in training"]
    assert notice.detail == "'u'"
    speech.add(split="test", speaker="cleo en", text="eau")
    assert [fault.detail for fault in examine(speech.write("speech.csv")).faults] == ["'u'", "'u'"]


def test_rare_units_are_a_notice(speech: Speech) -> None:
    speech.add(text="aoz")
    examination = examine(speech.write("speech.csv"))
    assert examination.is_clean
    (notice,) = examination.notices
    assert (notice.kind, notice.where) == ("rare units", "en")
    assert notice.detail == "1 of 5 occur fewer than 3 times, 1 only once: 'z' 1"


def test_what_is_too_long_to_be_trained_on_is_a_fault_and_a_click_a_notice(speech: Speech) -> None:
    speech.add(audio=speech.clip(speech.sound("a", 61.0)), text="ao")
    speech.add(audio=speech.clip(speech.sound("e", 61.5)), text="ae", split="test", speaker="cleo en")
    speech.add(audio=speech.clip(speech.sound("i", 0.09)), text="a")
    examination = examine(speech.write("speech.csv"))
    (fault,) = [one for one in examination.faults if one.kind == "longer than can be trained on"]
    assert fault.detail == "61 s of 60"
    (notice,) = [one for one in examination.notices if one.kind == "hardly any sound"]
    assert "1 utterance, first " in notice.detail
    assert "0.09 s" in notice.detail


@pytest.mark.parametrize(
    ("tag", "text", "is_told"),
    [
        ("cmn-Latn-pinyin", "wo xiang he cha", True),
        ("cmn-Latn-pinyin", "wǒ xiǎng hē chá le", False),
        ("nan-Latn-tailo", "gua beh khi tai uan", True),
        ("nan-Latn-tailo", "guá beh khì tâi-uân", False),
        ("en", "wo xiang he cha", False),
    ],
)
def test_texts_whose_tones_nobody_wrote_are_noticed(
    speech: Speech, tag: str, text: str, is_told: bool
) -> None:
    for split, speaker in (("train", "anna"), ("test", "cleo")):
        for _ in range(4):
            speech.add(language=tag, text=text, split=split, speaker=f"{speaker} {tag}")
    found = [one for one in examine(speech.write("speech.csv")).notices if one.kind == "texts without tones"]
    assert [one.where for one in found] == [tag] * is_told
    assert all(one.detail.startswith("0 of ") for one in found)
