"""Digits and commands that share four words: who is heard, who is tested, and that every row is a run."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torchaudio.functional import resample
from toy_speech import tones

from recipes.english import _shift as shift
from recipes.english._shift import MEN, METHODS, VOLUNTEERS, WORDS
from speechtl.audio import write_audio
from speechtl.corpus import Corpus, Utterance
from speechtl.corpus_spec import CorpusSpec
from speechtl.experiment import Experiment, load_recipe
from speechtl.features import FeatureSettings, LogMel
from speechtl.planning import plan_of
from speechtl.run import run
from speechtl.study import load_study
from speechtl.study.cells import Cell, expand

STUDIES = [
    f"to_{target}{kind}" for target in ("commands", "digits") for kind in ("", "_wideband", "_classifier")
]
TUNING = [f"to_{target}{kind}_tuning" for target in ("commands", "digits") for kind in ("", "_classifier")]
HEX = "0123456789abcdef"


@lru_cache
def cells_of(name: str) -> tuple[Cell, ...]:
    return expand(load_study(f"english/{name}"), Path("runs"))


def letters_of(spec: CorpusSpec) -> set[str]:
    """The second letters of volunteers' hashes that a corpus takes."""
    (pattern,) = spec.ids
    return {
        letter
        for letter in HEX
        if fnmatchcase(f"english_speech_commands/zero/e{letter}e8ea7e_nohash_0", pattern)
    }


def test_half_of_the_volunteers_are_heard_or_kept_apart_and_the_others_tested_and_swapped() -> None:
    sides = {
        half: [letters_of(shift.commands(letters)) for letters in VOLUNTEERS[half]] for half in VOLUNTEERS
    }
    for heard, apart, tested in sides.values():
        assert not heard & apart
        assert not (heard | apart) & tested
        assert heard | apart | tested == set(HEX)
        assert len(tested) == 8
    assert sides["first"][2] == sides["second"][0] | sides["second"][1]
    assert sides["second"][2] == sides["first"][0] | sides["first"][1]


def test_three_men_are_heard_and_the_others_tested_and_swapped() -> None:
    from data_prep.english_fsdd import ACCENTS

    for heard, tested in MEN.values():
        assert {*heard, *tested} == set(ACCENTS)
        assert not set(heard) & set(tested)
        for men in (heard, tested):
            assert {"american", "german"} < {ACCENTS[man] for man in men}
    assert MEN["first"] == MEN["second"][::-1]


def test_takes_that_are_kept_apart_are_not_heard() -> None:
    takes = [str(number) for number in range(50)]
    heard, apart = (
        {take for take in takes for pattern in side if fnmatchcase(f"x_{take}", f"*_{pattern}")}
        for side in (shift.LABELLED, shift.TAKES_APART)
    )
    assert (len(heard), len(apart), len(heard & apart)) == (40, 10, 0)


@pytest.mark.parametrize("name", STUDIES)
def test_every_row_has_the_same_labelled_speech_steps_and_labelled_seconds(name: str) -> None:
    cells = cells_of(name)
    assert len({cell.folder.path for cell in cells}) == len(cells) == 11 * 2 * 5
    for half, seed in itertools.product(VOLUNTEERS, range(5)):
        mine = {
            cell.row.rpartition("/")[2]: cell.experiment
            for cell in cells
            if (cell.variant, cell.seed) == (half, seed)
        }
        assert mine.keys() == {"unadapted", "control", *METHODS, "target"}
        bound = mine.pop("target")
        assert bound.target == mine["dann"].unlabelled[0]
        assert len({one.target for one in mine.values()}) == 1
        assert len({one.tests for one in (*mine.values(), bound)}) == 1
        assert {one.unlabelled for one in mine.values()} == {mine["dann"].unlabelled}
        assert bound.unlabelled == ()
        trained = [one for one in (*mine.values(), bound) if one.train.steps]
        assert {one.train.steps for one in trained} == {shift.STEPS}
        assert {one.train.batch_seconds / (2 if one.method.hears_unlabelled else 1) for one in trained} == {
            shift.BATCH_SECONDS / 2
        }
        assert {one.source for one in mine.values()} == {None, f"{shift.FOLDER}/{_base(name)}@{seed}"}


