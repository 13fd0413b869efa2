"""Composed: methods side by side equal what they are alone, and contradictions are refused in a sentence."""

import json
from dataclasses import dataclass, fields, replace
from itertools import chain
from pathlib import Path

import pytest
import torch
import two_domains
from conservative import SHORT, a_source, a_target, adapted, equal, trained
from toy_speech import TINY, toy_experiment, write_manifest

from speechtl.batches import Stream
from speechtl.checkpoint import save_model
from speechtl.experiment import Experiment, load_recipe
from speechtl.leakage import Fingerprints
from speechtl.method_json import method_from_json, method_to_json
from speechtl.models.acoustic import AcousticModel
from speechtl.train_settings import TrainSettings
from speechtl.transfer import (
    DANN,
    EWC,
    L2SP,
    LHUC,
    MMD,
    AdaBN,
    BatchNormStatistics,
    Composed,
    DomainBatchNorm,
    FineTuning,
    InputAffine,
    Interpolated,
    JointTraining,
    LayerTransfer,
    LoRA,
    NormAffines,
    PseudoLabels,
    SourceReplay,
    Transfer,
)
from speechtl.transfer.base import StreamSettings, TransferData
from speechtl.transfer.composed import SINGLE, WHOLE

DEEP = replace(TINY, blocks=4)
FEW = replace(SHORT, steps=3)
LAYER_L2_SP = Composed(methods=(LayerTransfer(retrain="input:2"), L2SP(alpha=0.3)))


@dataclass(frozen=True)
class Second(InputAffine):
    """A method with a strange way of computing its losses."""

    def losses(self, *arguments: object) -> dict[str, torch.Tensor]:  # type: ignore[override]
        return {}


class Third(LayerTransfer):
    """A method that begins and fills its batches as no other does."""

    def begin(self, *arguments: object) -> AcousticModel:  # type: ignore[override]
        raise NotImplementedError

    def mixed_streams(self, *arguments: object) -> dict[str, Stream]:  # type: ignore[override]
        raise NotImplementedError


class Fourth(L2SP):
    """A method with labels of its own."""

    def relabelled(self, *arguments: object) -> TransferData:  # type: ignore[override]
        raise NotImplementedError


class Fifth(Fourth):
    """Another."""


def test_every_hook_of_a_method_is_joined_or_refused() -> None:
    """So that none of a part's is passed over in silence."""
    own = {name for name in vars(Transfer) if not name.startswith("_")} - {
        field.name for field in fields(Transfer)
    }
    flags = {"freezes_source"}  # said by each part's own rules
    left = {"acts_on_source", "other_models", "hears_source"}  # asked of the parts, of the plan, of `heard`
    joined = {name for name in own if name in vars(Composed)}
    assert own - joined - {*WHOLE, *chain.from_iterable(SINGLE.values())} == flags | left


@pytest.mark.parametrize(
    "method",
    [
        LayerTransfer(retrain="input:2", start="random", then_all=0.5),
        L2SP(),
        LHUC(),
        LoRA(rank=2),
        SourceReplay(share=0.3),
        Interpolated(share=0.4),
    ],
    ids=lambda method: type(method).__name__,
)
def test_a_method_beside_one_that_does_nothing_equals_it_alone(method: Transfer, tmp_path: Path) -> None:
    """Bit for bit, for each hook: rules, stages, terms, groups, inserted modules, streams, what is merged."""
    source, data = a_source("en", "fr"), a_target("de")
    alone = trained(method, source, data, tmp_path, FEW).model
    assert not equal(alone, trained(FineTuning(), source, data, tmp_path, FEW).model)
    for place, both in enumerate(((method, FineTuning()), (FineTuning(), method))):
        together = trained(Composed(methods=both), source, data, tmp_path / f"{place}", FEW)
        assert equal(together.model, alone)


