"""The studies of Arabic speakers: who is adapted to, on which words, and what is never mixed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from data_prep.arabic_commands import WORDS
from recipes.arabic import _speakers as speakers
from recipes.arabic._speakers import (
    CHOSEN,
    CHOSEN_BY_SEEN,
    FEW,
    FIRST,
    GROUPS,
    HALVES,
    SECOND,
    SHARED,
    TRAINING,
    texts,
)
from recipes.arabic.speakers import FREE
from recipes.arabic.speakers_tuning import LOWER, RATES
from speechtl.corpus import Corpus
from speechtl.experiment import load_recipe
from speechtl.study import Study, Variant, load_study
from speechtl.study.cells import expand
from speechtl.text import orthography

ALL = [speaker for group in GROUPS.values() for speaker in group]
STUDIES = (
    *("speakers", "speakers_amounts", "speakers_first_pass", "speakers_seen", "speakers_unheard"),
    *("speakers_tuning", "speakers_tuning_swapped"),
)


def letters(glosses: tuple[str, ...]) -> set[str]:
    rules = orthography("ar")
    return {unit for text in texts(glosses) for unit in rules.units(rules.normalise(text))}


def test_the_halves_are_halves_and_either_has_every_letter() -> None:
    assert len(FIRST) == len(SECOND) == 20
    assert {*FIRST, *SECOND} == set(WORDS)
    for half in (FIRST, SECOND):
        assert letters((*half, *SHARED)) == letters(tuple(WORDS))
        assert len(set(half) & set(SHARED)) == 2
    for gloss in SHARED:
        others = tuple(word for word in WORDS if word != gloss)
        assert letters(others) < letters(tuple(WORDS)), "the only word with one of its letters"


def test_nobody_who_is_adapted_to_is_in_a_base_model() -> None:
    assert len(set(ALL)) == 12
    assert len({*ALL, *TRAINING, *FEW}) == 30
    for name in ("base", "base_first", "base_second"):
        recipe = load_recipe(f"arabic/{name}")
        assert set(recipe.target.speakers) == set(TRAINING)
        assert {spec.speakers for spec in recipe.dev} == {FEW}
        assert recipe.decode.words == tuple(WORDS.values()), "closed decisions are among all words for all"


def test_unheard_words_are_in_neither_base_model_nor_adaptation() -> None:
    for variant in load_study("arabic/speakers_unheard").variants:
        held_out = set(variant.tests[1].texts)
        assert len(held_out) == 18
        assert held_out.isdisjoint(variant.target.texts)
        bases = {load_recipe(source.partition("@")[0]).name for source in variant.sources}
        (base,) = {load_recipe(source.partition("@")[0]) for source in variant.sources}
        assert len(bases) == 1
        assert held_out.isdisjoint(base.target.texts)
        assert set(variant.target.texts) <= set(base.target.texts)


@pytest.mark.parametrize("name", STUDIES)
def test_the_halves_of_a_speaker_are_one_in_the_test(name: str) -> None:
    study = load_study(f"arabic/{name}")
    assert set(study.groups.values()) == {variant.target.speakers[0] for variant in study.variants}
    assert study.metric == "closed"
    for variant in study.variants:
        seen, held_out = variant.tests
        assert (seen.set_name, held_out.set_name) == ("seen", "held-out")
        assert seen.texts == variant.target.texts
        assert not set(held_out.texts) & set(seen.texts)
        assert {spec.speakers for spec in (variant.target, seen, held_out)} == {variant.target.speakers}


def test_the_main_study_has_both_halves_of_twelve_speakers_on_five_base_models() -> None:
    study = load_study("arabic/speakers")
    assert len(study.variants) == 24
    assert set(study.groups.values()) == set(ALL)
    assert [study.source(study.variants[0], seed) for seed in study.seeds] == [
        "arabic/base",
        *(f"arabic/base@{seed}" for seed in range(1, 5)),
    ]
    assert load_study("arabic/speakers_amounts").utterances == (1, 5, 20, 60)


def test_methods_have_six_trials_or_more_on_speakers_whom_they_will_not_be_tested_on() -> None:
    tried = {
        group: load_study(f"arabic/{name}")
        for group, name in (("validation", "speakers_tuning"), ("test", "speakers_tuning_swapped"))
    }
    for group, study in tried.items():
        assert {variant.target.speakers[0] for variant in study.variants} == set(GROUPS[group])
        trials = [row.split(" --train.lr")[0] for row in study.rows[1:]]
        assert {recipe: trials.count(recipe) for recipe in trials} == {
            recipe: 8 if recipe in LOWER else 6 for recipe in RATES
        }
        free = {f"arabic/one_speaker/{name}" for name in (*FREE, "unadapted")}
        assert set(trials) == set(load_study("arabic/speakers").rows) - free, "what is trained is tuned"


@pytest.mark.parametrize("group", list(GROUPS))
def test_what_was_chosen_are_trials_of_rows_of_the_study(group: str) -> None:
    name = {"validation": "speakers_tuning", "test": "speakers_tuning_swapped"}[group]
    tried = load_study(f"arabic/{name}").rows
    for row, flags in (*CHOSEN[group].items(), *CHOSEN_BY_SEEN[group].items()):
        assert f"{row} {flags}" in tried
    assert CHOSEN_BY_SEEN[group].keys() == CHOSEN_BY_SEEN[speakers.OTHER[group]].keys()


def test_settings_are_those_that_the_other_group_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {"validation": {"a": "--train.lr 1", "b": "--train.lr 2"}, "test": {"a": "--train.lr 3"}}
    monkeypatch.setattr(speakers, "CHOSEN", chosen)
    of_validation, of_test = (
        speakers.variant(GROUPS[group][0], "first", ("a",)) for group in ("validation", "test")
    )
    assert of_validation.flags == (("a", "--train.lr 3"),)
    assert of_test.flags == (("a", "--train.lr 1"),), "and only for rows of the study"


def test_where_seen_words_count_the_settings_are_those_that_they_chose(tmp_path: Path) -> None:
    for cell in expand(replace(load_study("arabic/speakers_seen"), seeds=(0,)), tmp_path):
        group = next(one for one, members in GROUPS.items() if cell.variant[:8] in members)
        chosen = CHOSEN_BY_SEEN[speakers.OTHER[group]].get(cell.row)
        train = cell.experiment.train
        assert chosen in (None, f"--train.lr {train.lr:g} --train.steps {train.steps}")
        assert (chosen is None) == (cell.row == "arabic/one_speaker/unadapted")


def test_without_transcripts_the_settings_are_those_that_labels_chose(tmp_path: Path) -> None:
    study = replace(load_study("arabic/speakers_first_pass"), seeds=(0,))
    for cell in expand(study, tmp_path):
        name = cell.row.removeprefix("arabic/one_speaker/").split()[0]
        if name in ("lhuc", "input_affine"):
            group = next(one for one, speakers in GROUPS.items() if cell.variant[:8] in speakers)
            flags = CHOSEN[speakers.OTHER[group]][f"arabic/one_speaker/{name}"]
            train = cell.experiment.train
            assert flags == f"--train.lr {train.lr:g} --train.steps {train.steps}"
            assert cell.experiment.method.labels == "first_pass"
    assert len({cell.row for cell in expand(study, tmp_path)}) == 4


def test_a_cell_has_the_flags_of_its_variant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row = "arabic/one_speaker/lhuc"
    monkeypatch.setattr(speakers, "CHOSEN", {"validation": {row: "--train.lr 0.5"}, "test": {}})
    adapted = tuple(speakers.variant(GROUPS[group][0], "first", (row,)) for group in GROUPS)
    cells = expand(Study("s", (row,), seeds=(0,), variants=adapted), tmp_path)
    rates = {cell.experiment.target.speakers[0]: cell.experiment.train.lr for cell in cells}
    assert rates == {GROUPS["validation"][0]: load_recipe(row).train.lr, GROUPS["test"][0]: 0.5}
    assert {cell.row for cell in cells} == {row}, "with other settings it is the same row"


def test_flags_for_what_is_no_row_are_refused() -> None:
    variant = Variant("x", speakers.adapted_to(ALL[0], FIRST), flags=(("b", "--seed 1"),))
    with pytest.raises(ValueError, match="variant x has flags for 'b', which is not among the recipes a"):
        Study("s", ("a",), variants=(variant,))


def test_on_the_real_corpus(prepared_corpora: Callable[[str], Corpus]) -> None:
    """Sixty utterances, forty seen, a hundred held out; no recording on two sides; draws of few nested."""
    prepared_corpora("arabic_commands")
    for half in HALVES:
        variant = speakers.variant(GROUPS["test"][0], half)
        target, (seen, held_out) = variant.target.open(), [spec.open() for spec in variant.tests]
        assert (len(target), len(seen), len(held_out)) == (60, 40, 100)
        assert not {*target.column("id")} & {*seen.column("id"), *held_out.column("id")}
    base = load_recipe("arabic/base")
    assert len(base.target.open()) == 16 * 80
    assert len(base.dev[0].open()) == 80
    assert len(base.tests[2].open()) == 80
