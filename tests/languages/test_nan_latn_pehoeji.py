import csv
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.languages import nan_latn_pehoeji
from speechtl.languages.base import Syllable
from speechtl.languages.nan_latn_pehoeji import ORTHOGRAPHY as POJ
from speechtl.languages.nan_latn_tailo import ORTHOGRAPHY as TAILO
from speechtl.languages.respelling import respelled, shares_syllables, strangers
from speechtl.languages.syllables import Parts

FORMS = ("NFC", "NFD")
syllables = st.sampled_from(sorted(TAILO.table.values())).flatmap(
    lambda parts: st.sampled_from([t for t in "123456789" if TAILO.scheme.carries(parts[1], t)]).map(
        lambda tone: Parts(*parts, tone)
    )
)
words = st.lists(st.tuples(st.booleans(), syllables), min_size=1, max_size=5)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def both(word: list[tuple[bool, Parts]]) -> tuple[str, str]:
    """A word in Tâi-lô and in Pe̍h-ōe-jī."""
    return tuple(
        " ".join(("--" if neutral else "") + rules.canonical(parts) for neutral, parts in word)
        for rules in (TAILO, POJ)
    )


@pytest.mark.parametrize(
    ("tailo", "poj"),
    [
        # Printed side by side in the articles of Wikipedia on the Taiwanese Romanization System (which gives
        # its own name in both) and on Penang Hokkien, and in Common Voice's card of nan-tw.
        ("Tâi-uân Tâi-gí Lô-má-jī Phing-im Hong-àn", "Tâi-oân Tâi-gí Lô-má-jī Pheng-im Hong-àn"),
        ("Pin-siânn Hok-kiàn-uā", "Pin-siâⁿ Hok-kiàn-ōa"),
        ("Tâi-uân-uē", "Tâi-oân-ōe"),
        # The sentence, and the name of the script.
        ("tsi̍t lia̍p tsio̍h-thâu", "chi̍t lia̍p chio̍h-thâu"),
        ("pe̍h-uē-jī", "pe̍h-ōe-jī"),
        # Converted by KeSi 1.6, an independent implementation (but for the order of ⁿ and h).
        ("guá", "góa"),
        ("khuànn", "khòaⁿ"),
        ("ua̍h", "oa̍h"),
        ("gue̍h", "goe̍h"),
        ("guán", "goán"),
        ("kuài", "koài"),
        ("khiau", "khiau"),
        ("iáu", "iáu"),
        ("tsuí", "chúi"),
        ("kiû", "kiû"),
        ("tsiūnn", "chiūⁿ"),
        ("kāu", "kāu"),
        ("ka̍uh", "kau̍h"),
        ("hiannh", "hiahⁿ"),
        ("hōo", "hō͘"),
        ("oo", "o͘"),
        ("hònn", "hòⁿ"),
        ("ông", "ông"),
        ("kok", "kok"),
        ("tshing", "chheng"),
        ("ti̍k", "te̍k"),
        ("n̂g", "n̂g"),
        ("mn̂g", "mn̂g"),
        ("m̄", "m̄"),
        ("hm̂", "hm̂"),
        ("lia̋n-tǎng", "liăn-tǎng"),
        ("khuànn--lâi", "khòaⁿ--lâi"),
    ],
)
def test_the_two_romanisations_of_one_text(tailo: str, poj: str) -> None:
    for form in FORMS:
        written, spelled = unicodedata.normalize(form, tailo), unicodedata.normalize(form, poj)
        assert respelled(written, TAILO, POJ) == POJ.normalise(spelled) == POJ.normalise(poj)
        assert respelled(spelled, POJ, TAILO) == TAILO.normalise(tailo)
        assert POJ.units(spelled) == TAILO.units(written)
        assert POJ.units(spelled.upper()) == POJ.units(spelled)


@pytest.mark.parametrize(
    ("digits", "diacritics"),
    [
        # The tones of MacGowan 1898, A Manual of the Amoy Colloquial, page ii, and KeSi's 6 and 9.
        ("lou7-thau5", "lō͘ thâu"),
        ("kun1", "kun"),
        ("kun2", "kún"),
        ("kun3", "kùn"),
        ("kut4", "kut"),
        ("kun5", "kûn"),
        ("kun6", "kǔn"),
        ("kun7", "kūn"),
        ("kut8", "ku̍t"),
        ("kun9", "kŭn"),
        ("chhoaN7", "chhōaⁿ"),
        ("ou8h", None),
    ],
)
def test_digits(digits: str, diacritics: str | None) -> None:
    if diacritics is None:
        with pytest.raises(ValueError, match="is not a Pe̍h-ōe-jī syllable"):
            POJ.units(digits)
    else:
        assert POJ.normalise(digits) == unicodedata.normalize("NFC", diacritics)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        # Signs that are typed for o͘, before and after the tone mark.
        *((f"h{o}{sign}", "hó͘") for o in ("ó", "o\u0301") for sign in "\u0358·•‧∙⋅˙\u0307"),
        ("ho\u0358\u0301", "hó͘"),
        ("hȯ", "ho͘"),
        ("hou2", "hó͘"),
        ("hoo2", "hó͘"),
        ("HÓ͘", "hó͘"),
        # ... and for ⁿ.
        ("sann", "saⁿ"),
        ("saN", "saⁿ"),
        ("saᴺ", "saⁿ"),
        ("saN1-ê", "saⁿ ê"),
        ("sahN4", "sahⁿ"),
        ("saNh4", "sahⁿ"),
        ("SAN", "san"),
        # Bradley 1854: ⁿ before h, o͘ before a consonant, an acute on entering syllables for tone 8.
        ("aⁿh", "ahⁿ"),
        ("o͘ng", "ong"),
        ("kút", "ku̍t"),
        ("bák", "ba̍k"),
        ("hò͘ⁿ", "hòⁿ"),
        # Douglas 1873 and Campbell 1913.
        ("tsúi", "chúi"),
        ("tsa-bó·", "cha bó͘"),
        ("thien", "thian"),
        ("siet", "siat"),
        ("miâⁿ", "miâ"),
        ("nn̄g", "nn̄g"),
        # Doty's, by Klöter 2002.
        ("sieng", "seng"),
        ("siek", "sek"),
        # Tâi-lô, with which texts are mixed.
        ("tshuē tsuá pn̂g", "chhōe chóa pn̂g"),
        ("lia̋n", "liăn"),
        # What Tâi-lô reads likewise.
        ("góa--bô", "góa --bô"),
        ("【白】chhéⁿ/chhíⁿ", "chhéⁿ"),
        ("Tâi\u2011OÂN!", "tâi oân"),
        ("khòa1", "khòa1"),
        ("", ""),
    ],
)
def test_other_spellings_are_read(written: str, canonical: str) -> None:
    canonical = unicodedata.normalize("NFC", canonical)
    assert POJ.normalise(written) == POJ.normalise(nfd(written)) == canonical
    assert POJ.normalise(canonical) == canonical