def test_layer_transfer_and_l2_sp_both_have_their_effect(tmp_path: Path) -> None:
    source, data = a_source("en", settings=DEEP), a_target("de")
    layers = trained(LayerTransfer(retrain="input:2"), source, data, tmp_path / "layers", SHORT).model
    both = trained(LAYER_L2_SP, source, data, tmp_path, SHORT).model
    assert not equal(layers, both)
    start, end = source.state_dict(), both.state_dict()
    kept = [name for name in start if name.startswith(("encoder.1.", "encoder.2.", "encoder.3.", "norm."))]
    assert all(torch.equal(start[name], end[name]) for name in kept)
    batch = data.target.batch(range(4))
    model = adapted(LAYER_L2_SP, source, data)
    assert set(LAYER_L2_SP.losses(model, source, batch, 0.0)) == {"ctc", "l2_sp"}
    assert {group.weight_decay for group in LAYER_L2_SP.groups(model, 0.1)} == {0.0}


def test_an_input_affine_with_replay_hears_both_and_trains_only_the_map_and_the_new_head() -> None:
    source, data = a_source("en", "fr", settings=DEEP), a_target("de")
    method = Composed(methods=(InputAffine(), SourceReplay(share=0.5)))
    assert (method.needs_source, method.needs_source_speech) == (True, True)
    model = adapted(method, source, data)
    assert {f.block for f in model.fates.values() if not f.frozen} == {"affine.input", "head.de"}
    streams = method.streams(data, StreamSettings(batch_seconds=6, seed=0))
    assert list(streams) == ["target", "source"]
    languages = {tag for one in streams.values() for step in range(9) for tag in one.batch(step).languages}
    assert languages == {"de", "en", "fr"}


def test_what_it_needs_is_what_its_methods_need() -> None:
    assert not Composed(methods=(Transfer(), Transfer())).needs_source
    assert LAYER_L2_SP.needs_source
    assert not LAYER_L2_SP.needs_source_speech
    guessing = Composed(methods=(LHUC(labels="first_pass"), FineTuning()))
    assert not guessing.chooses_on_dev
    assert LAYER_L2_SP.chooses_on_dev
    with pytest.raises(ValueError, match=r"LayerTransfer \+ L2SP needs a source"):
        Experiment(name="scratch", target=load_recipe("taiwanese/scratch").target, method=LAYER_L2_SP)


def test_its_control_is_that_of_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    both = Composed(methods=(DomainBatchNorm(), DANN(weight=0.3), MMD(weight=0), PseudoLabels()))
    assert both.control == "--method.methods.1.weight 0 --method.methods.3.threshold 1"
    assert [method.control for method in both.methods] == [
        "",
        "--method.weight 0",
        "",
        "--method.threshold 1",
    ]
    assert PseudoLabels(threshold=1.0).control == ""


def test_patience_is_refused_where_one_of_them_needs_all_steps() -> None:
    target = load_recipe("taiwanese/scratch").target
    train = TrainSettings(patience=2, schedule="constant")
    method = Composed(methods=(FineTuning(unfreeze=0.5), L2SP()))
    with pytest.raises(ValueError, match=r"would end FineTuning \+ L2SP before it has done all it does"):
        Experiment(name="e", target=target, method=method, train=train, source="multilingual")
    patient = replace(method, methods=(FineTuning(), L2SP()))
    assert Experiment(name="e", target=target, method=patient, train=train, source="multilingual")


def test_batches_of_which_one_of_them_can_make_nothing_are_refused() -> None:
    data, settings = two_domains.speech(), StreamSettings(batch_seconds=1.0, seed=0)
    for method in (MMD(), Composed(methods=(MMD(), FineTuning()))):
        streams = method.mixed_streams(data, settings)
        with pytest.raises(ValueError, match="batch"):
            method.check_streams(streams, settings)


def test_what_is_done_before_the_first_step_is_told_for_all_of_them() -> None:
    assert Composed(methods=(AdaBN(), AdaBN(minutes=1.0))).is_for_no_step
    assert not Composed(methods=(AdaBN(), FineTuning())).is_for_no_step
    assert Composed(methods=(AdaBN(), FineTuning())).label == "AdaBN + FineTuning"


