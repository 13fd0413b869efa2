from dataclasses import replace
from pathlib import Path

import pytest
import torch
from speaking import disturb, of, outputs, source, target

from speechtl.checkpoint import load_model, save_model
from speechtl.leakage import Fingerprints
from speechtl.models.inserted import KINDS, Insertion
from speechtl.transfer.base import Transfer

OPTIONS = {"lhuc": {"form": "sigmoid"}, "affine": {"form": "full"}, "adapter": {"bottleneck": 3, "seed": 4}}
BLOCKS = {"lhuc": "encoder.1", "affine": "input", "adapter": "encoder.0"}
every_kind = pytest.mark.parametrize("kind", OPTIONS)


def insertion(kind: str, **changes: object) -> Insertion:
    return replace(Insertion(kind, BLOCKS[kind], "speaker", ("ann", "bob"), OPTIONS[kind]), **changes)


@every_kind
def test_a_description_comes_back_from_json(kind: str) -> None:
    described = insertion(kind)
    assert Insertion.from_dict(described.to_dict()) == described
    older = {name: value for name, value in described.to_dict().items() if name != "number"}
    assert Insertion.from_dict(older) == described


@every_kind
@pytest.mark.parametrize("by", ["speaker", "language", "domain", None])
def test_rows_go_by_what_the_insertion_says(kind: str, by: str | None) -> None:
    batch = target(4).target.batch(range(4))
    batch = replace(batch, languages=("ann", "bob", "en", "en"), domains=(None, "bob", "x", "ann"))
    module = source().insert(insertion(kind, by=by, keys=("ann", "bob") if by else ()))
    expected = {
        "speaker": [0, 1, 0, 1],
        "language": [0, 1, -1, -1],
        "domain": [-1, 1, -1, 0],
        None: [0, 0, 0, 0],
    }
    assert module.rows(batch).tolist() == expected[by]
    assert all(len(value) == (2 if by else 1) for value in module.parameters())


@every_kind
def test_values_of_unknown_keys_are_untouched_and_padding_stays_zero(kind: str) -> None:
    model = source()
    module = model.insert(insertion(kind))
    disturb(model)
    width = 240 if kind == "affine" else 24
    values = torch.randn(3, 7, width, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([7, 4, 5])
    for row, length in enumerate(lengths.tolist()):
        values[row, length:] = 0
    found = module(values, lengths, torch.tensor([1, 0, -1]))
    assert torch.equal(found[2], values[2])
    assert (found[1, 4:] == 0).all()
    assert not torch.allclose(found[:2], values[:2], atol=1e-2)


@every_kind
def test_lower_precision_stays_and_begins_as_the_identity(kind: str) -> None:
    module = source().insert(insertion(kind))
    values = torch.randn(2, 5, 240 if kind == "affine" else 24).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = module(values, torch.tensor([5, 5]), torch.tensor([0, 1]))
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, values)


@every_kind
def test_a_saved_model_has_what_was_inserted(kind: str, tmp_path: Path) -> None:
    model = source()
    model.insert(insertion(kind))
    model.insert(insertion(kind, keys=("cid",), number=2))
    disturb(model)
    save_model(model, tmp_path / "model", fingerprints=Fingerprints())
    loaded = load_model(tmp_path / "model").model
    assert loaded.inserted.insertions == model.inserted.insertions
    speech = target(4).target
    for speaker in ("ann", "bob", "cid", "zoe"):
        batch = of(speech, speaker).batch(range(4))
        assert torch.equal(outputs(loaded, batch), outputs(model, batch))


@every_kind
def test_one_block_has_one_module_of_a_kind_and_number(kind: str) -> None:
    model = source()
    model.insert(insertion(kind))
    with pytest.raises(ValueError, match=f"already has a {kind} in {BLOCKS[kind]}"):
        model.insert(insertion(kind, keys=("cid",)))
    assert model.insert(insertion(kind, number=2)).insertion.name == f"{kind}.{BLOCKS[kind]}+2"


@pytest.mark.parametrize(
    ("kind", "block", "message"),
    [
        ("lhuc", "norm", "lhuc goes into an encoder block, not into norm"),
        ("affine", "encoder.0", "affine goes into an input, not into encoder.0"),
        ("adapter", "encoder.9", "no block named 'encoder.9'"),
    ],
)
def test_what_fits_nowhere_is_refused(kind: str, block: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        source().insert(insertion(kind, block=block))


@every_kind
def test_only_named_parameters_decay(kind: str) -> None:
    model = source()
    module = model.insert(insertion(kind))
    groups = Transfer().groups(model, weight_decay=0.1)
    decaying = {name for group in groups if group.weight_decay for name in group.names}
    prefix = f"inserted.{insertion(kind).name.replace('.', '_')}."
    found = {name.removeprefix(prefix) for name in decaying if name.startswith("inserted.")}
    assert found == set(KINDS[kind].decaying)
    assert found <= dict(module.named_parameters()).keys()
