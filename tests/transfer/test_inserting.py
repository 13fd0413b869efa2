"""What all methods promise that freeze the source and train what they put into it."""

import copy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from speaking import ENCODERS, METHODS, disturb, of, outputs, source, target, tuned

from speechtl.checkpoint import load_model, save_model
from speechtl.leakage import Fingerprints
from speechtl.transfer import LHUC, Adapters, InputAffine, LoRA, Transfer
from speechtl.transfer.inserting import chosen, keys_of

every_method = pytest.mark.parametrize("name", METHODS)
every_encoder = pytest.mark.parametrize("encoder", ENCODERS)

LOADING = """
import sys

class Unreachable:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("speechtl.transfer"):
            raise ImportError(name + " is out of reach")

sys.meta_path.insert(0, Unreachable())
from pathlib import Path
import torch
from speechtl.checkpoint import load_model
torch.set_num_threads(1)
for folder in sorted(Path(sys.argv[1]).iterdir()):
    model = load_model(folder).model
    batch = torch.load(folder / "batch.pt", weights_only=False)
    with torch.no_grad():
        torch.save(model.log_probs(model.encode(batch), "en"), folder / "outputs.pt")
assert not any(name.startswith("speechtl.transfer") for name in sys.modules)
"""


@every_encoder
@every_method
def test_the_start_is_the_source_bit_for_bit(name: str, encoder: str) -> None:
    start, data = source(encoder), target()
    batch = data.target.batch(range(8))
    expected = outputs(start, batch)
    model = METHODS[name].adapt(copy.deepcopy(start), data, seed=0)
    assert sum(1 for value in model.parameters() if value.requires_grad) > 0
    assert torch.equal(outputs(model, batch), expected)


@every_encoder
@every_method
def test_the_source_does_not_move(name: str, encoder: str, tmp_path: Path) -> None:
    """With momentum, weight decay, batch norm and dropout, under .train(): parameters and buffers."""
    start, data = source(encoder), target()
    before = {key: value.clone() for key, value in start.state_dict().items()}
    model = METHODS[name].adapt(start, data, seed=0)
    begun = {key: value.clone() for key, value in model.state_dict().items()}
    tuned(METHODS[name], model, data, tmp_path)
    after = model.state_dict()
    frozen = [key for key in after if key in before or key.endswith(".original")]
    assert len(frozen) == len(before)
    assert all(torch.equal(after[key], begun[key]) for key in frozen)
    inserted = [key for key in after if key not in frozen]
    assert inserted
    assert any(not torch.equal(after[key], begun[key]) for key in inserted)


@every_method
def test_the_head_of_a_new_language_is_trained_too(name: str, tmp_path: Path) -> None:
    data = target(languages=("de",), letters="äéíö")
    model = METHODS[name].adapt(source(), data, seed=0)
    head = {key: value.clone() for key, value in model.head("de").named_parameters()}
    inserted = {key: value.clone() for key, value in model.named_parameters() if key.startswith("inserted.")}
    tuned(METHODS[name], model, data, tmp_path)
    assert all(not torch.equal(value, head[key]) for key, value in model.head("de").named_parameters())
    assert not any(value.requires_grad for value in model.head("en").parameters())
    moved = [
        not torch.equal(value, inserted[key]) for key, value in model.named_parameters() if key in inserted
    ]
    assert any(moved) or name == "lora"


@every_encoder
@every_method
def test_padding_changes_nothing(name: str, encoder: str) -> None:
    data = target()
    model = METHODS[name].adapt(source(encoder), data, seed=0)
    disturb(model)
    short, long = (int(data.target.seconds.argmin()), int(data.target.seconds.argmax()))
    alone = outputs(model, data.target.batch([short]))
    together = outputs(model, data.target.batch([short, long]))
    assert together.shape[1] > alone.shape[1] + 3
    torch.testing.assert_close(together[:1, : alone.shape[1]], alone, atol=1e-5, rtol=0)


