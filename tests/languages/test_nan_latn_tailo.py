import csv
import doctest
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.languages import nan_latn_tailo
from speechtl.languages.base import Syllable
from speechtl.languages.nan_latn_tailo import ORTHOGRAPHY as TAILO
from speechtl.languages.nan_latn_tailo import to_diacritics, to_digits

CARRIED = {True: "48", False: "1235679"}
syllables = st.sampled_from(sorted(TAILO.table.items())).flatmap(
    lambda entry: st.sampled_from(CARRIED[entry[1][1][-1] in "ptkh"]).map(lambda tone: entry[0] + tone)
)
words = st.lists(syllables, min_size=1, max_size=5).map(" ".join)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    ("digits", "diacritics"),
    [
        # The Ministry's eight tones, and 6 and 9, on one syllable each.
        ("sann1", "sann"),
        ("te2", "té"),
        ("khoo3", "khòo"),
        ("khuah4", "khuah"),
        ("lang5", "lâng"),
        ("e2", "é"),
        ("phinn7", "phīnn"),
        ("tit8", "ti\u030dt"),
        ("hong6", "hǒng"),
        ("siang9", "sia\u030bng"),
        # Where the mark stands.
        ("ai3", "ài"),
        ("kuai3", "kuài"),
        ("hau7", "hāu"),
        ("thoo5", "thôo"),
        ("ooh8", "o\u030doh"),
        ("io5", "iô"),
        ("hue3", "huè"),
        ("iu5", "iû"),
        ("ui7", "uī"),
        ("tsiunn7", "tsiūnn"),
        ("uainnh8", "ua\u030dinnh"),
        ("ere5", "erê"),
        ("ir2", "ír"),
        ("m7", "m\u0304"),
        ("hm5", "hm\u0302"),
        ("mh8", "m\u030dh"),
        ("ng5", "n\u0302g"),
        ("mng5", "mn\u0302g"),
        ("nng7", "nn\u0304g"),
        ("ngoo5", "ngôo"),
        ("mngh8", "mn\u030dgh"),
        ("sng2", "sńg"),
        ("tshng3", "tshǹg"),
    ],
)
def test_digits_and_diacritics_are_two_spellings_of_one_syllable(digits: str, diacritics: str) -> None:
    assert to_diacritics(digits) == diacritics == unicodedata.normalize("NFC", diacritics)
    assert to_digits(diacritics) == to_digits(nfd(diacritics)) == digits
    assert TAILO.units(digits) == TAILO.units(diacritics) == TAILO.units(nfd(diacritics.upper()))


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("tsi̍t-puànn", ["ts-", "-it", "8", "p-", "-uann", "3"]),
        ("a", ["-a", "1"]),
        ("ah", ["-ah", "4"]),
        ("m̄", ["-m", "7"]),
        ("hm̂", ["h-", "-m", "5"]),
        ("n̂g", ["-ng", "5"]),
        ("ngá", ["ng-", "-a", "2"]),
        ("mn̂g", ["m-", "-ng", "5"]),
        ("tshng", ["tsh-", "-ng", "1"]),
        ("thâu", ["th-", "-au", "5"]),
        ("khuànn--lâi", ["kh-", "-uann", "3", "--", "l-", "-ai", "5"]),
        ("--aih", ["--", "-aih", "4"]),
    ],
)
def test_units_are_initial_final_and_tone(text: str, units: list[str]) -> None:
    assert TAILO.units(text) == units
    assert TAILO.spell(units) == TAILO.normalise(text)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Tâi-pak", "tâi pak"),
        ("Tâi pak", "tâi pak"),
        ("Tâi\u2011pak", "tâi pak"),
        ("TÂI—PAK!", "tâi pak"),
        ("tai5pak4", "tâi pak"),
        ("tai5-pak", "tâi pak"),
        ("  I ài ūn-tōng, bô-ài tha̍k-tsheh. ", "i ài ūn tōng bô ài tha̍k tsheh"),
        ("khuànn--lâi", "khuànn --lâi"),
        ("khuànn --lâi", "khuànn --lâi"),
        ("khuànn -- lâi", "khuànn --lâi"),
        ("tán--tsi̍t-ē", "tán --tsi̍t ē"),
        ("báu--sí--ah", "báu --sí --ah"),
        ("tìunn", "tiùnn"),
        ("【白】tsénn/tsínn", "tsénn"),
        ("【文】kí", "kí"),
        ("【俗】【替】kí", "kí"),
        ("", ""),
        ("/", ""),
        ("ts\u0131\u030dt p\u0131\u0301", "tsi̍t pí"),
    ],
)
def test_canonical_form(written: str, canonical: str) -> None:
    assert TAILO.normalise(written) == TAILO.normalise(nfd(written)) == canonical
    assert TAILO.normalise(canonical) == canonical


