import importlib.util
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import speechtl.run_names
from speechtl.cli import _parse_recipe
from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.experiment import Experiment, load_recipe, recipe_names
from speechtl.method_json import method_to_json
from speechtl.settings_json import flatten
from speechtl.train_settings import TrainSettings
from speechtl.transfer import L2SP, AdaBN, Composed, FineTuning, Interpolated
from speechtl.transfer.base import Transfer

NAMES = {
    "arabic/base": "arabic-base",
    "arabic/base_first": "arabic-base-first",
    "arabic/base_second": "arabic-base-second",
    "arabic/commands": "arabic-commands",
    "arabic/keywords": "arabic-keywords",
    "arabic/one_speaker/adapters": "arabic-speaker-adapters",
    "arabic/one_speaker/batch_norm_statistics": "arabic-speaker-batch-norm-statistics",
    "arabic/one_speaker/finetune": "arabic-speaker-finetune",
    "arabic/one_speaker/input_affine": "arabic-speaker-input-affine",
    "arabic/one_speaker/kl": "arabic-speaker-kl",
    "arabic/one_speaker/l2_sp": "arabic-speaker-l2-sp",
    "arabic/one_speaker/layers": "arabic-speaker-layers",
    "arabic/one_speaker/lhuc": "arabic-speaker-lhuc",
    "arabic/one_speaker/lora": "arabic-speaker-lora",
    "arabic/one_speaker/norm_affines": "arabic-speaker-norm-affines",
    "arabic/one_speaker/speaker_moments": "arabic-speaker-speaker-moments",
    "arabic/one_speaker/unadapted": "arabic-speaker-unadapted",
    "arabic/one_speaker/vtln": "arabic-speaker-vtln",
    "common_voice/accents": "common-voice-accents",
    "english/commands": "english-commands",
    "english/digits": "english-digits",
    "english/one_accent/finetune": "english-accent-finetune",
    "english/one_accent/input_affine": "english-accent-input-affine",
    "english/one_accent/layers": "english-accent-layers",
    "english/one_accent/lhuc": "english-accent-lhuc",
    "english/one_accent/unadapted": "english-accent-unadapted",
    "english/one_input": "english-one-input",
    "english/shift/adabn": "english-shift-adabn",
    "english/shift/commands": "english-shift-commands",
    "english/shift/commands_classifier": "english-shift-commands-classifier",
    "english/shift/commands_wideband": "english-shift-commands-wideband",
    "english/shift/control": "english-shift-control",
    "english/shift/coral": "english-shift-coral",
    "english/shift/dann": "english-shift-dann",
    "english/shift/dann_domain_batch_norm": "english-shift-dann-domain-batch-norm",
    "english/shift/digits": "english-shift-digits",
    "english/shift/digits_classifier": "english-shift-digits-classifier",
    "english/shift/digits_wideband": "english-shift-digits-wideband",
    "english/shift/domain_batch_norm": "english-shift-domain-batch-norm",
    "english/shift/mmd": "english-shift-mmd",
    "english/shift/pseudo_labels": "english-shift-pseudo-labels",
    "english/shift/target": "english-shift-target",
    "english/shift/unadapted": "english-shift-unadapted",
    "english/two_inputs": "english-two-inputs",
    "english/unheard/adabn": "english-unheard-adabn",
    "english/unheard/control": "english-unheard-control",
    "english/unheard/coral": "english-unheard-coral",
    "english/unheard/dann": "english-unheard-dann",
    "english/unheard/domain_batch_norm": "english-unheard-domain-batch-norm",
    "english/unheard/mmd": "english-unheard-mmd",
    "english/unheard/pseudo_labels": "english-unheard-pseudo-labels",
    "english/unheard/target": "english-unheard-target",
    "english/unheard/unadapted": "english-unheard-unadapted",
    "english/without/french": "english-without-french",
    "english/without/german": "english-without-german",
    "english/without/greek": "english-without-greek",
    "english/without/jackson": "english-without-jackson",
    "english/without/theo": "english-without-theo",
    "finetune": "finetune",
    "monolingual/arabic": "monolingual-arabic",
    "monolingual/cantonese": "monolingual-cantonese",
    "monolingual/english": "monolingual-english",
    "monolingual/mandarin": "monolingual-mandarin",
    "multilingual": "multilingual",
    "taiwanese/adapters": "taiwanese-adapters",
    "taiwanese/affine_replay": "taiwanese-affine-replay",
    "taiwanese/batch_norm_statistics": "taiwanese-batch-norm-statistics",
    "taiwanese/speaker_moments": "taiwanese-speaker-moments",
    "taiwanese/discriminative": "taiwanese-discriminative",
    "taiwanese/ewc": "taiwanese-ewc",
    "taiwanese/finetune": "taiwanese-finetune",
    "taiwanese/full": "taiwanese-full",
    "taiwanese/han": "taiwanese-han",
    "taiwanese/input_affine": "taiwanese-input-affine",
    "taiwanese/interpolated": "taiwanese-interpolated",
    "taiwanese/joint": "taiwanese-joint",
    "taiwanese/kl": "taiwanese-kl",
    "taiwanese/l2_sp": "taiwanese-l2-sp",
    "taiwanese/layer_input": "taiwanese-layer-input",
    "taiwanese/layer_input_random": "taiwanese-layer-input-random",
    "taiwanese/layer_l2_sp": "taiwanese-layer-l2-sp",
    "taiwanese/layer_two_stage": "taiwanese-layer-two-stage",
    "taiwanese/lhuc": "taiwanese-lhuc",
    "taiwanese/lora": "taiwanese-lora",
    "taiwanese/norm_affines": "taiwanese-norm-affines",
    "taiwanese/replay": "taiwanese-replay",
    "taiwanese/scratch": "taiwanese-scratch",
    "taiwanese/two_stage": "taiwanese-two-stage",
    "taiwanese/unadapted": "taiwanese-unadapted",
    "taiwanese/unfreezing": "taiwanese-unfreezing",
    "taiwanese/upper": "taiwanese-upper",
}
SCRATCH = load_recipe("taiwanese/scratch")
WAITING = {"patience": 2, "schedule": "constant"}


