"""Learning rates by depth, and gradual unfreezing."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_speech import PLAIN, SETTINGS, TINY, development, examples

from speechtl.descent import adamw
from speechtl.development import DevScore
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inputs import DomainInput
from speechtl.staged_training import trained_in
from speechtl.train import FitResult, Interrupted, Loop, fit
from speechtl.transfer import FineTuning, Transfer
from speechtl.transfer.data import TransferData
from speechtl.transfer.fine_tuning import levels
from speechtl.transfer.stages import boundaries

DECAYING = replace(SETTINGS, steps=12, weight_decay=0.5, dropout=0.3, evaluations=4, checkpoint_seconds=1000)
UNFREEZING = FineTuning(unfreeze=0.75)
"""Of 12 steps: 3 for the head, 3 with encoder.1, 3 with encoder.0, 3 with all."""


def source() -> AcousticModel:
    return AcousticModel(TINY, FeatureSettings(), examples(2, ("en", "fr"))[2], seed=7)


def german() -> TransferData:
    labelled, _, tokenizers = examples(12, ("de",), letters="äéíö")
    return TransferData(labelled, tokenizers)


def tuned(method: Transfer, folder: Path, evaluate_dev: object = None, **changes: object) -> FitResult:
    data = german()
    return fit(
        method.adapt(source(), data, seed=5),
        method,
        data,
        replace(DECAYING, **changes),
        folder,
        evaluate_dev=evaluate_dev or development(4, ("de",), "äéíö"),
        augment=PLAIN,
        seed=0,
    )


def same(first: AcousticModel, second: AcousticModel) -> bool:
    theirs = second.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in first.state_dict().items())


def test_the_rate_of_each_block_falls_with_its_depth() -> None:
    method = FineTuning(decay=0.5)
    model = method.adapt(source(), german(), seed=0)
    assert levels(model) == [["encoder.1", "norm"], ["encoder.0"], ["input"]]
    wanted = {"head.de": 1.0, "encoder.1": 0.5, "norm": 0.5, "encoder.0": 0.25, "input": 0.125}
    blocks = model.blocks()
    of = {id(value): block for block in blocks for value in blocks[block].parameters()}
    for group in method.groups(model, weight_decay=0.1):
        assert {wanted[of[id(value)]] for value in group.parameters} == {group.lr_scale}
    optimiser = adamw(method.groups(model, weight_decay=0.1), lr=0.2)
    rates = {of[id(v)]: group["lr"] for group in optimiser.param_groups for v in group["params"]}
    assert rates == {block: pytest.approx(0.2 * scale) for block, scale in wanted.items()}


def test_an_input_that_nobody_goes_through_is_frozen_in_spite_of_its_rate() -> None:
    model = source()
    model.inputs.add(DomainInput("phone", FeatureSettings()), seed=0)
    method = FineTuning(decay=0.5)
    groups = method.groups(method.adapt(model, german(), seed=0), weight_decay=0.1)
    inputs = {name: group.lr_scale for group in groups for name in group.names if name.startswith("inputs.")}
    assert inputs
    assert set(inputs.values()) == {0.125}
    assert not any("phone" in name for name in inputs)


def test_the_user_s_rules_win_over_the_rates_by_depth() -> None:
    method = FineTuning(decay=0.5, plan=("encoder.0=lr*3",))
    fates = method.adapt(source(), german(), seed=0).fates.values()
    assert {fate.lr for fate in fates if fate.block == "encoder.0"} == {3.0}
    assert {fate.lr for fate in fates if fate.block == "input"} == {0.125}


def test_a_decay_of_one_without_unfreezing_is_fine_tuning_bit_for_bit(tmp_path: Path) -> None:
    plain = tuned(Transfer(), tmp_path / "plain")
    assert same(plain.model, tuned(FineTuning(), tmp_path / "neutral").model)
    assert not same(plain.model, tuned(FineTuning(decay=0.5), tmp_path / "slowed").model)


@pytest.mark.parametrize("method", [FineTuning(decay=0.5), UNFREEZING])
def test_without_a_step_the_model_equals_the_source(tmp_path: Path, method: FineTuning) -> None:
    after = tuned(method, tmp_path, steps=0).model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in source().state_dict().items())


def test_blocks_join_from_the_top_down() -> None:
    model = UNFREEZING.adapt(source(), german(), seed=0)
    stages = UNFREEZING.stages(model)
    assert boundaries(stages, 12) == [3, 6, 9, 12]
    opened = [{model.fates[name].block for name in trained_in(model, stage)} for stage in stages]
    assert opened == [
        {"head.de"},
        {"head.de", "encoder.1", "norm"},
        {"head.de", "encoder.1", "norm", "encoder.0"},
        {"head.de", "encoder.1", "norm", "encoder.0", "input"},
    ]
    assert len(FineTuning(decay=0.5).stages(model)) == 1


def test_what_the_user_freezes_is_never_unfrozen() -> None:
    method = replace(UNFREEZING, plan=("encoder.1=freeze",))
    model = method.adapt(source(), german(), seed=0)
    for stage in method.stages(model):
        assert not any(model.fates[name].block == "encoder.1" for name in trained_in(model, stage))


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_block_is_bit_identical_until_it_is_unfrozen_and_then_moves(tmp_path: Path, optimiser: str) -> None:
    """Parameters and batch-norm statistics, with momentum, weight decay and dropout."""
    data = german()
    model = UNFREEZING.adapt(source(), data, seed=5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    settings = replace(DECAYING, optimiser=optimiser)
    loop = Loop(model, UNFREEZING, data, settings, tmp_path, development(), PLAIN, 0, None)
    joins = {"encoder.1": 3, "norm": 3, "encoder.0": 6, "input": 9}
    for step in range(1, DECAYING.steps + 1):
        loop.step()
        for name, value in loop.model.state_dict().items():
            first = joins.get(model.fates[name].block)
            if first is not None and step <= first:
                assert torch.equal(value, before[name]), (step, name)
            elif first is not None and step > first and "featurizer" not in name:
                assert not torch.equal(value, before[name]), (step, name)


@pytest.mark.parametrize("stopped_at", [3, 6])
def test_a_run_that_is_stopped_at_a_border_goes_on_exactly(tmp_path: Path, stopped_at: int) -> None:
    whole = tuned(UNFREEZING, tmp_path / "whole")
    score, calls = development(4, ("de",), "äéíö"), []

    def stopping(model: AcousticModel) -> DevScore:
        calls.append(model)
        if len(calls) == stopped_at // 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return score(model)

    with pytest.raises(Interrupted, match=f"step {stopped_at} of 12"):
        tuned(UNFREEZING, tmp_path / "parts", stopping)
    assert same(whole.model, tuned(UNFREEZING, tmp_path / "parts").model)


@pytest.mark.parametrize("evaluations", [6, 12])
def test_a_run_that_is_stopped_inside_a_stage_goes_on_exactly(tmp_path: Path, evaluations: int) -> None:
    """After 4 and after 5 steps of 12, the first two of the second stage."""
    whole = tuned(UNFREEZING, tmp_path / "whole", evaluations=evaluations)
    score, calls = development(4, ("de",), "äéíö"), []

    def stopping(model: AcousticModel) -> DevScore:
        calls.append(model)
        if len(calls) == (2 if evaluations == 6 else 5):
            os.kill(os.getpid(), signal.SIGTERM)
        return score(model)

    with pytest.raises(Interrupted, match=r"step [45] of 12"):
        tuned(UNFREEZING, tmp_path / "parts", stopping, evaluations=evaluations)
    resumed = tuned(UNFREEZING, tmp_path / "parts", evaluations=evaluations)
    assert same(whole.model, resumed.model)
    assert resumed.best == whole.best


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decay": 0.0}, r"decay=0\.0: expected a factor above 0"),
        ({"unfreeze": 1.0}, r"unfreeze=1\.0: expected a share from 0 up to, not including, 1"),
        ({"unfreeze": -0.1}, r"unfreeze=-0\.1"),
        ({"decay": 0.5, "trains": "head"}, "with trains=head: no block below the head is trained"),
        ({"unfreeze": 0.5, "trains": "head"}, "with trains=head"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FineTuning(**settings)
