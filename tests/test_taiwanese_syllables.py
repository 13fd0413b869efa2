"""The table of Mandarin and Cantonese syllables in Tâi-lô: what it covers, and that it is what it says."""

import importlib

import pytest

from recipes.taiwanese import units
from recipes.taiwanese.syllables import LANGUAGE, SYLLABLES
from speechtl.experiment import load_recipe
from speechtl.text import orthography

TAILO = orthography("nan-Latn-tailo")
MANDARIN, CANTONESE = "cmn-Latn-pinyin", "yue-Latn-jyutping"


@pytest.mark.parametrize("head", [MANDARIN, CANTONESE])
def test_every_syllable_that_a_head_can_spell_has_one_that_taiwanese_can(head: str) -> None:
    source = orthography(head)
    spelled = {f"{base}{tone}" for base in source.table for tone in source.scheme.tone_numbers}
    assert SYLLABLES[head].keys() == spelled
    for syllable in SYLLABLES[head].values():
        assert TAILO.normalise(syllable) == syllable
        assert TAILO.units(syllable), "a syllable of the grammar, its tone one that its final carries"


@pytest.mark.parametrize(
    ("head", "syllable", "expected"),
    [
        (MANDARIN, "ma1", "ma"),
        (MANDARIN, "ma2", "mâ"),
        (MANDARIN, "ma3", "mà"),
        (MANDARIN, "ma4", "má"),
        (MANDARIN, "fang2", "hâng"),
        (MANDARIN, "zhi1", "tsu"),
        (MANDARIN, "xu2", "sî"),
        (MANDARIN, "guan1", "kuan"),
        (CANTONESE, "gwaa3", "kuā"),
        (CANTONESE, "sap6", "sap"),
        (CANTONESE, "jat1", "ia̍t"),
        (CANTONESE, "wan5", "uân"),
        (CANTONESE, "beng6", "pēnn"),
        (CANTONESE, "leng4", "lè"),
        (CANTONESE, "ng5", "n̂g"),
    ],
)
def test_sounds(head: str, syllable: str, expected: str) -> None:
    assert SYLLABLES[head][syllable] == expected


def test_initials_are_those_that_head_rows_start_from() -> None:
    """Where `units.py` pairs a Tâi-lô initial with a Mandarin or Cantonese one, so does this table."""
    syllables = {"": "aa1", MANDARIN: "{}an1", CANTONESE: "{}aan1"}
    for unit, pairs in units.UNITS.items():
        for language, initial in pairs:
            if unit.endswith("-") and language in SYLLABLES:
                spelled = syllables[language].format(initial.rstrip("-"))
                if spelled in SYLLABLES[language]:
                    assert SYLLABLES[language][spelled].startswith(unit.rstrip("-")), (unit, spelled)


def test_the_recipe_uses_it_and_trains_nothing() -> None:
    recipe = load_recipe("taiwanese/unadapted")
    assert recipe.train.steps == 0
    assert recipe.syllable_table is not None
    assert importlib.import_module(recipe.syllable_table).LANGUAGE == LANGUAGE
    assert recipe.syllable_table == "recipes.taiwanese.syllables"
    assert set(SYLLABLES) == {MANDARIN, CANTONESE}
    finetune = load_recipe("taiwanese/finetune")
    assert (recipe.source, recipe.tests) == (finetune.source, finetune.tests)


def test_the_second_stage_starts_from_the_first_on_the_same_minutes() -> None:
    first, second, control = (load_recipe(f"taiwanese/{name}") for name in ("finetune", "two_stage", "han"))
    assert second.source == "taiwanese/finetune@same"
    assert (second.target, second.dev, second.tests) == (control.target, control.dev, control.tests)
    assert second.target.minutes == first.target.minutes
    assert (second.method, second.train) == (control.method, control.train)
