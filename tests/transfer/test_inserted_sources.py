"""A source that an earlier method inserted modules into: what becomes of a block becomes of these too."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conservative import SHORT, a_source, a_target, adapted, trained
from two_domains import speech

from speechtl.models.acoustic import AcousticModel
from speechtl.models.inserted import Insertion
from speechtl.staged_training import trained_in
from speechtl.transfer import (
    LHUC,
    DomainBatchNorm,
    FineTuning,
    JointTraining,
    LayerTransfer,
    SourceReplay,
    Transfer,
)

OWN = "batch_norm.encoder.0"


def changed() -> AcousticModel:
    """A source with an affine at its input, LHUC and batch norms of a domain in its first block, and an
    adapter in its second, none of which is the identity."""
    domains = speech()
    model = adapted(DomainBatchNorm(affine="own"), a_source("en", "fr"), domains)
    model.insert(Insertion("affine", "input"))
    model.insert(Insertion("lhuc", "encoder.0"))
    model.insert(Insertion("adapter", "encoder.1", None, (), {"bottleneck": 3}))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in model.inserted.parameters():
            value += 0.1 * torch.randn(value.shape, generator=generator)
    return model.eval().requires_grad_(False)


def inserted(model: AcousticModel, names: frozenset[str] | None = None) -> set[str]:
    """The inserted modules that are trained."""
    parts = set(model.inserted.parts())
    if names is None:
        names = frozenset(name for name, value in model.named_parameters() if value.requires_grad)
    return {model.fates[name].block for name in names} & parts


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_new_head_leaves_all_of_the_source_bit_identical(tmp_path: Path, optimiser: str) -> None:
    source, data = changed(), a_target("de")
    settings = replace(SHORT, optimiser=optimiser)
    model = trained(Transfer(trains="head"), source, data, tmp_path, settings).model
    end = model.state_dict()
    moved = [name for name, value in source.state_dict().items() if not torch.equal(value, end[name])]
    assert moved == []
    batch = data.target.batch(range(4))
    with torch.no_grad():
        assert torch.equal(model.encode(batch).states["main"], source.encode(batch).states["main"])


def test_layers_take_along_what_is_in_them(tmp_path: Path) -> None:
    source, data = changed(), a_target("de")
    upper = trained(LayerTransfer(retrain="upper:1"), source, data, tmp_path).model
    assert inserted(adapted(LayerTransfer(retrain="upper:1"), source, data)) >= {"adapter.encoder.1"}
    end = upper.state_dict()
    kept = [
        name
        for name in source.state_dict()
        if name.startswith(("encoder.0.", "inputs.", "inserted.affine", "inserted.lhuc"))
        or name.startswith("inserted.batch_norm_encoder_0")
    ]
    assert len(kept) > 10
    assert [name for name in kept if not torch.equal(source.state_dict()[name], end[name])] == []
    assert not torch.equal(
        end["inserted.adapter_encoder_1.up"], source.state_dict()["inserted.adapter_encoder_1.up"]
    )
    lower = adapted(LayerTransfer(retrain="input:2"), source, data)
    assert {"affine.input", "lhuc.encoder.0", OWN} <= inserted(lower)
    assert "adapter.encoder.1" not in inserted(lower)


@pytest.mark.parametrize(
    ("method", "blocks"),
    [
        (LayerTransfer(retrain="encoder.0", start="random"), {"lhuc.encoder.0", OWN}),
        (Transfer(plan=("lhuc.encoder.0=random",)), {"lhuc.encoder.0"}),
        (JointTraining(start="random"), {"affine.input", "lhuc.encoder.0", OWN, "adapter.encoder.1"}),
    ],
)
def test_in_a_block_that_is_new_they_are_the_identity_again(method: Transfer, blocks: set[str]) -> None:
    source = changed()
    model = adapted(method, source, a_target("de"))
    fates = {fate.block: fate.start for fate in model.fates.values() if fate.block in source.inserted.parts()}
    assert {block for block, start in fates.items() if start == "initialised"} >= blocks
    assert fates["affine.input"] == ("initialised" if "affine.input" in blocks else "copied")
    if "lhuc.encoder.0" in blocks:
        fresh = AcousticModel(model.settings, model.features, {}, seed=0)
        fresh.insert(Insertion("lhuc", "encoder.0"))
        begun, found = (one.inserted.parts()["lhuc.encoder.0"].state_dict() for one in (fresh, model))
        assert all(torch.equal(value, found[name]) for name, value in begun.items())


def test_they_are_unfrozen_with_their_block_and_learn_as_fast() -> None:
    source, data = changed(), a_target("de")
    method = FineTuning(unfreeze=0.75, decay=0.5)
    model = adapted(method, source, data)
    trains = [inserted(model, trained_in(model, stage)) for stage in method.stages(model)]
    assert trains[0] == set()
    assert "adapter.encoder.1" in trains[1]
    assert "lhuc.encoder.0" not in trains[1]
    assert {"lhuc.encoder.0", OWN} <= trains[2]
    assert "affine.input" not in trains[2]
    assert trains[3] == inserted(model)
    rates = {fate.block: fate.lr for fate in model.fates.values()}
    assert (rates["adapter.encoder.1"], rates["lhuc.encoder.0"], rates["affine.input"]) == (0.5, 0.25, 0.125)


def test_in_a_new_block_they_wait_for_it_too() -> None:
    method = FineTuning(unfreeze=0.75, plan=("encoder.0=random",))
    model = adapted(method, changed(), a_target("de"))
    trains = [inserted(model, trained_in(model, stage)) for stage in method.stages(model)]
    assert ["lhuc.encoder.0" in one for one in trains] == [False, False, True, True]


def test_what_is_inserted_now_is_no_part_of_the_source() -> None:
    """A plan that freezes a block does not freeze what is being put into it."""
    source, data = changed(), a_target("de")
    model = adapted(LHUC(plan=("encoder.*=freeze",)), source, data)
    assert inserted(model) == {"lhuc.encoder.0+2", "lhuc.encoder.1"}
    replayed = adapted(SourceReplay(trains="head"), source, data)
    assert inserted(replayed) == set()
    assert {f.block for f in replayed.fates.values() if not f.frozen} >= {"head.de", "head.en", "head.fr"}
