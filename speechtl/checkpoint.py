"""Models and training states on disk: safetensors and JSON, nothing pickled, written beside and renamed."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from speechtl import __version__
from speechtl.features import FeatureSettings
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel, ModelSettings
from speechtl.text import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = "speechtl-model"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class LoadedModel:
    """A model from a folder, with what it remembers of its training."""

    model: AcousticModel
    fingerprints: Fingerprints
    """Hashes of the audio, texts and speakers that it and its ancestors were trained on."""
    ancestry: tuple[dict[str, Any], ...]
    """Name, seed and settings hash of the runs that made it, oldest first."""

    def copy(self) -> AcousticModel:
        """A model of its own to train; this one stays as it is."""
        return copy.deepcopy(self.model).requires_grad_(True)


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a new folder beside `folder`, then put it in its place.

    Raises:
        OSError: the disk is full or not writable; what stood at `folder` is still there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name}.{os.getpid()}.new"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir()
        write(beside)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    old = folder.parent / f".{folder.name}.{os.getpid()}.old"
    if folder.exists():
        folder.rename(old)
    beside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_tensors(folder: Path, name: str, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Write `<name>.safetensors` and `<name>.json`, which holds `values` and the tensors' checksum."""
    data = save({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()})
    write_bytes(folder / f"{name}.safetensors", data)
    document = {**values, "sha256": hashlib.sha256(data).hexdigest()}
    write_bytes(folder / f"{name}.json", json.dumps(document, ensure_ascii=False, indent=1).encode())


def read_tensors(folder: Path, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Raises:
        FileNotFoundError: one of the two files is missing.
        ValueError: a file is truncated, changed or not of this kind.
    """
    weights, document = folder / f"{name}.safetensors", folder / f"{name}.json"
    for path in (weights, document):
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: {folder} is not complete. Point at a folder that holds "
                f"{name}.json and {name}.safetensors, such as runs/<name>/seed-<n>/model."
            )
    try:
        values: dict[str, Any] = json.loads(document.read_text(encoding="utf-8"))
        expected = values["sha256"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{document} was not written by speechtl, or only in part ({error}). Restore the folder "
            "from a copy, or train it again."
        ) from error
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != expected:
        raise ValueError(
            f"{weights} is truncated or changed: checksum {found[:12]}, {document.name} says "
            f"{str(expected)[:12]}. Restore the folder from a copy, or train it again."
        )
    try:
        return load_file(weights), values
    except SafetensorError as error:
        raise ValueError(f"{weights} is no safetensors file: {error}") from error


def save_model(
    model: AcousticModel,
    folder: Path,
    *,
    fingerprints: Fingerprints,
    ancestry: tuple[dict[str, Any], ...] = (),
    card: str = "",
) -> None:
    """Save all that `load_model` needs into a folder, replacing what is there in one step."""
    values = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "speechtl": __version__,
        "model": asdict(model.settings),
        "features": asdict(model.features),
        "own_blank": [tag for tag in model.languages if model.head(tag).blank is not None],
        "tokenizers": {tag: f"tokenizer.{tag}.json" for tag in model.languages},
        "words": {tag: list(words) for tag, words in model.words.items()},
        "ancestry": list(ancestry),
    }

    def write(beside: Path) -> None:
        for tag, name in values["tokenizers"].items():  # type: ignore[attr-defined]
            model.tokenizers[tag].save(beside / name)
        trained_on = json.dumps(fingerprints.to_dict()).encode()
        write_bytes(beside / "trained_on.json", trained_on)
        if card:
            write_bytes(beside / "README.md", card.encode())
        write_tensors(beside, "model", model.state_dict(), {})
        write_bytes(beside / "config.json", json.dumps(values, ensure_ascii=False, indent=1).encode())

    replace_folder(folder, write)


def load_model(folder: str | Path) -> LoadedModel:
    """Load a model folder, or the model of a run folder.

    Raises:
        FileNotFoundError: there is no model.
        ValueError: the files are foreign, truncated, changed or of a newer speechtl.
    """
    folder = Path(folder)
    if (folder / "model" / "config.json").is_file():
        folder = folder / "model"
    config = _read_config(folder)
    tokenizers = {tag: Tokenizer.load(folder / name) for tag, name in config["tokenizers"].items()}
    model = AcousticModel(
        ModelSettings(**config["model"]),
        FeatureSettings(**config["features"]),
        {},
        words={tag: tuple(words) for tag, words in config["words"].items()},
    )
    for tag, tokenizer in tokenizers.items():
        model.add_head(tokenizer, seed=0, own_blank=tag in config["own_blank"])
    tensors, _ = read_tensors(folder, "model")
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{folder}: the weights do not belong to this config.json: {error}") from error
    model.eval().requires_grad_(False)
    trained_on = json.loads((folder / "trained_on.json").read_text(encoding="utf-8"))
    return LoadedModel(model, Fingerprints.from_dict(trained_on), tuple(config["ancestry"]))


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"no model in {folder}: {path} is missing. Expected a run folder (runs/<name>/seed-<n>) that has "
            "finished, or its model folder."
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        found, version = config["format"], config["format_version"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a speechtl model's config.json ({error!r})") from error
    if found != FORMAT:
        raise ValueError(f"{path}: format {found!r}, expected {FORMAT!r}")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{path}: format version {version} is newer than this speechtl reads ({FORMAT_VERSION}); "
            "install the newest speechtl"
        )
    return dict(config)


def save_state(folder: Path, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Write a training checkpoint `last` in `folder`; the one before it stays as `previous`.

    At any moment one of the two is whole, so a run that is killed here resumes from it.
    """
    last, previous = folder / "last", folder / "previous"
    beside = folder / ".last.new"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        write_tensors(beside, "state", tensors, values)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    if last.exists():
        shutil.rmtree(previous, ignore_errors=True)
        last.rename(previous)
    beside.rename(last)


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest whole training checkpoint in `folder`, or None where there is none.

    Raises:
        ValueError: there are checkpoints, and none of them is whole.
    """
    problems = []
    for name in ("last", "previous"):
        if not (folder / name).is_dir():
            continue
        try:
            return read_tensors(folder / name, "state")
        except (ValueError, FileNotFoundError) as error:
            problems.append(str(error))
    if problems:
        raise ValueError(
            "no checkpoint of this run can be read; start again with --fresh:\n" + "\n".join(problems)
        )
    return None


def state_tensors(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors with `prefix.` before each name."""
    return {f"{prefix}.{name}": tensor for name, tensor in state.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those tensors whose name starts with `prefix.`, without it."""
    return {name[len(prefix) + 1 :]: t for name, t in tensors.items() if name.startswith(prefix + ".")}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's state as flat tensors `<parameter>.<key>`, and its other values, keyed alike."""
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for index, entries in optimiser.state_dict()["state"].items():
        for key, value in entries.items():
            target: dict[str, Any] = tensors if isinstance(value, Tensor) else values
            target[f"{index}.{key}"] = value
    return tensors, values


def load_optimiser(
    optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], values: Mapping[str, Any]
) -> None:
    """Give an optimiser back the state that `optimiser_tensors` took."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **values}.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
