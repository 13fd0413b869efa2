from functools import cache

import numpy as np
import pytest
from fundamental import fundamental
from numpy.typing import NDArray

from speechtl.languages.nan_latn_tailo import ORTHOGRAPHY
from speechtl.synthesis import Delivery, Engine
from speechtl.synthesis.phrasebook import PHRASES
from speechtl.synthesis.taiwanese import CHECKED_SPEED, CONTOURS, VOICE, phonemes, spoken, syllables, written

RATE = 150


@cache
def said(text: str, variant: str = "m3") -> tuple[NDArray[np.int16], int]:
    with Engine(VOICE, variant) as engine:
        return engine.say(spoken(text, RATE), Delivery(RATE, 50, 80)), engine.sample_rate


def contour(tone: str, base: str = "to", variant: str = "m3") -> NDArray[np.float64]:
    """Semitones of a syllable from the median of tone 7: at its start, in its middle, at its end."""
    level = np.median(fundamental(*said(f"{base}7", variant)))
    hertz = fundamental(*said(f"{base}{tone}", variant))
    edge = max(1, len(hertz) // 8)
    middle = slice(len(hertz) // 2 - 1, len(hertz) // 2 + 2)
    parts = hertz[edge : 2 * edge + 1], hertz[middle], hertz[-2 * edge : -edge]
    return np.array([12 * np.log2(np.median(part) / level) for part in parts])


def closure(wave: NDArray[np.int16], rate: int) -> float:
    """The faintest 10 ms after the loudest, as a share of it."""
    size = rate // 100
    frames = wave[: len(wave) // size * size].reshape(-1, size).astype(float)
    loudness = np.sqrt(np.mean(frames**2, axis=1))
    return float(loudness[loudness.argmax() :].min() / loudness.max())


@pytest.mark.parametrize("variant", ["m3", "f4", "steph"])
def test_tones_have_their_contours(variant: str) -> None:
    start, middle, end = np.array([contour(tone, variant=variant) for tone in "1235679"]).T
    high, fall, low, dip, half_low, level, rise = range(7)
    for even in (high, half_low, level):
        assert abs(end[even] - start[even]) < 0.7
    assert middle[high] > middle[level] + 0.5 > middle[half_low] + 0.8
    assert start[fall] > end[fall] + 1.2
    assert end[low] < start[low] - 0.2
    assert middle[low] < middle[level] - 0.7
    assert middle[dip] < min(start[dip], end[dip]) - 0.4
    assert end[rise] > start[rise] + 0.8
    assert abs(start[rise] - middle[level]) < 0.6


def test_every_two_tones_of_open_syllables_differ() -> None:
    contours = {tone: contour(tone) for tone in "1235679"}
    for one in contours:
        for other in contours:
            if one < other:
                assert np.abs(contours[one] - contours[other]).max() > 0.6, (one, other)


@pytest.mark.parametrize("final", ["ap", "at", "ak", "ah"])
def test_checked_syllables_are_short_and_4_is_lower_than_8(final: str) -> None:
    open_syllable, nasal = (len(said(text)[0]) for text in ("ta1", "tan1"))
    for tone in "48":
        wave, rate = said(f"t{final}{tone}")
        assert len(wave) < min(0.9 * open_syllable, 0.75 * nasal)
        assert closure(wave, rate) < 0.06
    assert closure(*said("ta1")) > 0.18
    low, high = (np.median(fundamental(*said(f"t{final}{tone}"))) for tone in "48")
    assert 12 * np.log2(high / low) > 2


def test_every_syllable_is_phonemes_of_the_voice() -> None:
    """The voice reads back what it was given: no name of a phoneme is unknown or taken for another."""
    with Engine(VOICE) as engine:
        pairs = [pair for pair in ORTHOGRAPHY.table.values() if not pair[1].startswith(("er", "ir"))]
        assert len(pairs) > 900
        given = {pair: phonemes(*pair, "33") for pair in pairs}
        for pair, names in given.items():
            heard = engine.phonemes(f"[[{names}]]")
            assert heard.replace("'", "").replace("_|", "").strip("_") == names, pair
    assert len(set(given.values())) == len(given)


def test_golden_phonemes() -> None:
    assert phonemes("tsh", "iann", "55") == "tS;hja55n^"
    assert phonemes("ts", "ua", "51") == "tswa51"
    assert phonemes("j", "ip", "55") == "dZ;i55p"
    assert phonemes("j", "uah", "21") == "zwa21?"
    assert phonemes("", "oo", "33") == "o33"
    assert phonemes("h", "o", "51") == "h@51"
    assert phonemes("k", "ok", "21") == "ko21k"
    assert phonemes("l", "iong", "214") == "ljo214N"
    assert phonemes("t", "ian", "33") == "tjE33n"
    assert phonemes("s", "ng", "55") == "sN-55"
    assert phonemes("", "mh", "21") == "m-21?"
    assert phonemes("ng", "oo", "33") == "No33"
    assert phonemes("h", "ainnh", "55") == "hai55n^?"


@pytest.mark.parametrize(
    ("citation", "changed"),
    [("1", "7"), ("2", "1"), ("3", "2"), ("5", "7"), ("6", "3"), ("7", "3"), ("9", "9")],
)
def test_sandhi_of_open_syllables(citation: str, changed: str) -> None:
    assert syllables(f"ta{citation} si1") == [f"ta{CONTOURS[changed]}", "S;i55"]


def test_sandhi_of_checked_syllables() -> None:
    assert syllables("tsit4 tsit8 tsit4") == ["tS;i55t", "tS;i21t", "tS;i21t"]
    assert syllables("pah4 peh8 ka1") == ["pa51", "pe21", "ka55"]


def test_a_bar_ends_a_tone_group_and_is_not_written() -> None:
    assert syllables("lāu-su | lâi") == ["lAu21", "su55", "lai214"]
    assert written("lāu-su | lâi") == "lāu-su lâi"


def test_what_is_neutral_is_low_and_leaves_its_word_alone() -> None:
    assert syllables("kuè tńg--lâi") == ["kwe51", "tN-51", "lai11"]


def test_a_checked_syllable_brings_a_rate_and_the_next_the_old_one() -> None:
    assert spoken("tsi̍t | lí", 100) == f"\x01{round(100 * CHECKED_SPEED)}S[[tS;i55t]] \x01100S[[li51]]"
    assert "\x01" not in spoken("lí hó", 100)


def test_the_rate_of_a_checked_syllable_ends_with_its_text() -> None:
    with Engine(VOICE) as engine:
        lengths = [len(engine.say(spoken(text, RATE), Delivery(RATE))) for text in ("lí", "tsi̍t", "lí")]
    assert abs(lengths[0] - lengths[2]) < 0.03 * lengths[0]


@pytest.mark.parametrize(
    ("text", "message"), [("lí hao", "'hao'"), ("ka4", "ka4"), ("ber1", "-er is one of dialects")]
)
def test_what_is_no_taiwanese_of_the_book_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spoken(text, RATE)


def test_all_phrases_can_be_said() -> None:
    book = PHRASES["nan-Latn-tailo"]
    choices = [entry for pattern in book.patterns for slot in pattern for entry in slot]
    for text in (*book.digits, *book.commands, *choices):
        assert len(syllables(text)) == len(ORTHOGRAPHY.syllables(written(text)))
