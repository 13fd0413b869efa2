"""What every syllable orthography must keep."""

import copy
import pickle
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.languages import cmn_latn_pinyin, nan_latn_pehoeji, nan_latn_tailo, yue_latn_jyutping
from speechtl.languages.syllables import SyllableOrthography

MODULES = (nan_latn_tailo, nan_latn_pehoeji, cmn_latn_pinyin, yue_latn_jyutping)
ORTHOGRAPHIES = [module.ORTHOGRAPHY for module in MODULES]
TROUBLE = (
    "aeiouvmngkhptscNⁿ·\u0358AÜü'’/-－—.05123678\u0301\u0300\u0302\u0304\u030d\u030b\u0308【白】\u00ad\u200d "
)
every_orthography = pytest.mark.parametrize("rules", ORTHOGRAPHIES, ids=lambda rules: rules.tag)


def inventory(rules: SyllableOrthography) -> list[str]:
    scheme = rules.scheme
    units = [*(f"{i}-" for i in scheme.initials), *(f"-{f}" for f in scheme.finals), *scheme.tone_numbers]
    return [*units, "--"] if scheme.neutral_mark else units


def is_well_formed(rules: SyllableOrthography, units: Sequence[str]) -> bool:
    return all(rules.follows(before, after) for before, after in pairwise([None, *units, None]))


@every_orthography
def test_every_spelling_belongs_to_one_syllable(rules: SyllableOrthography) -> None:
    scheme = rules.scheme
    pairs = [(i, f) for i in ("", *scheme.initials) for f in scheme.finals if scheme.joins(i, f)]
    assert len(rules.table) == len(pairs)
    assert {final for _, final in pairs} == set(scheme.finals)
    assert {initial for initial, _ in pairs} == {"", *scheme.initials}


@every_orthography
def test_every_syllable_with_every_tone_comes_back(rules: SyllableOrthography) -> None:
    for initial, final in rules.table.values():
        for tone in rules.scheme.tone_numbers:
            units = [*([f"{initial}-"] if initial else []), f"-{final}", tone]
            text = rules.spell(units)
            assert rules.normalise(text) == text
            assert is_well_formed(rules, units) == rules.scheme.carries(final, tone)
            if rules.scheme.carries(final, tone):
                assert rules.units(text) == units


@every_orthography
@settings(deadline=None)
@given(data=st.data())
def test_any_sequence_of_units_is_spelled_and_only_right_ones_spell_right_text(
    rules: SyllableOrthography, data: st.DataObject
) -> None:
    units = data.draw(st.lists(st.sampled_from(inventory(rules)), max_size=8))
    text = rules.spell(units)
    assert rules.normalise(text) == text
    assert rules.alternatives(text) == (text,)
    if is_well_formed(rules, units):
        assert rules.units(text) == units
    else:
        with pytest.raises(ValueError, match="Correct it or leave the utterance out"):
            rules.units(text)


@every_orthography
@settings(deadline=None)
@given(data=st.data())
def test_well_formed_sequences_are_what_the_grammar_walks(
    rules: SyllableOrthography, data: st.DataObject
) -> None:
    units: list[str] = []
    for _ in range(data.draw(st.integers(0, 9))):
        before = units[-1] if units else None
        units.append(data.draw(st.sampled_from([u for u in inventory(rules) if rules.follows(before, u)])))
    while units and not rules.follows(units[-1], None):
        units.pop()
    assert is_well_formed(rules, units)
    assert rules.units(rules.spell(units)) == units
    assert len(rules.syllables(rules.spell(units))) == sum(unit.isdigit() for unit in units)


@every_orthography
@settings(deadline=None)
@given(st.one_of(st.text(max_size=30), st.text(TROUBLE, max_size=12)))
def test_normalising_any_text_twice_changes_nothing(rules: SyllableOrthography, text: str) -> None:
    assert rules.normalise(rules.normalise(text)) == rules.normalise(text)
    assert rules.fold(rules.normalise(text)) == rules.fold(text)
    assert rules.alternatives(text)[0] == rules.normalise(text)


@every_orthography
def test_fragments_stay_apart_and_nothing_is_lost(rules: SyllableOrthography) -> None:
    assert rules.spell(["k-", "-a" if rules.tag != "yue-Latn-jyutping" else "-aa"])[-1] == "0"
    assert rules.spell(["k-", "5"]) == "k05"
    assert rules.spell(["5", "5"]) == "05 05"
    assert rules.spell(["k-", "k-"]) == "k0 k0"
    assert rules.spell([]) == ""
    assert [syllable.tone for syllable in rules.syllables("k05 k0 05")] == ["5", "", ""]


@every_orthography
@pytest.mark.parametrize("unit", ["q", "", "0", "zz-", "-zz", "-", "a"])
def test_an_unknown_unit_is_an_error(rules: SyllableOrthography, unit: str) -> None:
    with pytest.raises(ValueError, match=f"{unit!r} is no unit of {rules.tag}"):
        rules.spell([unit])


@every_orthography
def test_the_rules_can_be_copied_and_pickled(rules: SyllableOrthography) -> None:
    assert copy.deepcopy(rules) == rules
    assert pickle.loads(pickle.dumps(rules)) == rules
    assert rules.tones
    assert rules.syllabic
    assert rules.words
