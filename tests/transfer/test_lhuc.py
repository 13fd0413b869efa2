import copy
from pathlib import Path

import pytest
import torch
from speaking import ENCODERS, outputs, source, target, tuned

from speechtl.models import inserted_lhuc
from speechtl.models.inserted_module import Insertion
from speechtl.transfer import LHUC


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_is_trained_is_one_number_for_each_hidden_unit_and_speaker(encoder: str) -> None:
    data = target(9, speakers=("ann", "bob", "cid"))
    model = LHUC(by="speaker").adapt(source(encoder), data, seed=0)
    units = {"tdnn": 24, "bilstm": 24, "conformer": 48}[encoder] * 2
    assert sum(value.numel() for value in model.parameters() if value.requires_grad) == 3 * units
    shared = LHUC().adapt(source(encoder), data, seed=0)
    assert sum(value.numel() for value in shared.parameters() if value.requires_grad) == units


@pytest.mark.parametrize("form", ["exp", "sigmoid", "identity", "relu"])
def test_scales_begin_at_one(form: str) -> None:
    start, data = source(), target()
    model = LHUC(form=form).adapt(copy.deepcopy(start), data, seed=0)
    r = [value for name, value in model.named_parameters() if name.startswith("inserted.")]
    assert all((value == (1.0 if form in ("identity", "relu") else 0.0)).all() for value in r)
    batch = data.target.batch(range(8))
    assert torch.equal(outputs(model, batch), outputs(start, batch))
    model.encode(batch).states["main"].square().sum().backward()
    assert all(value.grad.abs().sum() > 0 for value in r)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("exp", [0.367879, 1.0, 1.648721, 7.389056]),
        ("sigmoid", [0.537883, 1.0, 1.244919, 1.761594]),
        ("identity", [-1.0, 0.0, 0.5, 2.0]),
        ("relu", [0.0, 0.0, 0.5, 2.0]),
    ],
)
def test_scales_are_those_of_the_paper(form: str, expected: list[float]) -> None:
    module = inserted_lhuc.LHUC(Insertion("lhuc", "encoder.0", options={"form": form}), 4)
    with torch.no_grad():
        module.r.copy_(torch.tensor([[-1.0, 0.0, 0.5, 2.0]]))
    assert module.scale()[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_scales_have_no_weight_decay() -> None:
    model = LHUC(by="speaker").adapt(source(), target(), seed=0)
    groups = LHUC().groups(model, weight_decay=0.1)
    names = [name for group in groups for name in group.names]
    assert [group.weight_decay for group in groups] == [0.0]
    assert names == ["inserted.lhuc_encoder_0.r", "inserted.lhuc_encoder_1.r"]


def test_some_blocks_alone_can_be_scaled() -> None:
    model = LHUC(blocks=("encoder.1",)).adapt(source(), target(), seed=0)
    assert [one.block for one in model.inserted.insertions] == ["encoder.1"]


def test_only_what_is_scaled_differs(tmp_path: Path) -> None:
    """After training, with scales of 1 again, the model is the source bit for bit."""
    start, data = source(), target()
    model = LHUC().adapt(copy.deepcopy(start), data, seed=0)
    fitted = tuned(LHUC(), model, data, tmp_path).model
    batch = data.target.batch(range(8))
    assert not torch.equal(outputs(fitted, batch), outputs(start, batch))
    with torch.no_grad():
        for name, value in fitted.named_parameters():
            if name.startswith("inserted."):
                value.zero_()
    assert torch.equal(outputs(fitted, batch), outputs(start, batch))


def test_a_plan_may_train_the_head_too() -> None:
    model = LHUC(plan=("head.en=train", "lhuc.*=lr*10")).adapt(source(), target(), seed=0)
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    assert {name.partition(".")[0] for name in trained} == {"inserted", "heads"}
    assert model.fates["inserted.lhuc_encoder_0.r"].lr == 10


@pytest.mark.parametrize("encoder", ENCODERS)
def test_scales_stand_before_dropout_and_change_hidden_units_alone(encoder: str) -> None:
    """A scale of 0 for all hidden units takes what the block adds by them away."""
    start, data = source(encoder), target()
    model = LHUC(form="identity", blocks=("encoder.1",)).adapt(copy.deepcopy(start), data, seed=0)
    with torch.no_grad():
        model.inserted["lhuc_encoder_1"].r.zero_()
    batch = data.target.batch(range(4))
    tapped = model.eval().encode(batch, taps=["encoder.0", "encoder.1"]).taps
    if encoder == "conformer":
        before = start.encode(batch, taps=["encoder.1"]).taps["encoder.1"]
        assert not torch.allclose(tapped["encoder.1"], before)
    else:
        assert torch.equal(tapped["encoder.1"], tapped["encoder.0"])
