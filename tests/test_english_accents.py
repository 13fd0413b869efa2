"""Accents and speakers left out: the same number of training speakers, and nobody on two sides."""

from collections.abc import Callable

import pytest

from data_prep.english_fsdd import ACCENTS, DIGITS
from recipes.english._accents import LEFT_OUT
from speechtl.corpus import Corpus
from speechtl.experiment import load_recipe
from speechtl.study import load_study

BY_STUDY = {"accents": ("french", "german", "greek"), "americans": ("jackson", "theo")}


def test_as_many_training_speakers_whoever_is_left_out() -> None:
    assert {len(training) for _, training in LEFT_OUT.values()} == {4}
    for left_out, training in LEFT_OUT.values():
        assert not set(left_out) & set(training)
        assert {*left_out, *training} <= set(ACCENTS)


@pytest.mark.parametrize("name", BY_STUDY["accents"])
def test_an_accent_that_is_left_out_is_nowhere_in_training(name: str) -> None:
    left_out, training = LEFT_OUT[name]
    assert {ACCENTS[speaker] for speaker in left_out} == {name}
    assert set(left_out) == {speaker for speaker, accent in ACCENTS.items() if accent == name}
    assert name not in {ACCENTS[speaker] for speaker in training}


@pytest.mark.parametrize("name", BY_STUDY["americans"])
def test_an_american_leaves_the_other_one_in_training(name: str) -> None:
    assert [ACCENTS[speaker] for speaker in LEFT_OUT[name][0]] == ["american"]
    assert "american" in {ACCENTS[speaker] for speaker in LEFT_OUT[name][1]}


@pytest.mark.parametrize("study_name", BY_STUDY)
def test_each_is_adapted_from_the_base_without_them(study_name: str) -> None:
    study = load_study(f"english/{study_name}")
    assert tuple(variant.name for variant in study.variants) == BY_STUDY[study_name]
    for variant in study.variants:
        bases = {load_recipe(source.partition("@")[0]) for source in variant.sources}
        (base,) = bases
        assert len(variant.sources) == len(study.seeds)
        assert not set(base.target.speakers) & set(variant.target.speakers)
        assert base.tests == variant.tests
        assert base.decode.words == DIGITS


def test_on_the_real_corpus(prepared_corpora: Callable[[str], Corpus]) -> None:
    prepared_corpora("english_fsdd")
    for name in LEFT_OUT:
        base = load_recipe(f"english/without/{name}")
        study = load_study("english/accents" if name in BY_STUDY["accents"] else "english/americans")
        variant = next(one for one in study.variants if one.name == name)
        sides = [base.target, base.dev[0], variant.target, variant.tests[0]]
        opened = [spec.open() for spec in sides]
        people = len(LEFT_OUT[name][0])
        assert [len(one) for one in opened] == [1600, 400, 100 * people, 400 * people]
        ids = [id_ for one in opened for id_ in one.column("id")]
        assert len(set(ids)) == len(ids)
