"""Layer transfer: which blocks are copied, which are random, which move, and in which stage."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import two_domains
from conservative import SHORT, a_source, a_target, adapted, equal, trained
from toy_speech import PLAIN, TINY, development, examples

from speechtl.experiment import load_recipe
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inputs import DomainInput
from speechtl.staged_training import trained_in
from speechtl.train import Interrupted, fit
from speechtl.transfer import DANN, Composed, LayerTransfer, SourceReplay, Transfer
from speechtl.transfer.receipt import Beginning

DEEP = replace(TINY, blocks=4)
HEAVY = replace(SHORT, dropout=0.3, weight_decay=0.5)
"""With momentum, weight decay, batch norm and dropout."""


def moved(before: AcousticModel, after: AcousticModel) -> set[str]:
    """Blocks of which a parameter or a buffer of one model differs in another."""
    found, then = after.blocks(), before.blocks()
    return {
        name
        for name, block in then.items()
        if any(not torch.equal(t, found[name].state_dict()[key]) for key, t in block.state_dict().items())
    }


@pytest.mark.parametrize(
    ("retrain", "expected"),
    [
        ("input:1", {"input"}),
        ("input:2", {"input", "encoder.0"}),
        ("input:5", {"input", "encoder.0", "encoder.1", "encoder.2", "encoder.3", "norm"}),
        ("upper:1", {"encoder.3", "norm"}),
        ("upper:3", {"encoder.1", "encoder.2", "encoder.3", "norm"}),
        ("encoder.1, encoder.2", {"encoder.1", "encoder.2"}),
        ("input:1,encoder.2", {"input", "encoder.2"}),
    ],
)
def test_only_the_named_blocks_move_and_the_others_are_bit_identical(
    retrain: str, expected: set[str], tmp_path: Path
) -> None:
    source, data = a_source("en", "fr", settings=DEEP), a_target("de")
    result = trained(LayerTransfer(retrain=retrain), source, data, tmp_path, HEAVY)
    assert moved(source, result.model) == expected, "heads of other languages stay too"


def test_outputs_of_frozen_blocks_are_bit_identical(tmp_path: Path) -> None:
    source, data = a_source("en", settings=DEEP), a_target("de")
    model = trained(LayerTransfer(retrain="upper:2"), source, data, tmp_path, HEAVY).model
    batch = data.target.batch(range(6))
    with torch.no_grad():
        mine, theirs = (one.eval().encode(batch, taps=("encoder.1", "norm")) for one in (model, source))
    assert torch.equal(mine.taps["encoder.1"], theirs.taps["encoder.1"])
    assert not torch.equal(mine.taps["norm"], theirs.taps["norm"])


def test_only_the_named_blocks_are_random_and_the_fates_say_so() -> None:
    source, data = a_source("en", settings=DEEP), a_target("de")
    fresh = AcousticModel(DEEP, FeatureSettings(), {}, seed=4)
    copied = adapted(LayerTransfer(retrain="input:2"), source, data, seed=4)
    random = adapted(LayerTransfer(retrain="input:2", start="random"), source, data, seed=4)
    assert moved(source, copied) == set()
    assert moved(source, random) == {"input", "encoder.0"}
    for name in ("input", "encoder.0"):
        drawn = fresh.blocks()[name].state_dict()
        assert all(torch.equal(t, drawn[key]) for key, t in random.blocks()[name].state_dict().items())
    told = {
        kind: {model.fates[name].start for name in model.fates if model.fates[name].block == "encoder.0"}
        for kind, model in (("copied", copied), ("initialised", random))
    }
    assert told == {"copied": {"copied"}, "initialised": {"initialised"}}
    for model in (copied, random):
        frozen = {fate.block for fate in model.fates.values() if fate.frozen}
        assert frozen == {"encoder.1", "encoder.2", "encoder.3", "norm", "head.en", "blank"}
    assert {f.start for f in random.fates.values() if f.block == "encoder.1"} == {"copied"}


def test_no_block_copied_is_a_model_from_scratch() -> None:
    """The base of the layer study at n = 0, and the random blocks do not depend on how many there are."""
    source, data = a_source("en", settings=DEEP), a_target("en")
    everything = LayerTransfer(retrain="upper:5,head.en,blank", start="random")
    fresh = AcousticModel(DEEP, FeatureSettings(), source.tokenizers, seed=3)
    model = adapted(everything, source, data, seed=3)
    assert equal(model, fresh)
    assert all(value.requires_grad for value in model.parameters())


def test_no_block_copied_trains_as_a_model_from_scratch_does(tmp_path: Path) -> None:
    """The base of the layer study, to the end of the training and to the last bit."""
    source, data = a_source("en", settings=DEEP), a_target("en")
    everything = LayerTransfer(retrain="upper:5,head.en,blank", start="random")
    fresh = AcousticModel(DEEP, FeatureSettings(), data.tokenizers, seed=0)
    alone = fit(
        Transfer().begin(fresh, data, 0),
        Transfer(),
        data,
        SHORT,
        tmp_path / "scratch",
        evaluate_dev=development(4, ("en",)),
        augment=PLAIN,
        seed=0,
    ).model
    assert equal(trained(everything, source, data, tmp_path, SHORT).model, alone)


def test_heads_that_other_speech_goes_through_are_trained_with_the_upper_blocks(tmp_path: Path) -> None:
    """Replay brings the source's languages: their heads move with the norm before them, in each stage."""
    source, data = a_source("en", "fr", settings=DEEP), a_target("de")
    for share in (0.0, 0.5):
        upper = LayerTransfer(retrain="upper:2", then_all=share)
        method = Composed(methods=(upper, SourceReplay(share=0.5)))
        model = adapted(method, source, data)
        for stage in method.stages(model):
            heads = {model.fates[name].block for name in trained_in(model, stage)}
            assert {"head.de", "head.en", "head.fr"} <= heads
        alone = adapted(upper, source, data)
        for stage in upper.stages(alone):
            heads = {alone.fates[name].block for name in trained_in(alone, stage)}
            assert {head for head in heads if head.startswith("head.")} == {"head.de"}