def test_settings_are_chosen_on_each_half_for_itself() -> None:
    """As the tuning has trials of; only the strength of a method is."""
    for name, labelled, chosen in (
        ("to_commands", "digits", shift.WITHOUT_LABELS),
        ("to_commands_by_dev", "digits", shift.BY_DEV),
        ("to_digits", "commands", shift.WITHOUT_LABELS),
        ("to_digits_by_dev", "commands", shift.BY_DEV),
    ):
        trials = set(load_study(f"english/{name.removesuffix('_by_dev')}_tuning").recipes)
        assert {half: set(flags) for half, flags in chosen[labelled].items()} == {
            half: set(shift.TUNED) for half in VOLUNTEERS
        }
        for cell in cells_of(name):
            flags = chosen[labelled][cell.variant].get(cell.row.rpartition("/")[2])
            assert flags is None or f"{cell.row} {flags}" in trials
            if flags is not None:
                _, value = flags.split()
                strengths = {getattr(cell.experiment.method, key, None) for key in ("weight", "threshold")}
                assert float(value) in strengths


def test_the_bandwidth_hardly_tells_one_corpus_from_the_other() -> None:
    """Speech that was once at 8 kHz falls off below 4 kHz; where both are heard it is nearly as it was."""
    wide = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32))
    narrow = resample(resample(wide, 16_000, 8_000), 8_000, 16_000)

    def apart(f_max: float) -> float:
        featurizer = LogMel(FeatureSettings(mels=40, f_max=f_max))
        levels = [featurizer(one[None], torch.tensor([len(one)]))[0][0].mean(0) for one in (wide, narrow)]
        return float((levels[0] - levels[1]).abs().max())

    for labelled in ("digits", "commands"):
        assert apart(shift.base(labelled).features.f_max) < 0.2
    assert apart(4000) > 0.6


def _base(name: str) -> str:
    _, target, *kind = name.split("_")
    return "_".join(["digits" if target == "commands" else "commands", *kind])


@pytest.mark.parametrize("name", STUDIES)
def test_a_base_model_hears_like_the_rows_that_start_from_it(name: str) -> None:
    base = load_recipe(f"{shift.FOLDER}/{_base(name)}")
    for cell in cells_of(name):
        if cell.experiment.source is None:
            assert (cell.experiment.features, cell.experiment.model) == (base.features, base.model)
            assert cell.experiment.text == base.text
        specs = (*cell.experiment.targets, *cell.experiment.unlabelled, *cell.experiment.tests)
        assert {spec.trim_db for spec in specs} == {None if "wideband" in name else shift.TRIM_DB}
        assert {spec.texts for spec in specs} == {WORDS}


@pytest.mark.parametrize("name", TUNING)
def test_every_setting_is_tried_and_dev_of_the_target_is_neither_heard_nor_tested(
    name: str,
) -> None:
    cells = cells_of(name)
    trials = [cell.row for cell in cells if (cell.variant, cell.seed) == ("first", 0)]
    for method in ("dann", "mmd", "coral", "pseudo_labels"):
        assert sum(row.split()[0].endswith(f"/{method}") for row in trials) == 6
    for cell in cells:
        (dev,), (heard,), (tested,) = cell.experiment.dev, cell.experiment.unlabelled, cell.experiment.tests
        assert dev.corpus == heard.corpus == tested.corpus != cell.experiment.targets[0].corpus
        assert len({dev.ids, heard.ids, tested.ids}) == 3
        assert not cell.experiment.method.chooses_on_dev or cell.experiment.train.steps == 0