@dataclass(frozen=True)
class Scaled(Transfer):
    """A method with a field of its own."""

    scale: float = 1.0


def corpora(experiment: Experiment) -> list[CorpusSpec]:
    tested = [*experiment.dev, *experiment.tests, *(experiment.source_tests or ())]
    return [*experiment.targets, *experiment.unlabelled, *tested]


def test_the_recipes_are_those_of_the_design() -> None:
    assert {name: load_recipe(name).name for name in recipe_names()} == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_recipe_survives_json(name: str) -> None:
    experiment = load_recipe(name)
    assert Experiment.from_dict(json.loads(json.dumps(experiment.to_dict()))) == experiment
    assert _parse_recipe(name, []) == experiment


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_recipe_names_corpora_that_can_be_prepared(name: str) -> None:
    for spec in corpora(load_recipe(name)):
        if spec.is_yours:
            continue
        assert importlib.util.find_spec(f"data_prep.{spec.corpus}") is not None, spec
        assert spec.split in ("train", "dev", "test") or spec.speakers or spec.ids or spec.texts


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_source_and_unit_table_is_there(name: str) -> None:
    experiment = load_recipe(name)
    ancestors = []
    while experiment.source is not None and len(ancestors) < 3:
        ancestors.append(load_recipe(experiment.source.partition("@")[0]))
        experiment = ancestors[-1]
    assert experiment.source is None, "the chain of sources ends"
    experiment = load_recipe(name)
    known = {spec for ancestor in ancestors for spec in ancestor.tests}
    assert set(experiment.source_tests or ()) <= known, "the source itself was scored on them"
    if experiment.unit_table is not None:
        assert importlib.util.find_spec(experiment.unit_table) is not None


def test_the_source_never_hears_taiwanese() -> None:
    assert not any("taiwanese" in spec.corpus for spec in corpora(load_recipe("multilingual")))


def test_scratch_and_finetune_have_the_same_target() -> None:
    finetune = load_recipe("taiwanese/finetune")
    assert (finetune.target, finetune.dev, finetune.tests) == (SCRATCH.target, SCRATCH.dev, SCRATCH.tests)
    assert finetune.decode == SCRATCH.decode


def test_a_method_of_another_class_survives_json() -> None:
    experiment = replace(SCRATCH, method=Scaled(scale=0.5, head_rows="random"))
    values = json.loads(json.dumps(experiment.to_dict()))
    assert values["method"]["class"] == f"{__name__}:Scaled"
    assert Experiment.from_dict(values) == experiment


