import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from conftest import DEVICES
from toy_speech import TINY, examples

from speechtl.checkpoint import LoadedModel, load_model, save_model
from speechtl.features import FeatureSettings
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel, ModelSettings
from speechtl.text import Tokenizer
from speechtl.whole_files import remove_unfinished, replace_folder


def model(seed: int = 0) -> AcousticModel:
    _, _, tokenizers = examples(2, ("en", "fr"))
    built = AcousticModel(TINY, FeatureSettings(mels=40), tokenizers, words={"en": ("ae", "oi")}, seed=seed)
    built.add_head(Tokenizer.fit(["äé"], "de"), seed=seed)
    return built


KNOWN = Fingerprints(frozenset({"a"}), frozenset({"t"}), frozenset({"s"}))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_model(model(), tmp_path / "model", fingerprints=KNOWN, ancestry=({"run": "x"},), card="# x\n")
    return tmp_path / "model"


def test_a_loaded_model_is_the_one_that_was_saved(saved: Path) -> None:
    loaded, original = load_model(saved), model()
    assert loaded.model.state_dict().keys() == original.state_dict().keys()
    assert all(torch.equal(t, original.state_dict()[n]) for n, t in loaded.model.state_dict().items())
    assert loaded.model.settings == original.settings
    assert loaded.model.features == FeatureSettings(mels=40)
    assert loaded.model.tokenizers == original.tokenizers
    assert loaded.model.words == {"en": ("ae", "oi")}
    assert loaded.fingerprints == KNOWN
    assert loaded.ancestry == ({"run": "x"},)
    assert not loaded.model.training
    assert (saved / "README.md").read_text() == "# x\n"


def test_a_run_folder_is_its_model(saved: Path) -> None:
    assert load_model(saved.parent).ancestry == load_model(str(saved)).ancestry


def test_equal_weights_are_equal_bytes(saved: Path, tmp_path: Path) -> None:
    save_model(load_model(saved).model, tmp_path / "again", fingerprints=KNOWN)
    digests = {
        hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        for folder in (saved, tmp_path / "again")
    }
    assert len(digests) == 1


def test_a_copy_can_be_trained_without_touching_the_source(saved: Path) -> None:
    source: LoadedModel = load_model(saved)
    assert not any(value.requires_grad for value in source.model.parameters())
    copy = source.copy()
    assert all(value.requires_grad for value in copy.parameters())
    with torch.no_grad():
        copy.shared_blank.weight.fill_(5)
    assert not torch.equal(copy.shared_blank.weight, source.model.shared_blank.weight)


@pytest.mark.parametrize("device", DEVICES)
def test_a_copy_is_on_the_cpu_wherever_the_source_is(saved: Path, device: str) -> None:
    """A source has been on the accelerator where it taught, or transcribed, before a copy of it is made."""
    source = load_model(saved)
    source.model.to(device)
    assert {tensor.device.type for tensor in source.copy().state_dict().values()} == {"cpu"}
    assert next(source.model.parameters()).device.type == device


def edit(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def cut(folder: Path, name: str, keep: float = 0.5) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(len(data) * keep)])


def flip(folder: Path) -> None:
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: edit(f, format_version=5), "format version 5 is newer than this speechtl reads.*newest"),
        (lambda f: edit(f, format="other"), "describes no speechtl model: its format is other"),
        (lambda f: edit(f, format_version="new"), "describes no speechtl model"),
        (lambda f: (f / "config.json").write_text("[1]"), r"config\.json was not written by speechtl.*list"),
        (lambda f: cut(f, "config.json"), r"config\.json is no JSON, or only a part of it"),
        (lambda f: edit(f, model={"width": 3}), r"config\.json is damaged.*dilations.*width"),
        (
            lambda f: edit(f, model=asdict(ModelSettings(dim=32, blocks=2))),
            r"the weights do not belong to this config\.json",
        ),
        (lambda f: edit(f, words=None), r"config\.json is damaged"),
        (lambda f: cut(f, "model.safetensors"), r"model\.safetensors is truncated or changed"),
        (flip, r"model\.safetensors is truncated or changed"),
        (lambda f: cut(f, "model.json"), r"model\.json is no JSON"),
        (lambda f: (f / "model.json").write_text("{}"), "is truncated or changed"),
        (lambda f: cut(f, "trained_on.json"), r"trained_on\.json is no JSON"),
        (lambda f: (f / "trained_on.json").write_text("{}"), "fingerprints need"),
        (lambda f: cut(f, "tokenizer.en.json"), r"tokenizer\.en\.json"),
    ],
)
def test_a_damaged_foreign_or_newer_model_is_one_clear_message(
    saved: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(saved)
    with pytest.raises(ValueError, match=message):
        load_model(saved)


def as_first_version(folder: Path) -> None:
    """Take from a config.json what format version 1 did not have."""
    config = json.loads((folder / "config.json").read_text())
    for name in ("encoder", "attention_heads", "feed_forward", "depthwise_kernel", "head"):
        del config["model"][name]
    del config["features"]["f_max"], config["inputs"], config["inserted"], config["trim_db"]
    (folder / "config.json").write_text(json.dumps(config | {"format_version": 1}))


def test_a_model_of_format_version_1_is_read_as_what_it_was(saved: Path) -> None:
    as_first_version(saved)
    loaded = load_model(saved).model
    assert loaded.settings == TINY
    assert loaded.features == FeatureSettings(mels=40)
    assert loaded.inputs.added == ()
    assert loaded.trim_db == {}


def test_a_model_of_format_version_1_has_no_other_settings_missing(saved: Path) -> None:
    as_first_version(saved)
    config = json.loads((saved / "config.json").read_text())
    del config["model"]["dilations"]
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="too many or too few settings: dilations"):
        load_model(saved)


@pytest.mark.parametrize(
    "name", ["config.json", "model.json", "model.safetensors", "trained_on.json", "tokenizer.en.json"]
)
def test_a_missing_part_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        load_model(saved)


def test_no_model_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no model in .*Expected a run folder .* finished"):
        load_model(tmp_path / "nothing")


def test_a_full_disk_leaves_the_model_that_was_there(saved: Path) -> None:
    """The limit on the size of files is the kernel's own: in a process of its own."""
    before = (saved / "model.safetensors").read_bytes()
    code = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_checkpoint import KNOWN, model, save_model
built = model(seed=1)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    save_model(built, Path({str(saved)!r}), fingerprints=KNOWN)
except OSError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert f"the model could not be written to {saved}: " in done.stdout
    assert "What was there before is still whole. Make space" in done.stdout
    assert (saved / "model.safetensors").read_bytes() == before
    assert load_model(saved).fingerprints == KNOWN
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "hyp"
    replace_folder(folder, lambda beside: (beside / "a").write_text("1"))

    def fail(beside: Path) -> None:
        (beside / "b").write_text("2")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        replace_folder(folder, fail)
    assert [path.name for path in folder.iterdir()] == ["a"]
    replace_folder(folder, lambda beside: (beside / "c").write_text("3"))
    assert [path.name for path in folder.iterdir()] == ["c"]
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    for name in (".model.77.new", ".model.77.old", "model"):
        (tmp_path / name).mkdir()
    remove_unfinished(tmp_path, "*")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