def test_the_rest_can_be_trained_along(tmp_path: Path) -> None:
    source, data = a_source("en", settings=DEEP), a_target("de")
    method = LayerTransfer(retrain="upper:1", start="random", rest="trained")
    start = adapted(method, source, data)
    assert {f.block for f in start.fates.values() if f.start == "initialised"} == {
        *("encoder.3", "norm"),
        "head.de",  # of which no unit is the source's
    }
    result = trained(method, source, data, tmp_path, HEAVY)
    assert moved(start, result.model) == {*source.blocks()} - {"head.en"} | {"head.de"}


def test_a_known_head_is_trained_with_the_upper_blocks_and_kept_with_the_lower_ones() -> None:
    source, data = a_source("en", "fr", settings=DEEP), a_target("en")
    trained_blocks = {}
    for retrain in ("input:1", "upper:1"):
        model = adapted(LayerTransfer(retrain=retrain), source, data)
        trained_blocks[retrain] = {fate.block for fate in model.fates.values() if not fate.frozen}
    assert trained_blocks == {"input:1": {"input"}, "upper:1": {"encoder.3", "norm", "head.en", "blank"}}


def test_inputs_of_all_domains_are_one_block_and_an_unheard_one_keeps_its_weights() -> None:
    narrow = DomainInput("telephone", FeatureSettings(mels=40, f_max=4000.0))
    _, _, tokenizers = examples(2, ("en",))
    source = AcousticModel(DEEP, FeatureSettings(), tokenizers, inputs=(narrow,), seed=2)
    assert LayerTransfer(retrain="input:2").blocks(source) == ["input", "input.telephone", "encoder.0"]
    model = adapted(LayerTransfer(retrain="input:1", start="random"), source, a_target("en"), seed=9)
    assert moved(source, model) == {"input"}
    assert not any(value.requires_grad for value in model.blocks()["input.telephone"].parameters())