def test_whole_numbers_are_equal_settings_however_they_are_written() -> None:
    assert replace(SCRATCH, target=replace(SCRATCH.target, minutes=10.0)).to_dict() == SCRATCH.to_dict()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "unknown settings colour; known are augment"),
        ({"train": {"setps": 3}}, "train has unknown settings setps; known are steps"),
        ({"train": {"steps": "many"}}, "train.steps is 'many'; expected int"),
        ({"train": {"precision": "fp8"}}, "train.precision is 'fp8'"),
        ({"train": {"steps": True}}, "train.steps is True"),
        ({"dev": "en"}, "dev is 'en'"),
        ({"dev": [{"split": "dev"}]}, "dev.0 lacks the settings corpus"),
        ({"target": []}, "target needs at least one corpus"),
        ({"seed": -1}, "seed=-1; expected 0 or more"),
        ({"name": "a/b"}, "expected no / in it"),
        ({"source_tests": [{"corpus": "x"}]}, "source_tests without a source"),
        ({"method": {"class": "os:nothing"}}, "method.class is 'os:nothing', which cannot be imported"),
        ({"method": {"class": "json:JSONDecoder"}}, "which is no transfer method"),
        ({"method": {}}, "method.class is None"),
        ({"target": {"corpus": "x", "minutes": "some"}}, "target.minutes is 'some'"),
        ({"train": {"patience": -1}}, "patience=-1: expected 0 or more"),
        ({"train": {"patience": 2}}, "before the learning rate has fallen, .* take train.schedule=constant"),
        (
            {"train": WAITING, "dev": "fold"},
            "train.patience=2 with dev=fold, which chooses the steps already",
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Experiment.from_dict(SCRATCH.to_dict() | changes)


def test_a_method_that_needs_all_steps_refuses_patience() -> None:
    tuned = load_recipe("taiwanese/finetune").to_dict() | {"train": WAITING}
    assert Experiment.from_dict(tuned).train.patience == 2
    unfreezing = method_to_json(FineTuning(unfreeze=0.5))
    with pytest.raises(ValueError, match="would end FineTuning before it has done all it does"):
        Experiment.from_dict(tuned | {"method": unfreezing})
    folds = tuned | {"method": unfreezing, "dev": "fold", "train": {}}
    with pytest.raises(ValueError, match="dev=fold trains at last up to the best step alone, and FineTuning"):
        Experiment.from_dict(folds)
    heard = tuned | {"method": method_to_json(AdaBN()), "unlabelled": [{"corpus": "x"}]}
    with pytest.raises(ValueError, match="goes by dev, which chooses nothing for AdaBN"):
        Experiment.from_dict(heard)


def test_missing_settings_are_named() -> None:
    values = SCRATCH.to_dict()
    del values["target"]
    with pytest.raises(ValueError, match=r"settings are missing: .*target"):
        Experiment.from_dict(values)


def test_a_target_may_be_one_corpus_or_several() -> None:
    assert SCRATCH.targets == (SCRATCH.target,)
    several = replace(SCRATCH, target=(corpus("a"), corpus("b", minutes=3)))
    assert len(several.targets) == 2
    assert Experiment.from_dict(several.to_dict()) == several


def test_flags_change_fields_and_become_part_of_the_name() -> None:
    flags = ["--target.minutes", "3", "--train.lr", "1e-3", "--seed", "2"]
    chosen = _parse_recipe("taiwanese/finetune", flags)
    assert chosen.name == "taiwanese-finetune+target.minutes=3+train.lr=0.001"
    assert chosen.seed == 2
    assert chosen.target == replace(SCRATCH.target, minutes=3)
    assert _parse_recipe("taiwanese/scratch", ["--target.minutes", "all"]).target.minutes == "all"
    assert _parse_recipe("multilingual", ["--train.steps", "9"]).name == "multilingual+train.steps=9"
    assert _parse_recipe("multilingual", ["--method.head-rows", "random"]).method.head_rows == "random"


def test_flags_that_change_nothing_leave_the_name() -> None:
    assert _parse_recipe("taiwanese/scratch", ["--target.minutes", "10", "--seed", "4"]).name == SCRATCH.name


def test_a_replayed_experiment_keeps_its_name(tmp_path: Path) -> None:
    chosen = _parse_recipe("taiwanese/scratch", ["--target.minutes", "3"])
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps({"experiment": chosen.to_dict()}))
    assert _parse_recipe(str(path), []) == chosen
    again = _parse_recipe(str(path), ["--target.minutes", "5", "--train.steps", "7", "--seed", "1"])
    assert (
        again.name == _parse_recipe("taiwanese/scratch", ["--target.minutes", "5", "--train.steps", "7"]).name
    ), "the part of a field that changes again is replaced"