@pytest.mark.parametrize(
    "text", ["hello", "góá", "goá2", "ka4", "kap5", "bô·lâi", "食", "chamN", "bháⁿ", "k", "oé n"]
)
def test_what_is_no_syllable_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="Correct it or leave the utterance out") as caught:
        POJ.units(text)
    assert repr(text) in str(caught.value)


def test_the_units_are_those_of_tailo() -> None:
    assert shares_syllables(POJ, TAILO)
    assert POJ.units("chhōe--khòaⁿ") == ["tsh-", "-ue", "7", "--", "kh-", "-uann", "3"]
    assert {POJ.spell(TAILO.units(text)) for text in ("tshuē", "tshue7")} == {"chhōe"}
    assert POJ.syllables("Chhōe phō͘") == [Syllable("chhoe", "7"), Syllable("pho͘", "7")]


def test_every_syllable_has_one_spelling_and_every_spelling_one_syllable() -> None:
    assert len(POJ.table) == len(TAILO.table)
    assert set(POJ.table.values()) == set(TAILO.table.values())
    for (initial, final), base in {parts: base for base, parts in POJ.table.items()}.items():
        tone = "4" if final[-1] in "ptkh" else "1"
        assert POJ.units(base) == TAILO.units(initial + final)
        assert respelled(TAILO.canonical(Parts(initial, final, tone)), POJ, TAILO) == initial + final


@settings(deadline=None)
@given(words)
def test_generated_words_go_there_and_back(word: list[tuple[bool, Parts]]) -> None:
    tailo, poj = both(word)
    for form in FORMS:
        assert respelled(unicodedata.normalize(form, tailo), TAILO, POJ) == poj
        assert respelled(unicodedata.normalize(form, poj), POJ, TAILO) == tailo
    assert POJ.normalise(nfd(poj).capitalize()) == poj == unicodedata.normalize("NFC", poj)
    assert POJ.normalise(tailo) == poj
    assert POJ.units(poj) == TAILO.units(tailo)
    assert POJ.fold(poj) == TAILO.fold(tailo)
    assert POJ.fold(POJ.normalise(poj)) == POJ.fold(poj)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["ts-", "k-", "-uann", "-oo", "-ah", "--", "4", "7", "8"]), max_size=7))
def test_fragments_that_a_recogniser_leaves_are_respelled_too(units: list[str]) -> None:
    tailo, poj = TAILO.spell(units), POJ.spell(units)
    assert respelled(poj, POJ, TAILO) == tailo
    assert respelled(tailo, TAILO, POJ) == poj
    assert strangers(poj, POJ) == strangers(tailo, TAILO) == []


def test_strangers_are_what_is_neither_syllable_nor_fragment() -> None:
    assert strangers("hello tâi 食飯 k0 05 ka4 0", POJ) == ["hello", "食飯", "0"]
    assert respelled("hello tâi 食飯", POJ, TAILO) == "hello tâi 食飯"


def test_leakage_is_looked_for_in_tailo() -> None:
    assert POJ.folded_as == TAILO.folded_as == "nan-Latn-tailo"
    assert POJ.fold("Chhōe--khòaⁿ") == TAILO.fold("tshuē-khuànn") == "tshuē khuànn"


def test_every_word_of_the_dictionary_goes_there_and_back() -> None:
    if not (root := os.environ.get("SPEECHTL_CORPORA")):
        pytest.skip("SPEECHTL_CORPORA is not set: no real words to convert")
    with (Path(root) / "taiwanese-moe" / "words.tsv").open(encoding="utf-8-sig", newline="") as file:
        printed = [row["tailo"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    assert len(printed) >= 4000
    for text in printed:
        for reading in TAILO.alternatives(text):
            for form in FORMS:
                poj = respelled(unicodedata.normalize(form, reading), TAILO, POJ)
                assert POJ.normalise(unicodedata.normalize(form, poj)) == poj
                assert respelled(unicodedata.normalize(form, poj), POJ, TAILO) == reading
                assert POJ.units(poj) == TAILO.units(reading)


def test_the_table_of_spellings_has_no_conflict() -> None:
    spelled = nan_latn_pehoeji._spellings()
    assert len(spelled) > 2 * len(POJ.table)
    for base, parts in POJ.table.items():
        assert spelled[base][:2] == parts
