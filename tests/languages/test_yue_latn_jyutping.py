import os
from pathlib import Path

import pytest

from speechtl.languages.base import Syllable
from speechtl.languages.yue_latn_jyutping import ORTHOGRAPHY as JYUTPING


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("jyut6 ping3", ["j-", "-yut", "6", "p-", "-ing", "3"]),
        ("gwong2 dung1 waa2", ["gw-", "-ong", "2", "d-", "-ung", "1", "w-", "-aa", "2"]),
        ("ngo5", ["ng-", "-o", "5"]),
        ("m4", ["-m", "4"]),
        ("ng5", ["-ng", "5"]),
        ("hm2", ["h-", "-m", "2"]),
        ("hng6", ["h-", "-ng", "6"]),
        ("aa3", ["-aa", "3"]),
        ("kwik1", ["kw-", "-ik", "1"]),
        ("heoi3", ["h-", "-eoi", "3"]),
        ("yu1", ["-yu", "1"]),
        ("jyu4", ["j-", "-yu", "4"]),
        ("dek2", ["d-", "-ek", "2"]),
        ("baat4", ["b-", "-aat", "4"]),
    ],
)
def test_units_are_initial_final_and_tone(text: str, units: list[str]) -> None:
    assert JYUTPING.units(text) == units
    assert JYUTPING.spell(units) == JYUTPING.normalise(text) == text


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Jyut6ping3", "jyut6 ping3"),
        ("jyut6-ping3", "jyut6 ping3"),
        ("jyut6--ping3", "jyut6 ping3"),
        ("NEI5, HOU2!", "nei5 hou2"),
        ("hang4/haang4", "hang4"),
    ],
)
def test_canonical_form(written: str, canonical: str) -> None:
    assert JYUTPING.normalise(written) == canonical
    assert JYUTPING.normalise(canonical) == canonical


@pytest.mark.parametrize(
    "text", ["jyut", "jyut7", "jyut0", "sm4", "ngng4", "xia1", "jyutping3", "yút6", "粵"]
)
def test_what_is_no_jyutping_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a jyutping syllable") as caught:
        JYUTPING.units(text)
    assert repr(text) in str(caught.value)


def test_every_final_takes_every_tone() -> None:
    assert all(JYUTPING.follows("-aat", tone) and JYUTPING.follows("-aa", tone) for tone in "123456")
    assert not JYUTPING.follows("-aa", "7")


def test_syllables_tell_base_and_tone() -> None:
    assert JYUTPING.syllables("gwong2 dung1") == [Syllable("gwong", "2"), Syllable("dung", "1")]


def test_every_recorded_syllable_of_the_corpus_can_be_labelled() -> None:
    if not (root := os.environ.get("SPEECHTL_CORPORA")):
        pytest.skip("SPEECHTL_CORPORA is not set: no real syllables to read")
    names = [path.stem for path in (Path(root) / "cantonese-jyutnet" / "sound").rglob("*.opus")]
    assert len(names) > 5000
    for name in names:
        assert JYUTPING.spell(JYUTPING.units(name)) == JYUTPING.normalise(name) == name
