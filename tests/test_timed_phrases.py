import pytest

from speechtl.phrases import Segment, TimedUnit, phrases
from speechtl.text import TextSettings, Tokenizer, orthography
from speechtl.units import Kind


def spoken(tokenizer: Tokenizer, *parts: tuple[str, float]) -> list[TimedUnit]:
    """Units of parts, each begun at its second and 0.1 s a unit."""
    units = []
    for text, start in parts:
        for number, unit in enumerate(tokenizer._cutting.cut(text) if text != " " else [" "]):
            time = start + 0.1 * number
            units.append(TimedUnit(tokenizer._ids[unit], time, time + 0.1))
    return units


CASES: list[tuple[str, Kind, list[tuple[str, float]], list[str]]] = [
    ("nan-Latn-tailo", "default", [("tâi uân", 0), ("khì", 3)], ["tâi uân", "khì"]),
    ("nan-Latn-tailo", "syllables", [("tâi uân", 0), ("khì", 3)], ["tâi uân", "khì"]),
    ("cmn-Hans", "default", [("我有", 0), ("三", 3)], ["我有", "三"]),
    ("en", "default", [("go", 0), (" ", 0.3), ("stop", 3)], ["go", "stop"]),
    ("en", "default", [("go", 0), (" ", 2.8), ("stop", 3)], ["go", "stop"]),
    ("en", "default", [("go", 0), ("ing", 3)], ["going"]),
    ("en", "default", [("go", 0), (" ", 0.2), ("stop", 0.6)], ["go stop"]),
]


@pytest.mark.parametrize(("tag", "kind", "parts", "expected"), CASES)
def test_pauses_between_words_divide(
    tag: str, kind: Kind, parts: list[tuple[str, float]], expected: list[str]
) -> None:
    texts = ["tâi uân khì", "我有三", "go stop ing"]
    tokenizer = Tokenizer.fit([text for text in texts if _readable(tag, text)], tag, TextSettings(kind))
    units = spoken(tokenizer, *parts)
    found = phrases(units, tokenizer, 0.5)
    assert [segment.text for segment in found] == expected
    whole = tokenizer.decode([unit.id for unit in units])
    assert orthography(tag).normalise(" ".join(segment.text for segment in found)) == whole
    assert found[0].start == units[0].start
    assert found[-1].end == pytest.approx(units[-1].end)


def test_pauses_part_words_where_the_units_have_no_space() -> None:
    tokenizer = Tokenizer.fit(["one", "two"], "en")
    assert tokenizer.lacks_space
    units = spoken(tokenizer, ("one", 0), ("two", 1.0), ("one", 1.4))
    assert [segment.text for segment in phrases(units, tokenizer, 0.5)] == ["one", "twoone"]
    for texts, tag, kind in (
        (["one two"], "en", "default"),
        (["one"], "en", "sentencepiece"),
        (["我"], "cmn-Hans", "default"),
        (["tâi"], "nan-Latn-tailo", "default"),
    ):
        assert not Tokenizer.fit(texts, tag, TextSettings(kind)).lacks_space


def test_a_pause_inside_a_syllable_divides_nothing() -> None:
    tokenizer = Tokenizer("nan-Latn-tailo", ("-a", "1", "k-"))
    ids = [3, 1, 2, 1, 2]
    units = [TimedUnit(id_, 2.0 * number, 2.0 * number + 0.1) for number, id_ in enumerate(ids)]
    found = phrases(units, tokenizer, 0.5)
    assert found == [Segment(0.0, 4.1, "ka"), Segment(6.0, 8.1, "a")]
    assert phrases([], tokenizer, 0.5) == []


def _readable(tag: str, text: str) -> bool:
    if tag == "en":
        return text.isascii()
    return (text[0] == "我") == (tag == "cmn-Hans") and not text.isascii()
