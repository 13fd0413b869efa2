"""Plans: what rules make of a model, and what they refuse."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_speech import PLAIN, SETTINGS, TINY, development, examples

from speechtl.checkpoint import save_model
from speechtl.descent import adamw
from speechtl.features import FeatureSettings
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.models.fates import plain
from speechtl.text import Tokenizer
from speechtl.train import fit
from speechtl.transfer import LHUC
from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.plan import TransferPlan
from speechtl.transfer.rules import Rule

HEAVY = replace(SETTINGS, steps=5, weight_decay=0.5, dropout=0.3, evaluations=1, checkpoint_seconds=1000)


def source(seed: int = 7) -> AcousticModel:
    _, _, tokenizers = examples(2, ("en", "fr"))
    return AcousticModel(TINY, FeatureSettings(), tokenizers, seed=seed)


def target(language: str = "en") -> TransferData:
    labelled, _, tokenizers = examples(12, (language,), letters="äéíö" if language == "de" else "aeio")
    return TransferData(labelled, tokenizers)


def adapted(*rules: str, language: str = "en", seed: int = 3) -> AcousticModel:
    return Transfer(plan=rules).adapt(source(), target(language), seed)


def trained(model: AcousticModel, language: str, folder: Path) -> AcousticModel:
    letters = "äéíö" if language == "de" else "aeio"
    return fit(
        model,
        Transfer(),
        target(language),
        HEAVY,
        folder,
        evaluate_dev=development(4, (language,), letters),
        augment=PLAIN,
        seed=0,
    ).model


def test_later_rules_win_and_globs_match_blocks_tensors_and_names() -> None:
    model = adapted(
        "encoder.*=freeze", "encoder.1=train,lr*0.5", "encoder.0.norm.*=train", "norm.bias=freeze"
    )
    fates = model.fates
    assert fates["encoder.0.convolution.weight"].frozen
    assert not fates["encoder.0.norm.weight"].frozen
    assert not fates["encoder.1.convolution.weight"].frozen
    assert fates["encoder.1.convolution.weight"].lr == 0.5
    assert fates["norm.bias"].frozen
    assert not fates["norm.weight"].frozen
    for name, value in model.named_parameters():
        assert value.requires_grad != fates[name].frozen


def test_the_rates_reach_the_optimiser() -> None:
    model = adapted("encoder.1=lr*0.5", "input=lr*2")
    method = Transfer()
    optimiser = adamw(method.groups(model, 0.1), lr=0.01)
    scales = {id(value): group["lr_scale"] for group in optimiser.param_groups for value in group["params"]}
    by_name = {name: scales[id(value)] for name, value in model.named_parameters() if id(value) in scales}
    assert {by_name[name] for name in by_name if name.startswith("encoder.1.")} == {0.5}
    assert {by_name[name] for name in by_name if name.startswith("inputs.")} == {2.0}
    assert {by_name[name] for name in by_name if name.startswith(("encoder.0.", "heads.en", "norm"))} == {1.0}
    assert not any(name.startswith("heads.fr") for name in by_name)


def test_random_means_what_training_from_scratch_with_the_seed_would_start_from() -> None:
    _, _, tokenizers = examples(2, ("en", "fr"))
    scratch = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=3).state_dict()
    before = source()
    before.encoder[1].norm.running_mean.fill_(3)
    model = Transfer(plan=("encoder.1=random", "head.en.units.bias=random")).adapt(before, target(), 3)
    kept = source().state_dict()
    for name, tensor in model.state_dict().items():
        is_random = name.startswith("encoder.1.") or name == "heads.en.units.bias"
        assert torch.equal(tensor, scratch[name] if is_random else kept[name]), name
        assert (model.fates[name].start == "initialised") == is_random
    assert not torch.equal(scratch["encoder.1.convolution.weight"], kept["encoder.1.convolution.weight"])


def test_a_mapped_head_can_be_made_random_and_a_random_one_mapped() -> None:
    mapped, random = adapted(language="de"), adapted("head.de=random", language="de")
    assert mapped.fates["heads.de.units.weight"].start == "initialised", "no unit of it is the source's"
    assert mapped.fates["heads.de.blank.weight"].start == "mapped"
    assert random.fates["heads.de.units.weight"].start == "initialised"
    blanks = [model.head("de").blank.weight for model in (mapped, random)]
    assert torch.equal(blanks[0], source().shared_blank.weight)
    assert not torch.equal(*blanks)


def test_frozen_tensors_and_buffers_of_a_partly_frozen_block_stay(tmp_path: Path) -> None:
    """With momentum, weight decay, batch norm and dropout, under train()."""
    model = adapted("input=freeze", "encoder.0.norm.*=freeze", language="de")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    frozen = {name for name, fate in model.fates.items() if fate.frozen}
    assert {"encoder.0.norm.running_mean", "inputs.default.layers.first_norm.running_var"} < frozen
    assert "encoder.1.norm.running_mean" not in frozen
    after = trained(model, "de", tmp_path).state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not moved & frozen
    assert {"encoder.0.convolution.weight", "encoder.1.norm.running_mean", "heads.de.units.weight"} < moved


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            ("encodr.0=freeze",),
            r"'encodr.0' matches no block and no tensor; the nearest are encoder.0.*blocks are",
        ),
        (("encoder.0=random,freeze",), r"encoder.0: random and frozen.*random-frozen"),
        (("encoder.*=freeze", "encoder.1=random"), r"encoder.1: random and frozen"),
        (("head.fr=random,freeze",), r"head.fr: random and frozen.*random-frozen"),
        (("encoder.*=freeze,lr*2",), r"encoder.0, encoder.1: frozen, and a learning rate"),
        (("input=map",), r"'input': inputs.default.* has no rows of units"),
        (("head.de=copy",), r"heads.de.* cannot be copied, since the source has none"),
        (("head.en=map",), r"head.en.*source has it"),
        (("a=freeze", "b=freeze"), r"(?s)'a' matches no.*'b' matches no"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(rules: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adapted(*rules, language="de")


def test_random_is_what_inserted_modules_begin_as_and_the_rest_of_the_rule_stands() -> None:
    for rule, rate in (("lhuc.*=lr*5", 5.0), ("lhuc.*=random,lr*5", 5.0), ("lhuc.*=random", 1.0)):
        model = LHUC(plan=(rule,)).adapt(source(), target(), 0)
        scales = {fate.lr for fate in model.fates.values() if fate.start == "inserted"}
        assert scales == {rate}, rule
    with pytest.raises(ValueError, match=r"'lhuc\.\*': lhuc\.\S+ is inserted as what changes nothing"):
        LHUC(plan=("lhuc.*=random,freeze",)).adapt(source(), target(), 0)


def test_a_rule_on_all_heads_leaves_those_alone_that_no_speech_goes_through() -> None:
    before = source()
    model = Transfer(plan=("head.*=random",)).adapt(source(), target("de"), 3)
    kept, state = before.state_dict(), model.state_dict()
    assert model.fates["heads.de.units.weight"].start == "initialised"
    for name in ("heads.en.units.weight", "heads.fr.units.weight"):
        assert (model.fates[name].start, model.fates[name].frozen) == ("copied", True)
        assert torch.equal(state[name], kept[name])
    with pytest.raises(ValueError, match=r"'head.fr': nothing that is trained on goes through head.fr"):
        adapted("head.fr=random")


@pytest.mark.parametrize("action", ["freeze", "train", "lr*0.1"])
def test_rules_for_the_training_of_statistics_are_refused(action: str) -> None:
    with pytest.raises(
        ValueError, match=r"matches nothing that is trained, only statistics.*norm\.\*=freeze"
    ):
        adapted(f"encoder.*.norm.running_*={action}")
    assert adapted("encoder.*.norm.*=freeze").fates["encoder.0.norm.running_mean"].frozen


def test_a_random_frozen_control_is_no_contradiction() -> None:
    model = adapted("encoder.0=random-frozen")
    assert model.fates["encoder.0.convolution.weight"].frozen
    assert not torch.equal(model.encoder[0].convolution.weight, source().encoder[0].convolution.weight)


def test_a_plan_of_its_own_changes_nothing_in_the_model() -> None:
    model = source()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fates = TransferPlan((Rule("*", start="random"),)).fates(model, before)
    assert all(fate.start == "initialised" for fate in fates.values())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(value.requires_grad for value in model.parameters())


class TestWeightsOfAnotherModel:
    @pytest.fixture
    def other(self, tmp_path: Path) -> Path:
        save_model(source(seed=99), tmp_path / "other", fingerprints=Fingerprints())
        return tmp_path / "other"

    def test_they_replace_the_source_s(self, other: Path) -> None:
        model = adapted(f"{other}:encoder.1")
        theirs, ours = source(seed=99).state_dict(), source().state_dict()
        for name, tensor in model.state_dict().items():
            is_theirs = name.startswith("encoder.1.")
            assert torch.equal(tensor, (theirs if is_theirs else ours)[name]), name
            assert (model.fates[name].start == "loaded") == is_theirs

    def test_a_rule_that_would_copy_the_source_s_after_all_is_refused(self, other: Path) -> None:
        with pytest.raises(ValueError, match=r"norm.weight cannot be copied.*taken from another model"):
            adapted(f"{other}:norm", "norm=copy")
        assert adapted(f"{other}:norm", "norm=random").fates["norm.weight"].start == "initialised"

    def test_of_what_is_said_twice_the_later_counts(self, other: Path) -> None:
        theirs = source(seed=99).state_dict()["encoder.0.convolution.weight"]
        for before in ("encoder.0=random", "encoder.0=copy"):
            model = adapted(before, f"{other}:encoder.0")
            assert model.fates["encoder.0.convolution.weight"].start == "loaded"
            assert torch.equal(model.encoder[0].convolution.weight, theirs)

    def test_a_head_of_other_units_is_no_head_for_these(self, tmp_path: Path) -> None:
        others = {"en": Tokenizer("en", ("e", "a", "i", "o"))}
        assert len(others["en"].units) == len(source().tokenizers["en"].units)
        theirs = AcousticModel(TINY, FeatureSettings(), others)
        save_model(theirs, tmp_path / "m", fingerprints=Fingerprints())
        with pytest.raises(ValueError, match=r"head.en of .* has other units than head.en here"):
            adapted(f"{tmp_path / 'm'}:head.en")

    def test_under_another_name_and_with_exceptions(self, other: Path) -> None:
        model = adapted(f"{other}:encoder.0:encoder.1:encoder.0.norm")
        theirs, ours = source(seed=99).state_dict(), source().state_dict()
        assert torch.equal(model.encoder[1].convolution.weight, theirs["encoder.0.convolution.weight"])
        assert model.fates["encoder.1.convolution.weight"].start == "loaded"
        assert all(
            fate.start == "copied" for name, fate in model.fates.items() if name.startswith("encoder.1.norm.")
        )
        assert torch.equal(model.encoder[0].convolution.weight, ours["encoder.0.convolution.weight"])

    @pytest.mark.parametrize(
        ("form", "message"),
        [
            ("encodr", r"no tensors under 'encodr'; the nearest are .*encoder"),
            ("encoder.0:encoder.7", r"has no encoder.7.convolution.weight.*nearest are .*convolution.weight"),
            ("norm:encoder.0", r"has no encoder.0.weight"),
            (":encoder.7:", r"has no encoder\.7\.input\.layers\.first\.weight for (?s:.*)\nand 26 more$"),
            ("head.en:norm", r"has no norm.units.weight"),
        ],
    )
    def test_what_does_not_fit_is_named(self, other: Path, form: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            adapted(f"{other}:{form}")

    def test_a_folder_s_own_name_may_have_colons(self, other: Path, tmp_path: Path) -> None:
        other.rename(tmp_path / "retrain=upper:1")
        model = adapted(f"{tmp_path}/retrain=upper:1:encoder.0")
        assert model.fates["encoder.0.convolution.weight"].start == "loaded"

    def test_nothing_is_copied_where_one_shape_differs(self, other: Path, tmp_path: Path) -> None:
        _, _, tokenizers = examples(2, ("en",))
        wide = AcousticModel(replace(TINY, kernel=5), FeatureSettings(), tokenizers, seed=1)
        save_model(wide, tmp_path / "wide", fingerprints=Fingerprints())
        model = source()
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        with pytest.raises(
            ValueError, match=r"encoder.0.convolution.weight is \(24, 24, 5\) in .*\(24, 24, 3\) here"
        ):
            Transfer(plan=(f"{tmp_path / 'wide'}:encoder",)).adapt(model, target(), 0)
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_the_names_of_parametrised_tensors_are_plain() -> None:
    model = source()
    torch.nn.utils.parametrize.register_parametrization(
        model.encoder[0].convolution, "weight", torch.nn.Identity()
    )
    names = {plain(name) for name in model.state_dict()}
    assert names == set(source().state_dict())


def test_a_head_without_a_shared_unit_is_told_apart_from_a_mapped_one() -> None:
    message = r"no unit of de corresponds to one of the source's heads. Say which sound alike by unit_table"
    with pytest.raises(ValueError, match=message):
        adapted("head.de=map", language="de")
    with pytest.raises(ValueError, match=message):
        adapted("head.d*=map", language="de")