def toy(name: str, rows: Iterator[tuple[str, str, str]], folder: Path) -> None:
    """A prepared corpus of id, word and speaker, each word a pair of tones."""
    sounds = dict(zip(WORDS, ("ae", "io", "ei", "oa"), strict=True))
    random, utterances = np.random.default_rng(len(name)), []
    for number, (id_, word, speaker) in enumerate(rows):
        path = folder / name / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.concatenate([random.normal(0, 1e-4, 1600), tones(sounds[word], random)])
        write_audio(path, samples, 16_000)
        seconds = len(samples) / 16_000
        utterances.append(Utterance(f"{name}/{id_}", str(path), word, "en", speaker, name, seconds, "train"))
    Corpus.from_utterances(name, utterances, split_by="speaker").save(folder / "data" / name)


@pytest.fixture
def toys(own_folders: Path) -> Path:
    """Both corpora in little: three takes of each man, one of them kept apart, and sixteen volunteers."""
    digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    men = [*MEN["first"][0], *MEN["first"][1]]
    takes = itertools.product(WORDS, men, (3, 14, 41))
    toy("english_fsdd", ((f"{digits.index(w)}_{man}_{t}", w, man) for w, man, t in takes), own_folders)
    volunteers = itertools.product(WORDS, HEX)
    toy(
        "english_speech_commands",
        ((f"{w}/e{letter}e8_nohash_0", w, f"e{letter}e8") for w, letter in volunteers),
        own_folders,
    )
    return own_folders


def little(experiment: Experiment, **changes: object) -> Experiment:
    model = replace(experiment.model, dim=16, blocks=1)
    train = replace(experiment.train, steps=min(2, experiment.train.steps), batch_seconds=4, threads=1)
    return replace(experiment, model=model, train=train, **changes)


@pytest.mark.parametrize("name", ["to_commands", "to_digits_classifier"])
def test_every_row_can_be_planned(name: str, toys: Path) -> None:
    for cell in cells_of(name):
        if (cell.variant, cell.seed) == ("second", 0):
            planned = plan_of(little(cell.experiment), toys / "runs")
            assert planned.receipt.tensors, cell.row


def test_a_method_runs_from_scratch_and_is_scored_by_words(toys: Path) -> None:
    cell = next(
        one
        for one in cells_of("to_commands")
        if one.row.endswith("/dann_domain_batch_norm") and one.variant == "second" and one.seed == 0
    )
    report = run(little(cell.experiment), toys / "runs")
    entry = report.sets["commands"]
    assert entry.utterances == 4 * 8
    assert entry.resampled == "speakers"
    assert entry.metrics["closed"].total == 32


def test_a_row_starts_from_a_base_model_of_the_other_corpus(toys: Path) -> None:
    base = run(little(load_recipe("english/shift/commands_classifier")), toys / "runs")
    assert base.sets["digits"].utterances == 4 * 6 * 3
    source = str(toys / "runs" / "english-shift-commands-classifier" / "seed-0" / "model")
    cell = next(
        one
        for one in cells_of("to_digits_classifier")
        if one.row.endswith("/adabn") and one.variant == "first" and one.seed == 0
    )
    report = run(little(cell.experiment, source=source), toys / "runs")
    assert report.sets["digits"].utterances == 4 * 3 * 3


def test_on_the_real_corpora(prepared_corpora: Callable[[str], Corpus]) -> None:
    for name in ("english_fsdd", "english_speech_commands"):
        prepared_corpora(name)
    for labelled, half in itertools.product(("digits", "commands"), VOLUNTEERS):
        sides = [part(labelled, half).open() for part in (shift.heard, shift.kept_apart, shift.scored)]
        ids = [id_ for side in sides for id_ in side.column("id")]
        assert len(ids) == len(set(ids))
        heard, apart, tested = (set(side.column("speaker")) for side in sides)
        assert not (heard | apart) & tested
        assert min(len(side) for side in sides) >= 40
        for side in sides:
            assert set(side.column("text")) == set(WORDS)