def test_an_input_that_only_speech_without_labels_goes_through_is_retrained_too() -> None:
    source, data = a_source("en"), two_domains.speech()
    source.inputs.add(DomainInput("uk", FeatureSettings(mels=40, f_max=4000.0)), seed=0)
    layers = LayerTransfer(retrain="input:1", start="random")
    for method, begun in ((layers, {"input"}), (Composed(methods=(layers, DANN())), {"input", "input.uk"})):
        model = adapted(method, source, data)
        assert {f.block for f in model.fates.values() if f.start == "initialised"} == begun
        assert {f.block for f in model.fates.values() if not f.frozen} >= begun


def test_a_second_stage_trains_all_and_the_first_only_the_named_blocks(tmp_path: Path) -> None:
    source, data = a_source("en", "fr", settings=DEEP), a_target("de")
    method = LayerTransfer(retrain="input:2", start="random", then_all=0.5)
    start = adapted(method, source, data)
    first, second = (trained_in(start, stage) for stage in method.stages(start))
    assert {start.fates[name].block for name in first} == {"input", "encoder.0", "head.de"}
    assert {start.fates[name].block for name in second} == {*start.blocks()} - {"head.en", "head.fr"}
    only_first = trained(replace(method, then_all=0.01), source, data, tmp_path / "first", HEAVY)
    assert moved(start, only_first.model) == {"input", "encoder.0", "head.de"}, (
        "less than a step of the second"
    )
    both = trained(method, source, data, tmp_path / "both", HEAVY)
    assert moved(start, both.model) == {*start.blocks()} - {"head.en", "head.fr"}
    receipt = Beginning.of(start, source).receipt(both.model, "LayerTransfer", "source")
    assert receipt.faults() == []
    frozen = {tensor.block for tensor in receipt.tensors if tensor.frozen and not tensor.is_buffer}
    assert frozen == {"head.en", "head.fr", "blank"}, "what the second stage trains does not count as frozen"


@pytest.mark.parametrize("stopped_at", [2, 3, 4])
def test_a_run_stopped_in_either_stage_ends_with_the_same_bits(stopped_at: int, tmp_path: Path) -> None:
    from speechtl.train import Loop

    source, data = a_source("en", settings=DEEP), a_target("de")
    method = LayerTransfer(retrain="input:2", start="random", then_all=0.5)
    whole = trained(method, source, data, tmp_path / "whole", HEAVY).model

    after_step = Loop.after_step

    def stops(self: Loop) -> None:
        if self.counters.step == stopped_at:
            self.stop.name = "SIGTERM"
        after_step(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Loop, "after_step", stops)
        with pytest.raises(Interrupted):
            trained(method, source, data, tmp_path / "parts", HEAVY)
    assert equal(trained(method, source, data, tmp_path / "parts", HEAVY).model, whole)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"retrain": ""}, "names no blocks"),
        ({"retrain": "lower:2"}, "neither input:NUMBER nor upper:NUMBER"),
        ({"retrain": "input:0"}, "from 1 on"),
        ({"rest": "trained"}, "which is fine-tuning"),
        ({"rest": "trained", "start": "random", "then_all": 0.5}, "nothing for then_all"),
        ({"then_all": 1.0}, "below 1"),
        ({"trains": "head"}, "trains=head trains no block"),
    ],
)
def test_contradictions_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LayerTransfer(**settings)


def test_blocks_that_the_model_has_not_are_refused_with_those_that_it_has() -> None:
    source, data = a_source("en", settings=DEEP), a_target("en")
    with pytest.raises(ValueError, match=r"the nearest are encoder\.3"):
        adapted(LayerTransfer(retrain="input:1,encoder.33"), source, data)
    with pytest.raises(ValueError, match=r"upper:6: this model has 5 blocks.*input, encoder\.0"):
        adapted(LayerTransfer(retrain="upper:6"), source, data)


@pytest.mark.parametrize("name", ["layer_input", "layer_input_random", "upper", "layer_two_stage"])
def test_the_recipes_come_back_from_their_settings(name: str) -> None:
    recipe = load_recipe(f"taiwanese/{name}")
    assert isinstance(recipe.method, LayerTransfer)
    assert recipe == type(recipe).from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert recipe.method.start == ("source" if name in ("layer_input", "upper") else "random")