@every_encoder
@pytest.mark.parametrize("name", [name for name in METHODS if "-speaker" in name])
def test_a_speaker_is_heard_with_own_parameters_and_an_unknown_one_as_by_the_source(
    name: str, encoder: str
) -> None:
    start, data = source(encoder), target()
    model = METHODS[name].adapt(copy.deepcopy(start), data, seed=0)
    disturb(model)
    heard = {key: outputs(model, of(data.target, key).batch(range(8))) for key in ("ann", "bob", "zoe", None)}
    expected = outputs(start, data.target.batch(range(8)))
    assert torch.equal(heard["zoe"], expected)
    assert torch.equal(heard[None], expected)
    assert not torch.allclose(heard["ann"], expected, atol=1e-3)
    assert not torch.allclose(heard["ann"], heard["bob"], atol=1e-3)
    mixed = outputs(model, data.target.batch(range(8)))
    torch.testing.assert_close(mixed[::2], heard["ann"][::2], atol=1e-5, rtol=0)
    torch.testing.assert_close(mixed[1::2], heard["bob"][1::2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", [LHUC(by="speaker"), InputAffine(by="speaker"), Adapters(by="speaker")])
def test_a_speaker_who_is_not_heard_keeps_all_parameters(method: Transfer, tmp_path: Path) -> None:
    """With momentum and weight decay, which an adapter's random matrix alone would feel."""
    data = target(8)
    model = method.adapt(source(), data, seed=0)
    begun = copy.deepcopy(model.inserted)
    only_ann = replace(data, target=of(data.target, "ann"))
    decay = 0.0 if isinstance(method, Adapters) else 0.5
    tuned(method, model, only_ann, tmp_path, weight_decay=decay)
    for trained, was in zip(model.inserted.parameters(), begun.parameters(), strict=True):
        assert torch.equal(trained[1], was[1])
    moved = [
        not torch.equal(trained[0], was[0])
        for trained, was in zip(model.inserted.parameters(), begun.parameters(), strict=True)
    ]
    assert any(moved)


@pytest.mark.parametrize("method", [LHUC(by="speaker"), InputAffine(by="speaker"), Adapters(by="speaker")])
def test_speakers_of_an_earlier_adaptation_stay_bit_for_bit(method: Transfer, tmp_path: Path) -> None:
    first = target(8, speakers=("ann",))
    earlier = method.adapt(source(), first, seed=0)
    disturb(earlier)
    batch = first.target.batch(range(8))
    expected = outputs(earlier, batch)
    later = target(8, speakers=("bob",))
    model = method.adapt(copy.deepcopy(earlier), later, seed=1)
    fitted = tuned(method, model, later, tmp_path).model
    assert torch.equal(outputs(fitted, batch), expected)
    save_model(fitted, tmp_path / "model", fingerprints=Fingerprints())
    again = load_model(tmp_path / "model").model
    assert torch.equal(outputs(again, batch), expected)
    bob = later.target.batch(range(8))
    assert torch.equal(outputs(again, bob), outputs(fitted, bob))
    assert [one.keys for one in again.inserted.insertions if one.block in ("input", "encoder.0")] == [
        ("ann",),
        ("bob",),
    ]


def test_a_saved_model_needs_no_method(tmp_path: Path) -> None:
    """In a process in which speechtl.transfer cannot be imported."""
    expected = {}
    models = tmp_path / "models"
    models.mkdir()
    for name, method in METHODS.items():
        for encoder in ENCODERS:
            data = target(4)
            model = method.adapt(source(encoder), data, seed=0)
            disturb(model)
            batch = data.target.batch(range(4))
            before = outputs(model, batch)
            finished = method.finish(model)
            folder = models / f"{name}-{encoder}"
            save_model(finished, folder, fingerprints=Fingerprints())
            expected[folder.name] = outputs(finished, batch)
            torch.testing.assert_close(expected[folder.name], before, atol=1e-5, rtol=0)
            torch.save(batch, folder / "batch.pt")
    subprocess.run([sys.executable, "-c", LOADING, str(models)], check=True, timeout=120)
    for name, values in expected.items():
        assert torch.equal(torch.load(models / name / "outputs.pt"), values), name


@pytest.mark.parametrize("method", [LHUC, InputAffine, Adapters, LoRA])
def test_heads_alone_are_another_method(method: type[Transfer]) -> None:
    with pytest.raises(ValueError, match="trains=head would leave only these"):
        method(trains="head")


def test_by_what_nobody_tells_is_refused() -> None:
    data = target(4, speakers=(None,))
    with pytest.raises(ValueError, match="no utterance of the target says what its speaker is"):
        LHUC(by="speaker").adapt(source(), data, seed=0)


def test_keys_are_those_that_are_told(caplog: pytest.LogCaptureFixture) -> None:
    data = target(5, speakers=("cid", "ann", None, "cid"))
    assert keys_of(data.target, "speaker") == ("ann", "cid")
    assert "1 speaker with one utterance: ann" in caplog.text
    assert "record some more with other words" in caplog.text
    assert "1 utterance of the target has no speaker" in caplog.text
    assert keys_of(data.target, "language") == ("en",)
    assert keys_of(data.target, None) == ()


def test_a_glob_that_matches_no_block_is_refused() -> None:
    assert chosen(("*.1", "encoder.0"), ["encoder.0", "encoder.1"]) == ["encoder.0", "encoder.1"]
    with pytest.raises(ValueError, match=r"encoder\.9 matches no block.*encoder\.0, encoder\.1"):
        Adapters(blocks=("encoder.0", "encoder.9")).adapt(source(), target(), seed=0)