def test_what_is_said_of_the_whole_reaches_the_parts() -> None:
    source, data = a_source("en", settings=DEEP), a_target("de")
    frozen = adapted(replace(LAYER_L2_SP, plan=("encoder.0=freeze",)), source, data)
    assert frozen.fates["encoder.0.convolution.weight"].frozen
    random = adapted(replace(LAYER_L2_SP, head_rows="random"), source, data)
    assert {f.start for f in random.fates.values() if f.block == "head.de"} == {"initialised"}
    with pytest.raises(ValueError, match="trains=head trains no block"):
        replace(LAYER_L2_SP, trains="head")
    with pytest.raises(ValueError, match="takes weights of runs/other"):
        replace(LAYER_L2_SP, plan=("runs/other:norm",)).check(source, data)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ((), "two or more"),
        ((L2SP(),), "two or more"),
        ((L2SP(), LAYER_L2_SP), "another Composed"),
        ((L2SP(head_rows="random"), LayerTransfer()), "L2SP sets head_rows inside methods"),
        ((SourceReplay(), JointTraining()), "SourceReplay and JointTraining both fill the batches"),
        ((L2SP(), L2SP(alpha=1.0)), "L2SP twice"),
        ((LHUC(labels="first_pass"), InputAffine()), "first_pass of LHUC and given of InputAffine"),
        ((Second(), L2SP()), "computes the losses in a way of its own"),
        ((Third(), L2SP()), "begins from scratch in a way of its own and puts speech without labels into"),
        ((Fourth(), Fifth()), "Fourth and Fifth both label the target"),
    ],
)
def test_what_cannot_be_combined_is_refused(methods: tuple[Transfer, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Composed(methods=methods)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ((InputAffine(), LayerTransfer(retrain="input:1")), r"about whether input\b"),
        ((Interpolated(), LoRA()), "leave one of the two out"),
        (
            (JointTraining(start="random"), EWC(utterances=2)),
            "EWC would have nothing to hold on to, since JointTraining starts from random weights",
        ),
        ((L2SP(beta=0), JointTraining(start="random")), "L2SP would have nothing to hold on to"),
        (
            (LayerTransfer(retrain="input:3", start="random"), Interpolated()),
            "Interpolated would have nothing to hold on to, since LayerTransfer starts from random",
        ),
        (
            (BatchNormStatistics(), BatchNormStatistics(minutes=1.0)),
            "both take the statistics of batch norms, and the last would overwrite",
        ),
        ((LayerTransfer(retrain="encoder.2"), NormAffines()), "about whether encoder"),
        (
            (BatchNormStatistics(), LayerTransfer(retrain="encoder.1", start="random")),
            r"about from which weights encoder\.1 should be trained",
        ),
        (
            (LayerTransfer(retrain="input:1", then_all=0.5), FineTuning(unfreeze=0.5)),
            "LayerTransfer and FineTuning both divide the training into stages",
        ),
    ],
)
def test_methods_that_contradict_each_other_about_a_model_are_refused(
    methods: tuple[Transfer, ...], message: str
) -> None:
    source, data = a_source("en", settings=DEEP), a_target("de")
    data = replace(data, source=replace(a_target("en").target, is_target=False))
    with pytest.raises(ValueError, match=message):
        adapted(Composed(methods=methods), source, data)


@pytest.mark.parametrize(
    "idle",
    [L2SP(), EWC(utterances=1), Interpolated(), FineTuning(unfreeze=0.5)],
    ids=lambda method: type(method).__name__,
)
def test_what_would_do_nothing_beside_a_method_that_freezes_the_source_is_refused(idle: Transfer) -> None:
    source, data = a_source("en", settings=DEEP), a_target("de")
    heard = replace(a_target("en").target, is_target=False)
    method, data = Composed(methods=(InputAffine(), idle)), replace(data, source=heard)
    name = type(idle).__name__
    with pytest.raises(ValueError, match=f"{name} would do nothing, since InputAffine freezes all weights"):
        adapted(method, source, data)
    model = adapted(replace(method, plan=("norm=train",)), source, data)
    assert not model.fates["norm.weight"].frozen


