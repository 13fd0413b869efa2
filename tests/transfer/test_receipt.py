"""Receipts: what they prove, and that they do not prove what is not so."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from toy_speech import PLAIN, SETTINGS, TINY, development, examples

from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.staged_training import trained_by_stage
from speechtl.train import fit
from speechtl.transfer import LayerTransfer
from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.receipt import Beginning, Receipt, digest, drift, require_sound, totals

HEAVY = replace(SETTINGS, steps=4, weight_decay=0.5, dropout=0.3, evaluations=1, checkpoint_seconds=1000)


def source() -> AcousticModel:
    _, _, tokenizers = examples(2, ("en", "fr"))
    return AcousticModel(TINY, FeatureSettings(), tokenizers, seed=7)


def receipt_of(method: Transfer, folder: Path, steps: int = 4) -> tuple[Receipt, AcousticModel]:
    """The receipt of a training on German, and the trained model."""
    labelled, _, tokenizers = examples(12, ("de",), letters="äéíö")
    data = TransferData(labelled, tokenizers)
    model = method.adapt(source(), data, 0)
    begun = Beginning.of(model, source())
    fitted = fit(
        model,
        method,
        data,
        replace(HEAVY, steps=steps),
        folder,
        evaluate_dev=development(4, ("de",), "äéíö"),
        augment=PLAIN,
        seed=0,
    )
    return begun.receipt(fitted.model, type(method).__name__, "source"), fitted.model


def test_it_tells_each_tensor_s_fate_and_drift(tmp_path: Path) -> None:
    rules = ("encoder.0=freeze", "encoder.1=random", "norm=lr*0.5")
    receipt, model = receipt_of(Transfer(plan=rules), tmp_path)
    require_sound(receipt, tmp_path)
    told = {tensor.name: tensor for tensor in receipt.tensors}
    assert told.keys() == model.state_dict().keys()
    frozen = told["encoder.0.norm.running_mean"]
    assert (frozen.fate, frozen.frozen, frozen.drift, frozen.is_buffer) == ("copied", True, 0.0, True)
    assert frozen.sha256 == frozen.started == frozen.source
    fresh = told["encoder.1.convolution.weight"]
    assert fresh.fate == "initialised"
    assert fresh.started != fresh.source
    assert fresh.drift > 0
    assert told["norm.weight"].lr == 0.5
    head = told["heads.de.units.weight"]
    assert (head.fate, head.source) == ("initialised", None), "no unit of it is the source's"
    assert told["heads.fr.units.weight"].frozen
    weights = source().state_dict()["norm.weight"]
    moved = model.state_dict()["norm.weight"]
    assert told["norm.weight"].drift == pytest.approx(float((moved - weights).norm() / weights.norm()))


def test_it_counts_what_is_trained(tmp_path: Path) -> None:
    receipt, model = receipt_of(Transfer(trains="head"), tmp_path, steps=0)
    head = sum(value.numel() for value in model.head("de").parameters())
    assert totals(receipt.tensors) == (sum(value.numel() for value in model.parameters()), head)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    receipt, _ = receipt_of(Transfer(), tmp_path / "a", steps=0)
    receipt.write(tmp_path)
    assert Receipt.read(tmp_path) == receipt
    (tmp_path / "plan.json").write_text('{"tensors": [{"name": "a"}], "method": "m", "source": null}')
    with pytest.raises(ValueError, match=r"plan.json is damaged"):
        Receipt.read(tmp_path)
    with pytest.raises(FileNotFoundError, match="has not finished"):
        Receipt.read(tmp_path / "a")


@dataclass(frozen=True)
class Meddling(Transfer):
    """Freezes the encoder, and changes it all the same."""

    def finish(self, model: AcousticModel, source: AcousticModel | None = None) -> AcousticModel:
        with torch.no_grad():
            model.encoder[0].norm.running_mean[3] += 1e-6
        return super().finish(model, source)


@dataclass(frozen=True)
class Sloppy(Transfer):
    """Says that all is copied, and starts from something else."""

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        with torch.no_grad():
            model.encoder[1].norm.bias += 1e-6


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (
            Meddling(plan=("encoder.*=freeze",)),
            r"(?s)not saved.*Meddling.*encoder.0.norm.running_mean was to stay",
        ),
        (Sloppy(), r"(?s)Sloppy has a fault.*encoder.1.norm.bias was to be copied"),
    ],
)
def test_a_method_that_does_not_do_what_its_plan_says_is_found_out(
    method: Transfer, message: str, tmp_path: Path
) -> None:
    receipt, _ = receipt_of(method, tmp_path)
    with pytest.raises(ValueError, match=message):
        require_sound(receipt, tmp_path)


def test_a_model_that_was_changed_after_training_is_found_out(tmp_path: Path) -> None:
    receipt, model = receipt_of(Transfer(), tmp_path, steps=0)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert receipt.differences(state) == []
    state["norm.bias"][0] += 1e-6
    state["encoder.0.norm.running_mean"][0] += 1e-6
    state["extra"] = state.pop("norm.weight")
    assert set(receipt.differences(state)) == {
        "extra is not in the receipt",
        "norm.weight is not in the model",
        "norm.bias has other values than those that training ended with",
        "encoder.0.norm.running_mean has other values than those that training ended with",
    }


def test_digests_tell_values_types_and_shapes_apart() -> None:
    value = torch.tensor([1.0, 2.0])
    others = [
        torch.tensor([1.0, 2.1]),
        value.double(),
        value.reshape(2, 1),
        value.bfloat16(),
        torch.tensor(1.0),
    ]
    assert len({digest(tensor) for tensor in (value, *others)}) == 6
    assert digest(value) == digest(torch.tensor([[1.0, 9.0], [2.0, 9.0]])[:, 0])


def test_drift_is_relative_unless_it_began_at_nothing() -> None:
    assert drift(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 4.0])) == 5.0
    assert drift(torch.tensor([3.0, 4.0]), torch.tensor([3.0, 4.0])) == 0.0
    assert drift(torch.tensor(4), torch.tensor(6)) == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drift": 0.0}, "norm.weight moved by 0, and the digests of its start and end are not equal"),
        ({"fate": "foo"}, "norm.weight has the fate 'foo', of which there is none"),
        ({"source": None}, "norm.weight was copied, and no digest of the source's values is there"),
        ({"name": "norm.bias"}, "norm.bias stands there twice"),
    ],
)
def test_a_receipt_that_no_training_writes_is_found_out(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    receipt, _ = receipt_of(Transfer(), tmp_path)
    assert receipt.contradictions() == []
    tensors = [replace(one, **changes) if one.name == "norm.weight" else one for one in receipt.tensors]
    assert replace(receipt, tensors=tuple(tensors)).contradictions() == [message]


def test_trained_tensors_that_are_passed_off_as_frozen_are_found_out(tmp_path: Path) -> None:
    receipt, _ = receipt_of(Transfer(), tmp_path)
    tensors = [replace(one, frozen=True, started=one.sha256) for one in receipt.tensors]
    found = replace(receipt, tensors=tuple(tensors)).contradictions()
    assert "and the digests of its start and end are equal" in found[0]


@pytest.mark.parametrize("changes", [{"values": "x"}, {"drift": None}, {"frozen": "no"}])
def test_fields_of_other_types_are_damage(changes: dict[str, object], tmp_path: Path) -> None:
    receipt, _ = receipt_of(Transfer(), tmp_path)
    replace(receipt, tensors=(replace(receipt.tensors[0], **changes),)).write(tmp_path)
    with pytest.raises(ValueError, match=r"plan.json is damaged.*of input"):
        Receipt.read(tmp_path)


@pytest.mark.parametrize(("kept", "is_waiting"), [(11, True), (12, False), (1, True)])
def test_what_only_a_later_stage_trains_was_frozen_in_weights_of_before(kept: int, is_waiting: bool) -> None:
    """Twelve steps, the last of which trains all blocks; dev may keep the weights of an earlier one."""
    labelled, _, tokenizers = examples(12, ("de",), letters="äéíö")
    data = TransferData(labelled, tokenizers)
    method = LayerTransfer(retrain="upper:1", then_all=1 / 12)
    model = method.adapt(source(), data, 0)
    begun = Beginning.of(model, source(), trained_by_stage(model, method, 12))
    assert [end for end, _ in begun.stages] == [11, 12]
    told = {one.name: one for one in begun.receipt(model, "LayerTransfer", "source", kept).tensors}
    below, upper = ("encoder.0.convolution.weight", "encoder.0.norm.running_mean"), "encoder.1.norm.weight"
    assert [told[name].frozen for name in below] == [is_waiting] * 2
    assert not told[upper].frozen
    assert not told["heads.de.units.weight"].frozen
