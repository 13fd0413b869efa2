"""Accents and speakers left out and heard without labels, accents of a release, and inputs by bandwidth."""

import itertools
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_speech import QUICK, TINY, tones, words

from recipes.common_voice import accents as template
from recipes.common_voice.accents import across
from recipes.english._accents import LEFT_OUT
from speechtl.audio import write_audio
from speechtl.corpus import Corpus, Utterance
from speechtl.domains import read_domains
from speechtl.experiment import load_recipe
from speechtl.formats import write_common_voice
from speechtl.models.acoustic import AcousticModel
from speechtl.planning import plan_of
from speechtl.recipe_flags import parse_recipe
from speechtl.run import run
from speechtl.study import load_study
from speechtl.study.cells import expand
from speechtl.transfer import (
    CORAL,
    DANN,
    MMD,
    AdaBN,
    DomainBatchNorm,
    MixedBatches,
    PseudoLabels,
    Transfer,
)

BY_STUDY = {
    "accents_unlabelled": ("french", "german", "greek"),
    "americans_unlabelled": ("jackson", "theo"),
}


@pytest.mark.parametrize("study_name", BY_STUDY)
def test_who_is_left_out_is_heard_only_without_labels(study_name: str, tmp_path: Path) -> None:
    study = load_study(f"english/{study_name}")
    assert tuple(variant.name for variant in study.variants) == BY_STUDY[study_name]
    cells = expand(study, tmp_path)
    methods = {type(cell.experiment.method) for cell in cells}
    assert methods == {Transfer, MixedBatches, DANN, MMD, CORAL, AdaBN, DomainBatchNorm, PseudoLabels}
    for cell in cells:
        left_out, training = LEFT_OUT[cell.variant]
        experiment = cell.experiment
        if cell.row == "english/unheard/target":
            continue
        assert experiment.targets[0].speakers == training
        assert experiment.unlabelled[0].speakers == experiment.tests[0].speakers == left_out
        assert experiment.unlabelled[0].ids != experiment.tests[0].ids
        domains = {experiment.unlabelled[0].as_domain, experiment.tests[0].as_domain}
        assert domains == {"left out"}, "no accent, by which labelled speech would be of the target's domain"
        assert experiment.source in (None, f"english/without/{cell.variant}@{cell.seed}")
        labelled = experiment.train.batch_seconds / (2 if experiment.method.hears_unlabelled else 1)
        base = load_recipe(f"english/without/{cell.variant}")
        assert experiment.train.steps in (0, base.train.steps)
        assert labelled == base.train.batch_seconds or not experiment.train.steps
        assert not experiment.method.chooses_on_dev or not experiment.train.steps


@pytest.mark.parametrize("study_name", BY_STUDY)
def test_the_bound_has_the_labels_of_what_others_hear_without(study_name: str, tmp_path: Path) -> None:
    cells = expand(load_study(f"english/{study_name}"), tmp_path)
    for bound in (cell for cell in cells if cell.row == "english/unheard/target"):
        other = next(
            cell.experiment
            for cell in cells
            if (cell.variant, cell.seed) == (bound.variant, bound.seed) and cell.row.endswith("/control")
        )
        mine = bound.experiment
        assert not mine.unlabelled
        assert set(mine.targets[0].ids) == {*other.targets[0].ids, *other.unlabelled[0].ids}
        assert set(mine.targets[0].speakers) == {*LEFT_OUT[bound.variant][0], *LEFT_OUT[bound.variant][1]}
        assert (mine.tests, mine.dev) == (other.tests, other.dev)
        assert (mine.train.steps, mine.train.evaluations) == (other.train.steps, 1), "the last weights"
        assert 2 * mine.train.batch_seconds == other.train.batch_seconds


def test_the_reversal_is_over_accents() -> None:
    method = load_recipe("english/unheard/dann").method
    assert isinstance(method, DANN)
    assert method.over == "accent"


def test_on_the_real_corpus(prepared_corpora: Callable[[str], Corpus]) -> None:
    prepared_corpora("english_fsdd")
    for name, variants in BY_STUDY.items():
        for variant in load_study(f"english/{name}").variants:
            assert variant.name in variants
            sides = [spec.open() for spec in (variant.target, *variant.unlabelled, *variant.tests)]
            people = len(LEFT_OUT[variant.name][0])
            assert [len(side) for side in sides] == [1600, 100 * people, 400 * people]
            ((_, bound),) = variant.others
            assert len(bound.open()) == 1600 + 100 * people
            ids = [id_ for side in sides for id_ in side.column("id")]
            assert len(ids) == len(set(ids))


ACCENTS = {"a": "United States English", "b": "England English", "c": "Scottish English", "d": ""}