def test_long_values_and_slashes_are_eight_digits_in_the_name() -> None:
    def part(**changes: object) -> str:
        return replace(SCRATCH, **changes).with_overrides_in_name(SCRATCH).name.split("+", 1)[1]

    assert part(source="multilingual@2") == "source=multilingual@2"
    hashed = part(source="runs/x/seed-0").removeprefix("source=")
    assert len(hashed) == 8
    assert int(hashed, 16) >= 0
    assert part(source="m" * 40) == "source=" + "m" * 40
    assert len(part(source="m" * 41)) == len("source=") + 8
    assert part(augment=replace(SCRATCH.augment, speeds=(1.0,))) == "augment.speeds=1"
    assert part(source="a/b") != part(source="a/c")


def test_many_overrides_still_make_a_name_that_file_systems_allow() -> None:
    train = TrainSettings(
        steps=7,
        batch_seconds=30,
        lr=1e-4,
        warmup=0.2,
        weight_decay=0.02,
        clip=4,
        average=0.9,
        temperature=2,
        precision="fp32",
        evaluations=7,
        dev_utterances=300,
        checkpoint_seconds=30,
        threads=1,
    )
    chosen = replace(SCRATCH, train=train).with_overrides_in_name(SCRATCH)
    assert len(chosen.name.encode()) <= 200
    assert chosen.name.startswith("taiwanese-scratch+")
    assert replace(SCRATCH, name="mine").with_overrides_in_name(SCRATCH).name == "mine"


def test_a_mistyped_flag_is_met_with_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        _parse_recipe("taiwanese/scratch", ["--train.setps", "3"])
    assert caught.value.code == 2
    assert "--train.steps" in "".join(capsys.readouterr())


def test_an_unknown_recipe_names_similar_ones() -> None:
    with pytest.raises(FileNotFoundError, match=r"did you mean taiwanese/finetune.*There are: arabic/base"):
        load_recipe("taiwanese/finetun")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.py does not exist"):
        load_recipe("nowhere.py")
    with pytest.raises(FileNotFoundError, match=r"expected a run's experiment\.json"):
        load_recipe("nowhere.json")
    with pytest.raises(ValueError, match="holds no `experiment`"):
        load_recipe("taiwanese")


def test_a_folder_in_place_of_a_recipe_is_told_what_it_may_be(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "finetune" / "seed-0"
    run.mkdir(parents=True)
    chosen = _parse_recipe("taiwanese/scratch", ["--target.minutes", "3"])
    (run / "experiment.json").write_text(json.dumps({"experiment": chosen.to_dict()}))
    assert load_recipe(str(run)) == chosen, "a run is run again by its folder too"
    with pytest.raises(FileNotFoundError, match=rf"neither a recipe nor a run.*; runs in it are {run}$"):
        load_recipe(str(tmp_path / "runs"))
    (tmp_path / "speech").mkdir()
    with pytest.raises(FileNotFoundError, match=r"experiment\.json in it; .*--target\.corpus .*/speech"):
        load_recipe(str(tmp_path / "speech"))


def test_a_recipe_of_ones_own_may_define_its_method(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass, replace\n"
        "from recipes.taiwanese.scratch import experiment as scratch\n"
        "from speechtl.transfer import Transfer\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Transfer):\n"
        "    strength: float = 2.0\n"
        "experiment = replace(scratch, name='own', method=Mine())\n"
    )
    experiment = load_recipe(str(path))
    assert experiment.name == "own"
    assert Experiment.from_dict(experiment.to_dict()) == experiment


def test_nested_settings_are_flat_by_dotted_name() -> None:
    assert flatten({"a": {"b": 1}, "c": [{"d": 2}, {"d": 3}], "e": [1, 2]}) == {
        "a.b": 1,
        "c.0.d": 2,
        "c.1.d": 3,
        "e": [1, 2],
    }
    assert speechtl.run_names.LONGEST_VALUE == 40


def test_what_is_no_number_to_compute_with_is_refused_by_its_name() -> None:
    recipe = load_recipe("taiwanese/l2_sp")
    with pytest.raises(ValueError, match=r"taiwanese-l2-sp: train\.weight_decay=nan: expected finite"):
        replace(recipe, train=replace(recipe.train, weight_decay=math.nan))
    both = Composed(methods=(L2SP(alpha=math.inf), Interpolated()))
    with pytest.raises(ValueError, match=r"method\.methods\.0\.alpha=inf: expected finite numbers"):
        replace(recipe, method=both)
