"""Sets: what an experiment leaves to its target and its source is the same for all who ask."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import QUICK, TINY, toy_experiment, write_manifest, write_unsplit

from speechtl.advice import few_voices
from speechtl.corpus_spec import corpus
from speechtl.dry_run import dry_run
from speechtl.experiment import Experiment
from speechtl.models.inputs import DomainInput
from speechtl.recipe_flags import parse_recipe
from speechtl.run import run
from speechtl.sets import Sets
from speechtl.transfer import LHUC, AdaBN, PseudoLabels, Transfer

BRIEF = replace(QUICK, steps=2, evaluations=1)


@pytest.fixture
def speech(own_folders: Path) -> Path:
    """Two manifests without splits, of three speakers who say as much."""
    for language in ("en", "de"):
        write_unsplit(own_folders / f"{language}.jsonl", language)
    return own_folders


def test_the_source_s_own_tests_are_those_of_its_own_run(speech: Path) -> None:
    """Dev was carved out there too, and decides who is left for the tests."""
    own = Experiment(name="source", target=corpus(str(speech / "en.jsonl")))
    target = corpus(str(speech / "de.jsonl"))
    adapted = Experiment(name="adapted", target=target, source="anything", source_tests=None)
    found, before = Sets.of(adapted, own), Sets.of(own)
    assert found.source_tests["en"].column("id") == before.tests["en"].column("id")


def test_a_test_of_both_is_scored_once(speech: Path) -> None:
    """Of a base model that was tested on the accent that it is now adapted to."""
    accent = corpus(str(speech / "de.jsonl"), set_name="accent")
    other = corpus(str(speech / "en.jsonl"), set_name="other")
    before = toy_experiment(splits(speech), name="source", tests=(accent, other))
    adapted = replace(before, name="adapted", source="anything", tests=(accent,), source_tests=None)
    target = Sets.of(replace(adapted, target=before.target, dev=()), before)
    assert list(target.tests) == ["accent"]
    assert list(target.source_tests) == ["other"]


def test_unlabelled_speech_that_is_labelled_too_is_told(speech: Path) -> None:
    splits(speech)
    one = toy_experiment(speech / "toy.jsonl", unlabelled=(corpus(str(speech / "toy.jsonl"), split="train"),))
    (told,) = [note for note in Sets.of(one).check(None) if "without labels" in note]
    assert told.startswith("12 of 12 utterances without labels are trained on with labels too")
    far = replace(one, unlabelled=(corpus(str(speech / "toy.jsonl"), split="other"),))
    assert not [note for note in Sets.of(far).check(None) if "without labels" in note]


def test_parameters_by_speaker_are_tested_on_the_speakers_that_have_some(speech: Path) -> None:
    target = corpus(str(speech / "en.jsonl"))
    plain = Sets.of(Experiment(name="plain", target=target))
    method = LHUC(by="speaker")
    by_speaker = Sets.of(Experiment(name="own", target=target, method=method, source="anything"))
    assert plain.dev is not None
    assert by_speaker.dev is not None
    assert set(plain.target.column("speaker")).isdisjoint(plain.dev.column("speaker"))
    assert "to train on, since whole speakers are held out (--target.split-by text" in plain.account[0]
    known = set(by_speaker.target.column("speaker"))
    assert {*by_speaker.dev.column("speaker"), *by_speaker.tests["en"].column("speaker")} <= known


def splits(speech: Path) -> Path:
    """A manifest in a folder of its own, with splits."""
    path = speech / "toy.jsonl"
    for split, count in (("train", 12), ("dev", 3), ("test", 4), ("other", 8)):
        write_manifest(path, count, split)
    return path


def test_what_is_missing_is_told_before_a_source_is_trained(speech: Path) -> None:
    source = toy_experiment(splits(speech), name="source", train=BRIEF)
    path = speech / "source.py"
    path.write_text(
        "from pathlib import Path\nfrom toy_speech import toy_experiment\n"
        f"experiment = toy_experiment(Path({str(speech / 'toy.jsonl')!r}), name='source')\n"
    )
    adapted = replace(source, name="adapted", source=str(path), target=corpus("nowhere.csv"))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        run(adapted, speech / "runs")
    assert not (speech / "runs" / "source").exists()


def test_pseudo_labels_run_from_end_to_end(speech: Path) -> None:
    path = splits(speech)
    base = toy_experiment(path, name="base", train=replace(QUICK, steps=20))
    run(base, speech / "runs")
    experiment = toy_experiment(
        path,
        name="guessed",
        source=str(speech / "runs" / "base" / "seed-0"),
        method=PseudoLabels(threshold=0.0),
        unlabelled=(corpus(str(path), split="other"),),
        train=replace(QUICK, steps=8),
    )
    assert not dry_run(experiment, speech / "runs").is_refused
    assert run(experiment, speech / "runs").sets["toy"].utterances == 4
    assert list((speech / "runs" / "guessed" / "seed-0" / "pseudo_labels").glob("round-*.jsonl"))


def test_steps_after_a_method_that_has_none_and_an_input_that_nobody_enters_are_told(
    speech: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = splits(speech)
    run(toy_experiment(path, name="base", train=BRIEF), speech / "runs")
    adapted = toy_experiment(
        path,
        name="adabn",
        source=str(speech / "runs" / "base" / "seed-0"),
        method=AdaBN(),
        unlabelled=(corpus(str(path), split="other"),),
        train=BRIEF,
    )
    (told,) = [note for note in dry_run(adapted, speech / "runs").notes if "AdaBN" in note]
    assert "AdaBN is done before the first step: 2 steps of training follow" in told
    without = replace(adapted, name="without", train=replace(BRIEF, steps=0))
    assert not [note for note in dry_run(without, speech / "runs").notes if "AdaBN" in note]
    features = toy_experiment(path).features
    two = toy_experiment(
        path, name="two", model=TINY, inputs=(DomainInput("telephone", features),), train=BRIEF
    )
    caplog.set_level(logging.WARNING)
    run(two, speech / "runs")
    assert (
        "no training speech is of the domain telephone, whose input of its own is therefore not"
        in caplog.text
    )


def test_a_head_that_the_plan_trains_without_speech_is_told(speech: Path) -> None:
    english = toy_experiment(splits(speech), name="english", train=BRIEF)
    run(english, speech / "runs")
    mine, source = corpus(str(speech / "de.jsonl")), "english/seed-0"
    german = replace(english, name="german", source=str(speech / "runs" / source), target=mine, dev="none")
    trained = replace(german, method=Transfer(plan=("head.en=train",)))
    (told,) = [note for note in dry_run(trained, speech / "runs").notes if "whose head" in note]
    assert told.startswith("no training speech is of en, whose head the plan trains all the same: it stays")
    assert not [note for note in dry_run(german, speech / "runs").notes if "whose head" in note]


def test_any_number_of_corpora_can_be_named_by_flags(speech: Path) -> None:
    """A recipe that names none has a place for each."""
    flags = ["--target.corpus", "a.csv", "--tests.0.corpus", "b.csv", "--tests.1.corpus=c.csv"]
    found = parse_recipe("finetune", [*flags, "--dev.0.corpus", "d.csv", "--unlabelled.0.corpus", "u"])
    assert [spec.corpus for spec in found.tests] == ["b.csv", "c.csv"]
    assert [[spec.corpus for spec in specs] for specs in (found.dev, found.unlabelled)] == [["d.csv"], ["u"]]
    found.refuse_template()
    with pytest.raises(ValueError, match=r"also needs your corpus by --tests\.0\.corpus PATH"):
        parse_recipe("finetune", ["--target.corpus", "a.csv", "--tests.1.corpus", "c.csv"]).refuse_template()
    for way in (["--dev", "none"], ["--dev=fold"]):
        with pytest.raises(ValueError, match=r"takes no dev speech, and --dev\.0\.corpus names some"):
            parse_recipe("finetune", [*way, "--target.corpus", "a.csv", "--dev.0.corpus", "d.csv"])


def test_a_name_that_is_given_is_the_run_s_even_if_it_is_the_recipe_s_own(speech: Path) -> None:
    path = speech / "mine.py"
    path.write_text(
        "from pathlib import Path\nfrom toy_speech import toy_experiment\n"
        f"experiment = toy_experiment(Path({str(speech / 'en.jsonl')!r}), name='mine')\n"
    )
    assert parse_recipe(str(path), ["--train.steps", "7", "--name", "mine"]).name == "mine"
    assert parse_recipe(str(path), ["--train.steps", "7", "--name=mine"]).name == "mine"
    assert parse_recipe(str(path), ["--train.steps", "7"]).name == "mine+train.steps=7"


def test_few_voices_for_the_sake_of_others_are_told(speech: Path) -> None:
    toy = Experiment(name="toy", target=corpus(str(speech / "en.jsonl")))
    sets = Sets.of(toy)
    told = few_voices(toy, sets.target, sets.tests)
    assert told is not None
    assert "1 speaker to train on, and 1 unheard in the tests" in told
    assert "--augment.vocal-tract 0.16" in told
    assert few_voices(toy, sets.target, {"same": sets.target}) is None
    changed = replace(toy, augment=replace(toy.augment, pitch=3.0))
    assert few_voices(changed, sets.target, sets.tests) is None