def test_every_printed_alternative_is_a_reading_and_the_first_is_trained_on() -> None:
    assert TAILO.alternatives("【白】tsénn/tsínn") == ("tsénn", "tsínn")
    assert TAILO.alternatives("bē-tsò--tit/buē-tsuè--tit") == ("bē tsò --tit", "buē tsuè --tit")
    assert TAILO.alternatives("tshue kué/tshe ké") == ("tshue kué", "tshe ké")
    assert TAILO.alternatives("khì/KHI3/khí/") == ("khì", "khí")
    assert TAILO.units("jī/lī") == TAILO.units("jī")
    whole = "guá beh khì tshī tiûnn tshù bé tshài"
    assert TAILO.alternatives("Guá beh khì tshī-tiûnn/tshù bé tshài") == (whole,), (
        "one text, no two of 5 and 3"
    )
    assert TAILO.units("tshī-tiûnn/tshù") == TAILO.units("tshī tiûnn tshù")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kah1", "'kah1': the final -ah cannot carry tone 1 .*p t k h carry 4 and 8 only"),
        ("kap5", "cannot carry tone 5"),
        ("ka̍", "cannot carry tone 8"),
        ("ka4", "'ka4': the final -a cannot carry tone 4"),
        ("khì--", "'--' before nothing"),
        ("hello", "'hello' is not a Tâi-lô syllable"),
        ("ts̄a", "is not"),
        ("\u0301a", "is not"),
        ("tâ5", "is not"),
        ("tâì", "is not"),
        ("góan", "is not"),
        ("kaⁿ", "is not"),
        ("mánn", "is not"),
        ("lm", "is not"),
        ("一", "is not"),
        ("k5", "is not"),
        ("5", "is not"),
        ("ka0", "is not"),
        ("tâipak", "is not"),
        ("【甲】kí", "'甲' is not"),
    ],
)
def test_what_is_no_syllable_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        TAILO.units(text)
    assert repr(text) in str(caught.value)
    assert TAILO.normalise(TAILO.normalise(text)) == TAILO.normalise(text)


def test_all_faults_of_a_text_are_in_one_error() -> None:
    with pytest.raises(ValueError, match=r"'xa' is not .*'ka4': the final"):
        TAILO.units("xa-ka4-lâi")


def test_tones_that_diacritics_cannot_write_stay_digits_and_count_as_errors() -> None:
    assert TAILO.spell(["k-", "-a", "4", "k-", "-ah", "1"]) == "ka4 kah1"
    assert TAILO.syllables("ka4 kah1") == [Syllable("ka", "4"), Syllable("kah", "1")]
    assert TAILO.syllables("ka kah --lâi") == [
        Syllable("ka", "1"),
        Syllable("kah", "4"),
        Syllable("lai", "5"),
    ]


def test_entering_tones_follow_stops_only() -> None:
    for final in nan_latn_tailo.FINALS:
        carried = {tone for tone in "123456789" if TAILO.follows(f"-{final}", tone)}
        assert carried == set(CARRIED[final[-1] in "ptkh"])


def test_the_neutral_mark_precedes_a_syllable() -> None:
    assert TAILO.follows(None, "--")
    assert TAILO.follows("5", "--")
    assert TAILO.follows("--", "l-")
    assert TAILO.follows("--", "-a")
    assert not TAILO.follows("--", None)
    assert not TAILO.follows("--", "5")
    assert not TAILO.follows("l-", "--")


def test_leakage_sees_through_hyphens_capitals_and_the_neutral_mark() -> None:
    assert TAILO.fold("Khuànn--lâi") == TAILO.fold("khuànn-lâi") == TAILO.fold("khuann3 lai5")


@settings(deadline=None)
@given(words)
def test_generated_words_survive_every_spelling(digits: str) -> None:
    diacritics = to_diacritics(digits)
    assert to_digits(diacritics) == digits
    assert unicodedata.is_normalized("NFC", diacritics)
    assert TAILO.normalise(nfd(diacritics).title()) == diacritics
    assert TAILO.spell(TAILO.units(diacritics)) == diacritics
    assert TAILO.units(diacritics.replace(" ", "-")) == TAILO.units(digits.replace(" ", ""))


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(nan_latn_tailo).failed == 0


def test_every_word_of_the_dictionary() -> None:
    if not (root := os.environ.get("SPEECHTL_CORPORA")):
        pytest.skip("SPEECHTL_CORPORA is not set: no real words to read")
    with (Path(root) / "taiwanese-moe" / "words.tsv").open(encoding="utf-8-sig", newline="") as file:
        printed = [row["tailo"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    assert len(printed) >= 4000
    for text in printed:
        readings = TAILO.alternatives(text)
        assert TAILO.alternatives(nfd(text)) == readings
        assert len(readings) == text.count("/") + 1
        for reading in readings:
            digits = to_digits(reading)
            assert digits.isascii()
            assert to_diacritics(digits) == TAILO.normalise(reading) == reading
            assert TAILO.spell(TAILO.units(reading)) == reading
