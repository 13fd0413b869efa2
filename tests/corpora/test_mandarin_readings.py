import pytest

from data_prep.mandarin_audio_cmn import reading


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        ("银行", "yin2 hang2"),
        ("行动", "xing2 dong4"),
        ("音乐", "yin1 yue4"),
        ("快乐", "kuai4 le4"),
        ("长城", "chang2 cheng2"),
        ("校长", "xiao4 zhang3"),
        ("女儿", "nv3 er2"),
        ("儿童", "er2 tong2"),
        ("女", "nv3"),
        ("我们", "wo3 men5"),
        ("东方", "dong1 fang1"),
        ("医生", "yi1 sheng1"),
        ("听", "ting1"),
        ("上", "shang4"),
    ],
)
def test_a_reading_that_the_characters_decide(word: str, syllables: str) -> None:
    assert reading(word) == (syllables, "")


@pytest.mark.parametrize(
    ("word", "syllables"), [("一样", "yi1 yang4"), ("一起", "yi1 qi3"), ("不对", "bu4 dui4")]
)
def test_yi_and_bu_are_written_in_their_own_tone(word: str, syllables: str) -> None:
    assert reading(word) == (syllables, "")


@pytest.mark.parametrize("word", ["长", "还", "都", "好", "着", "中", "了", "少", "难"])
def test_a_character_of_several_usual_readings_is_left_out(word: str) -> None:
    assert reading(word) == (None, "ambiguous reading")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("一会儿", "r-coloured ending"),
        ("画儿", "r-coloured ending"),
        ("越_越_", "pattern with a gap"),
        ("卡拉OK", "not Han characters"),
        ("", "not Han characters"),
    ],
)
def test_what_is_no_sequence_of_syllables_says_why(word: str, reason: str) -> None:
    assert reading(word) == (None, reason)
