"""Models on disk: safetensors and JSON, nothing pickled, written beside and renamed."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from speechtl import __version__
from speechtl.features import FeatureSettings
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel, ModelSettings
from speechtl.models.inputs import DomainInput
from speechtl.models.inserted import Insertion
from speechtl.text import Tokenizer
from speechtl.whole_files import (
    explained,
    read_json,
    read_tensors,
    replace_folder,
    write_bytes,
    write_tensors,
)

__all__ = ["LoadedModel", "load_model", "replace_folder", "save_model", "write_bytes"]

FORMAT = "speechtl-model"
FORMAT_VERSION = 4
_FIRST_SETTINGS: dict[str, dict[str, Any]] = {
    "model": {
        "encoder": "tdnn",
        "attention_heads": 4,
        "feed_forward": 2,
        "depthwise_kernel": 15,
        "head": "ctc",
    },
    "features": {"f_max": 8000.0},
}
"""What a model of format version 1, which could not choose it, has always had."""


@dataclass(frozen=True)
class LoadedModel:
    """A model from a folder, with what it remembers of its training."""

    model: AcousticModel
    fingerprints: Fingerprints
    """Hashes of the audio, texts and speakers that it and its ancestors were trained on."""
    ancestry: tuple[dict[str, Any], ...]
    """Name, seed and settings hash of the runs that made it, oldest first."""

    def copy(self) -> AcousticModel:
        """A model of its own to train, on the CPU; this one stays as it is, and where it is."""
        return copy.deepcopy(self.model).cpu().requires_grad_(True)


def save_model(
    model: AcousticModel,
    folder: Path,
    *,
    fingerprints: Fingerprints,
    ancestry: tuple[dict[str, Any], ...] = (),
    card: str = "",
) -> None:
    """Save all that `load_model` needs into a folder, replacing what is there in one step.

    Raises:
        OSError: the disk is full or not writable; a model that was there still is.
    """
    tokenizers = {tag: f"tokenizer.{tag}.json" for tag in model.languages}
    values = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "speechtl": __version__,
        "model": asdict(model.settings),
        "features": asdict(model.features),
        "inputs": [asdict(entry) for entry in model.inputs.added],
        "own_blank": [tag for tag in model.languages if model.head(tag).blank is not None],
        "tokenizers": tokenizers,
        "inserted": [insertion.to_dict() for insertion in model.inserted.insertions],
        "words": {tag: list(words) for tag, words in model.words.items()},
        "trim_db": model.trim_db,
        "ancestry": list(ancestry),
    }

    def write(beside: Path) -> None:
        for tag, name in tokenizers.items():
            model.tokenizers[tag].save(beside / name)
        trained_on = json.dumps(fingerprints.to_dict()).encode()
        write_bytes(beside / "trained_on.json", trained_on)
        if card:
            write_bytes(beside / "README.md", card.encode())
        write_tensors(beside, "model", model.state_dict(), {})
        write_bytes(beside / "config.json", json.dumps(values, ensure_ascii=False, indent=1).encode())

    with explained("the model", folder):
        replace_folder(folder, write)


def load_model(folder: str | Path) -> LoadedModel:
    """Load a model folder, or the model of a run folder.

    Raises:
        FileNotFoundError: there is no model, or a part of it is missing.
        ValueError: the files are foreign, truncated, changed or of a newer speechtl.
    """
    folder = _model_in(Path(folder))
    config = _read_config(folder)
    try:
        model = _build(folder, config)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{folder / 'config.json'} is damaged, was changed or is of another speechtl: {error!r}. "
            "Restore it from a copy, or train the model again."
        ) from error
    tensors, _ = read_tensors(folder, "model")
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{folder}: the weights do not belong to this config.json: {error}") from error
    model.eval().requires_grad_(False)
    return LoadedModel(model, known_by(folder), tuple(config["ancestry"]))


def known_by(folder: Path) -> Fingerprints:
    """What the model of a folder, or of a run folder, was trained on; its weights are not read.

    Raises:
        FileNotFoundError: that is not told there.
        ValueError: the file is truncated or foreign.
    """
    trained_on = _model_in(folder) / "trained_on.json"
    if not trained_on.is_file():
        raise FileNotFoundError(
            f"{trained_on} is missing: without it nobody knows what the model must not be tested on. "
            "Restore it from a copy, or train the model again."
        )
    return Fingerprints.from_dict(read_json(trained_on))


def _model_in(folder: Path) -> Path:
    """A model's folder, or that in a run's."""
    within = folder / "model"
    is_within = not (folder / "config.json").is_file() and (within / "config.json").is_file()
    return within if is_within else folder


def _build(folder: Path, config: dict[str, Any]) -> AcousticModel:
    """The model that a config.json describes, its weights still random."""
    model = AcousticModel(
        _settings(ModelSettings, config["model"]),
        _settings(FeatureSettings, config["features"]),
        {},
        inputs=[
            DomainInput(entry["domain"], _settings(FeatureSettings, entry["features"]))
            for entry in config["inputs"]
        ],
        words={tag: tuple(words) for tag, words in config["words"].items()},
        trim_db=config["trim_db"],
    )
    for tag, name in config["tokenizers"].items():
        model.add_head(Tokenizer.load(folder / name), seed=0, own_blank=tag in config["own_blank"])
    for values in config["inserted"]:
        model.insert(Insertion.from_dict(values))
    return model


def _settings(kind: type[Any], values: dict[str, Any]) -> Any:
    """Stored settings, all of them: a default in place of one that is absent would be another model."""
    if differing := values.keys() ^ {field.name for field in fields(kind)}:
        raise KeyError(f"too many or too few settings: {', '.join(sorted(differing))}")
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        if (folder / "report.json").is_file():
            raise FileNotFoundError(
                f"{folder} is a finished run whose model is not there: a study that keeps reports alone "
                "removes it, else it was deleted. Run it again with --fresh, or its study with --keep model"
            )
        raise FileNotFoundError(
            f"no model in {folder}: {path} is missing. Expected a run folder (runs/<name>/seed-<n>) that has "
            "finished, or its model folder."
        )
    config = read_json(path)
    found, version = config.get("format"), config.get("format_version")
    if found != FORMAT or not isinstance(version, int):
        raise ValueError(
            f"{path} describes no speechtl model: its format is {found or 'not stated'}, expected {FORMAT}. "
            "Give the folder of a model that speechtl trained."
        )
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{path}: format version {version} is newer than this speechtl reads ({FORMAT_VERSION}); "
            "install the newest speechtl"
        )
    return _completed(config, version)


def _completed(config: dict[str, Any], version: int) -> dict[str, Any]:
    """A config.json of an earlier format version with what was no setting then."""
    if version < 2:
        parts = {
            name: config[name] | added
            for name, added in _FIRST_SETTINGS.items()
            if isinstance(config.get(name), dict)
        }
        config = {**config, **parts, "inputs": []}
    if version < 3:
        config = {**config, "inserted": []}
    return config if version >= 4 else {**config, "trim_db": {}}