@pytest.mark.parametrize(
    "methods",
    [
        (BatchNormStatistics(), NormAffines()),
        (LHUC(), InputAffine()),
        (LHUC(by="speaker"), LHUC()),
        (LayerTransfer(retrain="input:1", then_all=0.5), FineTuning(decay=0.5)),
        (LayerTransfer(retrain="upper:2"), SourceReplay()),
    ],
)
def test_methods_that_agree_are_combined(methods: tuple[Transfer, ...]) -> None:
    source, data = a_source("en", "fr", settings=DEEP), a_target("de")
    data = replace(data, target=replace(data.target, speakers=["ana", "ben"] * 6))
    model = adapted(Composed(methods=methods), source, data)
    assert any(value.requires_grad for value in model.parameters())


def test_settings_and_classes_come_back_from_json() -> None:
    values = json.loads(json.dumps(method_to_json(LAYER_L2_SP)))
    assert [part["class"].rpartition(":")[2] for part in values["methods"]] == ["LayerTransfer", "L2SP"]
    assert method_from_json(values) == LAYER_L2_SP
    values["methods"][1]["class"] = "speechtl.transfer.l2_sp:Nothing"
    with pytest.raises(ValueError, match=r"method\.methods\.1\.class is .*Nothing.*cannot be imported"):
        method_from_json(values)
    values["methods"][1] = {"class": "speechtl.transfer.l2_sp:L2SP", "alpha": "much"}
    with pytest.raises(ValueError, match=r"method\.methods\.1\.alpha is 'much'"):
        method_from_json(values)


@pytest.mark.parametrize(
    ("name", "classes"),
    [("layer_l2_sp", ["LayerTransfer", "L2SP"]), ("affine_replay", ["InputAffine", "SourceReplay"])],
)
def test_the_recipes_come_back_from_their_settings(name: str, classes: list[str]) -> None:
    recipe = load_recipe(f"taiwanese/{name}")
    assert isinstance(recipe.method, Composed)
    assert [type(method).__name__ for method in recipe.method.methods] == classes
    assert recipe == Experiment.from_dict(json.loads(json.dumps(recipe.to_dict())))


def test_each_part_has_flags_help_and_a_place_in_the_run_s_name(capsys: pytest.CaptureFixture[str]) -> None:
    from speechtl.recipe_flags import parse_recipe

    flags = ["--method.methods.0.retrain", "input:1", "--method.methods.1.alpha", "0.5"]
    chosen = parse_recipe("taiwanese/layer_l2_sp", flags)
    assert chosen.method == Composed(methods=(LayerTransfer(retrain="input:1"), L2SP(alpha=0.5)))
    assert chosen.name == "taiwanese-layer-l2-sp+method.methods.0.retrain=input:1+method.methods.1.alpha=0.5"
    with pytest.raises(SystemExit) as left:
        parse_recipe("taiwanese/layer_l2_sp", ["--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert "--method.methods.0.retrain STR" in shown
    assert "--method.methods.1.alpha FLOAT" in shown
    assert "the two blocks nearest the input" in " ".join(shown.split()).replace("│ │ ", "")


def test_a_run_of_several_methods_proves_what_it_did_and_is_repeated_from_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from speechtl.run import run
    from speechtl.transfer.receipt import Receipt

    monkeypatch.chdir(tmp_path)
    manifest = tmp_path / "toy.jsonl"
    for split, count in (("train", 12), ("dev", 4), ("test", 4)):
        write_manifest(manifest, count, split)
    save_model(a_source("en"), tmp_path / "source", fingerprints=Fingerprints())
    method = Composed(methods=(LayerTransfer(retrain="input:2"), L2SP()))
    experiment = toy_experiment(manifest, name="both", train=FEW, source="source", method=method)
    run(experiment, Path("runs"))
    receipt = Receipt.read(Path("runs/both/seed-0"))
    assert receipt.method == "LayerTransfer + L2SP"
    assert {t.block for t in receipt.tensors if t.frozen} == {"encoder.1", "norm", "head.en", "blank"}
    assert load_recipe("runs/both/seed-0/experiment.json") == experiment
