import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.languages.base import Syllable
from speechtl.languages.cmn_latn_pinyin import ORTHOGRAPHY as PINYIN

MARKS = {"1": "\u0304", "2": "\u0301", "3": "\u030c", "4": "\u0300", "5": ""}


def marked(base: str, tone: str) -> str:
    """The official spelling, by the rule of the primers: a, else o, else e, else the last of i u ü."""
    for letters in ("a", "o", "e", "iuv"):
        if found := [index for index, letter in enumerate(base) if letter in letters]:
            place = found[-1] + 1
            break
    else:
        place = 1
    spelled = base[:place] + MARKS[tone] + base[place:]
    return unicodedata.normalize("NFC", spelled.replace("v", "u\u0308"))


syllables = st.tuples(st.sampled_from(sorted(PINYIN.table)), st.sampled_from("12345"))
spoken = syllables.filter(lambda syllable: set(syllable[0]) & set("aeiouv") or syllable[1] != "5")
vowels = syllables.filter(lambda syllable: set(syllable[0]) & set("aeiouv"))


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("yi1", ["-i", "1"]),
        ("ya1", ["-ia", "1"]),
        ("ye3", ["-ie", "3"]),
        ("yao4", ["-iao", "4"]),
        ("you3", ["-iu", "3"]),
        ("liu2", ["l-", "-iu", "2"]),
        ("yan2", ["-ian", "2"]),
        ("yin1", ["-in", "1"]),
        ("yang2", ["-iang", "2"]),
        ("ying1", ["-ing", "1"]),
        ("yong4", ["-iong", "4"]),
        ("xiong2", ["x-", "-iong", "2"]),
        ("wu3", ["-u", "3"]),
        ("wa1", ["-ua", "1"]),
        ("wo3", ["-uo", "3"]),
        ("wai4", ["-uai", "4"]),
        ("wei4", ["-ui", "4"]),
        ("gui4", ["g-", "-ui", "4"]),
        ("wan2", ["-uan", "2"]),
        ("wen4", ["-un", "4"]),
        ("lun4", ["l-", "-un", "4"]),
        ("wang2", ["-uang", "2"]),
        ("weng1", ["-ueng", "1"]),
        ("dong1", ["d-", "-ong", "1"]),
        ("yu3", ["-v", "3"]),
        ("ju4", ["j-", "-v", "4"]),
        ("nv3", ["n-", "-v", "3"]),
        ("nu3", ["n-", "-u", "3"]),
        ("yue4", ["-ve", "4"]),
        ("xue2", ["x-", "-ve", "2"]),
        ("lve4", ["l-", "-ve", "4"]),
        ("yuan2", ["-van", "2"]),
        ("quan2", ["q-", "-van", "2"]),
        ("guan1", ["g-", "-uan", "1"]),
        ("jun1", ["j-", "-vn", "1"]),
        ("yun2", ["-vn", "2"]),
        ("zi4", ["z-", "-ii", "4"]),
        ("shi4", ["sh-", "-ii", "4"]),
        ("ri4", ["r-", "-ii", "4"]),
        ("xi1", ["x-", "-i", "1"]),
        ("er2", ["-er", "2"]),
        ("ng2", ["-ng", "2"]),
        ("xi1 an1", ["x-", "-i", "1", "-an", "1"]),
        ("de5", ["d-", "-e", "5"]),
    ],
)
def test_units_go_by_sound_and_spell_the_official_syllable(text: str, units: list[str]) -> None:
    assert PINYIN.units(text) == units
    assert PINYIN.spell(units) == PINYIN.normalise(text) == text


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("nǐhǎo", "ni3 hao3"),
        ("ni3hao3", "ni3 hao3"),
        ("NI3-HAO3", "ni3 hao3"),
        ("Nǐ hǎo!", "ni3 hao3"),
        ("nĭ hăo", "ni3 hao3"),
        ("Běijīng", "bei3 jing1"),
        ("māma", "ma1 ma5"),
        ("ma", "ma5"),
        ("ma1 ma", "ma1 ma5"),
        ("xiān", "xian1"),
        ("Xī'ān", "xi1 an1"),
        ("Xī’ān", "xi1 an1"),
        ("fángàn", "fan2 gan4"),
        ("fāng'àn", "fang1 an4"),
        ("zhōngguórén", "zhong1 guo2 ren2"),
        ("nǚ'ér", "nv3 er2"),
        ("nǚér", "nv3 er2"),
        ("nü3", "nv3"),
        ("lüè", "lve4"),
        ("lue4", "lve4"),
        ("jü1 jv1", "ju1 ju1"),
        ("ńg", "ng2"),
        ("hao3/hao4", "hao3"),
    ],
)
def test_canonical_form(written: str, canonical: str) -> None:
    assert PINYIN.normalise(written) == canonical
    assert PINYIN.normalise(unicodedata.normalize("NFD", written)) == canonical
    assert PINYIN.normalise(canonical) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "ni6",
        "beijing",
        "beijing1",
        "nǐ3",
        "xia3ng",
        "hello1",
        "gi1",
        "ong1",
        "tiānānmén",
        "你好",
        "3",
        "i1",
        "ḿá",
        "ng",
    ],
)
def test_what_is_no_pinyin_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a pinyin syllable") as caught:
        PINYIN.units(text)
    assert repr(text) in str(caught.value)


def test_the_neutral_mark_of_other_orthographies_is_a_hyphen() -> None:
    assert PINYIN.normalise("ma1--ma5") == "ma1 ma5"
    with pytest.raises(ValueError, match="'--' is no unit of cmn-Latn-pinyin"):
        PINYIN.spell(["--"])


def test_syllables_tell_base_and_tone() -> None:
    assert PINYIN.syllables("nǚ'ér") == [Syllable("nv", "3"), Syllable("er", "2")]
    assert PINYIN.alternatives("hao3/hao4") == ("hao3", "hao4")


@settings(deadline=None)
@given(st.lists(spoken, min_size=1, max_size=4))
def test_numbers_and_diacritics_are_read_alike(word: list[tuple[str, str]]) -> None:
    numbers = " ".join(base + tone for base, tone in word)
    assert PINYIN.normalise(numbers) == numbers
    assert PINYIN.normalise(" ".join(marked(base, tone) for base, tone in word)) == numbers


@settings(deadline=None)
@given(st.lists(vowels, min_size=2, max_size=4))
def test_runs_are_cut_where_the_apostrophe_rule_lets_them(word: list[tuple[str, str]]) -> None:
    word = [(base, tone if tone != "5" else "4") for base, tone in word]
    run = marked(*word[0])
    for base, tone in word[1:]:
        run += ("'" if base[0] in "aeo" else "") + marked(base, tone)
    assert PINYIN.normalise(run) == " ".join(base + tone for base, tone in word)


def test_every_usable_recording_of_the_corpus_can_be_labelled() -> None:
    if not (root := os.environ.get("SPEECHTL_CORPORA")):
        pytest.skip("SPEECHTL_CORPORA is not set: no real words to read")
    from data_prep.mandarin_audio_cmn import reading

    folder = Path(root) / "mandarin-audio-cmn"
    names = {part: [p.stem[4:] for p in (folder / part).glob("cmn-*.mp3")] for part in ("hsk", "syllabs")}
    texts = [name for name in names["syllabs"] if not name.startswith("_")]
    texts += [text for name in names["hsk"] if (text := reading(name)[0])]
    assert len(texts) > 5000
    for text in texts:
        assert PINYIN.spell(PINYIN.units(text)) == PINYIN.normalise(text) == text.replace("jv", "ju")