@pytest.fixture
def release(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release in its layout: two speakers of each accent in each split, some who state none."""
    monkeypatch.chdir(own_folders)
    random, rows = np.random.default_rng(0), []
    for split, (speaker, accent), number in itertools.product(
        ("train", "dev", "test"), ACCENTS.items(), range(6)
    ):
        (text,) = words(1, random)
        path = own_folders / "made" / f"{split}{speaker}{number}.wav"
        path.parent.mkdir(exist_ok=True)
        samples = tones(text, random)
        write_audio(path, samples, 16_000)
        name = f"{split}-{speaker}{number % 2}"
        rows.append(
            Utterance(path.stem, str(path), text, "en", name, accent or None, len(samples) / 16_000, split)
        )
    write_common_voice(Corpus.from_utterances("en", rows), folder := own_folders / "cv-corpus-21.0" / "en")
    return folder


def flags_in(page: str) -> list[str]:
    """The flags of the command that a page shows for the template."""
    lines = page.split("speechtl run common_voice/accents ")[1]
    return shlex.split(lines.split("\n\n")[0].split("```")[0].replace("\\\n", " "))


def command() -> list[str]:
    """The flags as docs/recipes.md has them."""
    return flags_in((Path(__file__).parent.parent / "docs" / "recipes.md").read_text(encoding="utf-8"))


def test_the_template_s_own_page_shows_the_same_command() -> None:
    assert template.__doc__ is not None
    assert flags_in(template.__doc__) == command()


def test_a_release_s_accents_are_domains_and_the_documented_command_says_which(release: Path) -> None:
    chosen = parse_recipe("common_voice/accents", command())
    in_python = across(
        "cv-corpus-21.0/en", ("United States English", "England English"), ("Scottish English",)
    )
    found = {side: getattr(chosen, side)[0] for side in ("targets", "unlabelled", "tests")}
    for side, spec in found.items():
        assert spec == getattr(in_python, side)[0], side
    opened = {side: spec.open() for side, spec in found.items()}
    assert {side: sorted(set(one.column("domain"))) for side, one in opened.items()} == {
        "targets": ["England English", "United States English"],
        "unlabelled": ["Scottish English"],
        "tests": ["Scottish English"],
    }
    assert opened["unlabelled"].splits == ["train"]
    assert opened["tests"].splits == ["test"]


def test_the_template_runs_on_a_release_and_hides_its_accents(release: Path, tmp_path: Path) -> None:
    chosen = parse_recipe("common_voice/accents", command())
    train = replace(QUICK, steps=4, evaluations=1)
    little = replace(chosen, name="little", model=TINY, train=train)
    report = run(little, tmp_path / "runs")
    (entry,) = report.sets.values() if len(report.sets) == 1 else (report.sets["en"],)
    assert entry.utterances == 6
    assert entry.shared_speakers == 0
    found = read_domains(tmp_path / "runs" / "little" / "seed-0")
    assert found is not None
    assert found["hidden"] == "accent"
    assert found["after"]["hidden"]["utterances"].keys() == set(ACCENTS.values()) - {""}
    (head,) = found["domain_heads"].values()
    assert head["chance"] == pytest.approx(1 / 3)
    assert chosen.method == DANN(over="accent", weight=0.1)


def test_a_template_without_a_release_is_refused() -> None:
    with pytest.raises(ValueError, match="common-voice-accents is a template and needs your corpus"):
        load_recipe("common_voice/accents").refuse_template()


def test_bandwidths_have_inputs_of_their_own_and_a_shared_middle() -> None:
    two, one = (
        load_recipe(f"english/{name}_inputs".replace("one_inputs", "one_input")) for name in ("two", "one")
    )
    assert replace(one, name=two.name, inputs=two.inputs) == two, "nothing else differs"
    assert [(spec.corpus, spec.as_domain) for spec in two.targets] == [
        ("english_fsdd", "telephone"),
        ("english_speech_commands", "wideband"),
    ]
    assert [entry.domain for entry in two.inputs] == ["telephone"]
    assert two.inputs[0].features.f_max == 4000
    assert len(set(two.decode.words)) == 15
    assert {row.rpartition("/")[2] for row in load_study("english/bandwidths").rows} == {
        "one_input",
        "two_inputs",
    }


def test_each_bandwidth_goes_through_its_own_input(own_folders: Path) -> None:
    random = np.random.default_rng(1)
    listed = load_recipe("english/two_inputs").decode.words
    for name, spoken in (("english_fsdd", listed[:10]), ("english_speech_commands", listed[10:])):
        rows = []
        for split, (number, word) in itertools.product(("train", "dev", "test"), enumerate(spoken)):
            path = own_folders / name / f"{split}{number}.wav"
            path.parent.mkdir(exist_ok=True)
            samples = tones("aeio", random)
            write_audio(path, samples, 16_000)
            row = Utterance(f"{split}{number}", str(path), word, "en", f"{split}", None, 0.3, split)
            rows.append(replace(row, id=f"{name}/{row.id}"))
        Corpus.from_utterances(name, rows, split_by="speaker").save(own_folders / "data" / name)
    two = replace(load_recipe("english/two_inputs"), model=TINY)
    planned = plan_of(two, own_folders / "runs")
    blocks = {tensor.block for tensor in planned.receipt.tensors}
    assert {"input", "input.telephone", "encoder.0", "head.en"} <= blocks
    train = replace(two.train, steps=2, batch_seconds=4, evaluations=1, threads=1)
    report = run(replace(two, train=train), own_folders / "runs")
    assert {name: entry.utterances for name, entry in report.sets.items()} == {
        "english_fsdd": 10,
        "english_speech_commands": 5,
    }
    from speechtl.checkpoint import load_model

    model = load_model(own_folders / "runs" / two.name / "seed-0" / "model").model
    assert isinstance(model, AcousticModel)
    assert model.inputs.of("telephone") is not model.inputs.of("wideband")
    assert model.inputs.of("telephone").featurizer.settings.mels == 40
