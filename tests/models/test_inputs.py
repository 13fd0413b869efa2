"""Inputs by domain: each utterance through its own, the encoder shared by all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_speech import PLAIN, SETTINGS, TINY, development, examples

from speechtl.augment import AugmentSettings, SpecAugment
from speechtl.batches import Batch, Examples
from speechtl.checkpoint import load_model, save_model
from speechtl.features import FeatureSettings
from speechtl.label_faults import encoder_frames
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inputs import DomainInput
from speechtl.train import fit
from speechtl.transfer.base import Transfer, TransferData

TELEPHONE = DomainInput("telephone", FeatureSettings(mels=40, f_max=4000.0))
DOMAINS = ["telephone", None, "telephone", "studio", None, "telephone"]


def speech(domains: list[str | None] = DOMAINS) -> Examples:
    labelled, _, _ = examples(len(domains))
    return replace(labelled, domains=domains)


def build(seed: int = 0, inputs: tuple[DomainInput, ...] = (TELEPHONE,)) -> AcousticModel:
    _, _, tokenizers = examples(1)
    return AcousticModel(TINY, FeatureSettings(), tokenizers, inputs=inputs, seed=seed)


def losses(model: AcousticModel, batch: Batch) -> torch.Tensor:
    return model.task_losses(model.encode(batch), batch)["ctc"]


def test_in_a_mixed_batch_each_utterance_is_as_it_is_alone() -> None:
    model, labelled = build().eval(), speech()
    together = model.encode(labelled.batch(range(6)))
    for row, length in enumerate(together.lengths.tolist()):
        alone = model.encode(labelled.batch([row]))
        assert alone.lengths.tolist() == [length]
        assert torch.allclose(together.states["main"][row, :length], alone.states["main"][0], atol=1e-5)
    one = losses(model, labelled.batch(range(6)))
    assert torch.allclose(one, torch.cat([losses(model, labelled.batch([i])) for i in range(6)]), atol=1e-5)


def test_padding_changes_no_statistics_of_any_input() -> None:
    (one, other), batch = (build(), build()), speech().batch(range(6))
    one.train().encode(batch)
    other.train().encode(replace(batch, waveforms=torch.nn.functional.pad(batch.waveforms, (0, 7_777))))
    for (name, mine), theirs in zip(one.named_buffers(), other.buffers(), strict=True):
        assert torch.allclose(mine.float(), theirs.float(), atol=1e-5), name


def test_a_domain_goes_through_its_own_input_and_all_others_through_the_default() -> None:
    model, labelled = build().eval(), speech()
    plain = build(inputs=()).eval()
    assert torch.equal(model.state_dict()["encoder.0.norm.weight"], plain.encoder[0].norm.weight)
    for row, domain in enumerate(DOMAINS):
        batch = labelled.batch([row])
        same = torch.equal(model.encode(batch).states["main"], plain.encode(batch).states["main"])
        assert same == (domain != "telephone")


@pytest.mark.parametrize(("domain", "used"), [("telephone", "telephone"), ("studio", "default")])
def test_gradients_reach_only_the_input_that_was_used(domain: str, used: str) -> None:
    # In eval mode: batch norm in the shared encoder counts all utterances of a batch together.
    model, batch = build().eval(), speech().batch(range(6))
    rows = torch.tensor([(name == "telephone") == (domain == "telephone") for name in DOMAINS])
    losses(model, batch)[rows].sum().backward()
    for name in ("default", "telephone"):
        gradients = [parameter.grad for parameter in model.inputs[name].parameters()]
        reached = [gradient is not None and bool(gradient.abs().sum() > 0) for gradient in gradients]
        assert all(reached) if name == used else not any(reached)
    assert model.encoder[0].convolution.weight.grad.abs().sum() > 0


def test_blocks_and_starts_are_keyed_by_domain() -> None:
    model, plain = build(seed=5), build(seed=5, inputs=())
    assert list(model.blocks())[:3] == ["input", "input.telephone", "encoder.0"]
    mine = model.state_dict()
    assert all(torch.equal(value, mine[name]) for name, value in plain.state_dict().items())
    assert model.blocks()["input.telephone"].layers.first.in_channels == 120
    taps = model.eval().encode(speech().batch(range(6)), taps=["input", "input.telephone"]).taps
    assert torch.equal(taps["input"], taps["input.telephone"])
    # `keys` is an attribute of every dictionary of modules.
    assert "input.keys" in build(inputs=(replace(TELEPHONE, domain="keys"),)).blocks()


def test_masks_follow_each_inputs_own_filters() -> None:
    model, labelled = build().eval(), speech()
    settings = AugmentSettings(time_masks=0, mel_masks=2, mel_width=20)
    batch = labelled.batch(range(6))
    masked = model.encode(replace(batch, masking=SpecAugment(settings, 3, 80)))
    again = model.encode(replace(batch, masking=SpecAugment(settings, 3, 80)))
    assert torch.equal(masked.states["main"], again.states["main"])
    changed = (masked.states["main"] - model.encode(batch).states["main"]).abs().amax(dim=(1, 2))
    assert (changed > 1e-4).all(), "utterances of both inputs are masked"


def test_warps_reach_the_utterances_that_they_belong_to() -> None:
    model, batch = build().eval(), speech().batch(range(6))
    warps = torch.tensor([1.0, 1.0, 1.1, 1.0, 0.9, 1.0])
    difference = model.encode(replace(batch, warps=warps)).states["main"] - model.encode(batch).states["main"]
    assert ((difference.abs().amax(dim=(1, 2)) > 1e-4) == (warps != 1)).all()


def test_frames_are_counted_for_each_domain() -> None:
    wide = DomainInput("wide", FeatureSettings(margin_seconds=0.4))
    model, labelled = build(inputs=(wide,)), speech(["wide", None, None])
    batch = labelled.batch(range(3))
    counted = model.encoded_frames(batch.lengths, batch.domains)
    assert torch.equal(counted, model.eval().encode(batch).lengths)
    assert counted[0] > model.encoded_frames(batch.lengths)[0]
    found = encoder_frames(model, labelled.seconds, PLAIN, labelled.domains)
    assert np.array_equal(found, counted.numpy())


def test_a_saved_model_keeps_its_inputs(tmp_path: Path) -> None:
    model, batch = build(), speech().batch(range(6))
    save_model(model, tmp_path / "model", fingerprints=Fingerprints())
    loaded = load_model(tmp_path / "model").model
    assert loaded.inputs.added == (TELEPHONE,)
    assert torch.equal(loaded.encode(batch).states["main"], model.eval().encode(batch).states["main"])


def test_training_reaches_both_inputs_and_adapting_leaves_the_unused_one(tmp_path: Path) -> None:
    _, _, tokenizers = examples(1)
    data = TransferData(speech(), tokenizers)
    settings = replace(SETTINGS, steps=2, evaluations=1, checkpoint_seconds=1000)
    arguments = {"evaluate_dev": development(2), "augment": AugmentSettings(), "seed": 0}
    fitted = fit(build(), Transfer(), data, settings, tmp_path / "both", **arguments).model
    start = build().state_dict()
    moved = {name for name, value in fitted.state_dict().items() if not torch.equal(value, start[name])}
    assert {"inputs.default.layers.first.weight", "inputs.telephone.layers.first.weight"} <= moved

    telephone = TransferData(speech(["telephone"] * 4), tokenizers)
    adapted = Transfer().adapt(build(), telephone, seed=0)
    assert all(value.requires_grad for value in adapted.inputs["telephone"].parameters())
    names = [name for group in Transfer().groups(adapted, 0.1) for name in group.names]
    assert any(name.startswith("inputs.telephone.") for name in names)
    assert not any(name.startswith("inputs.default.") for name in names)
    after = fit(adapted, Transfer(), telephone, settings, tmp_path / "one", **arguments).model.state_dict()
    frozen = [name for name in start if name.startswith("inputs.default.")]
    assert all(torch.equal(after[name], start[name]) for name in frozen)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ((TELEPHONE, TELEPHONE), "already has an input for the domain telephone"),
        ((DomainInput("slow", FeatureSettings(hop_ms=20.0)),), "hop_ms=20 for slow, but 10 for the default"),
    ],
)
def test_inputs_that_cannot_stand_side_by_side_are_refused(
    entries: tuple[DomainInput, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build(inputs=entries)


@pytest.mark.parametrize("domain", ["", "a.b", "default"])
def test_domains_that_name_no_block_are_refused(domain: str) -> None:
    with pytest.raises(ValueError, match="names a block"):
        DomainInput(domain, FeatureSettings())
