"""Experiment: everything that decides a run, as one value; recipes hold one each."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import json
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro

from speechtl.corpus_spec import CorpusSpec
from speechtl.decode import DecodeSettings
from speechtl.features import AugmentSettings, FeatureSettings
from speechtl.models.acoustic import ModelSettings
from speechtl.train_settings import TrainSettings
from speechtl.transfer.base import Transfer

T = TypeVar("T")


@dataclass(frozen=True)
class Experiment:
    """What is trained from what, on which speech, and how it is scored."""

    name: str
    """Name of the run's folder."""
    target: tyro.conf.AvoidSubcommands[CorpusSpec | tuple[CorpusSpec, ...]]
    """The labelled speech to train on."""
    dev: tuple[CorpusSpec, ...]
    """Development speech: chooses the weights that are kept. It is additional labelled data."""
    tests: tuple[CorpusSpec, ...]
    """Test speech, scored once at the end."""
    source: str | None = None
    """A recipe (trained first if its run is missing; `recipe@2` takes its seed 2), or a model folder;
    nothing trains from scratch."""
    method: Transfer = Transfer()
    """How the source becomes the target's model."""
    source_tests: tuple[CorpusSpec, ...] = ()
    """The source's own test speech: what the transfer cost there."""
    unit_table: str | None = None
    """Module with `UNITS`: which source units each target unit's head row starts from."""
    model: ModelSettings = ModelSettings()
    """Size of the model; a source brings its own."""
    features: FeatureSettings = FeatureSettings()
    """What the model sees; a source brings its own."""
    augment: AugmentSettings = AugmentSettings()
    """Random changes to the training speech."""
    train: TrainSettings = TrainSettings()
    """The training loop."""
    decode: DecodeSettings = DecodeSettings()
    """How dev and test speech are decoded."""
    seed: int = 0
    """Draws the subset, the weights, the batches and the augmentation."""

    @property
    def targets(self) -> tuple[CorpusSpec, ...]:
        """The target corpora, always as a tuple."""
        return self.target if isinstance(self.target, tuple) else (self.target,)

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values; the method also names its class."""
        values = dataclasses.asdict(self)
        values["method"] = {"class": f"{type(self.method).__module__}:{type(self.method).__name__}"} | values[
            "method"
        ]
        return dict(json.loads(json.dumps(values)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Experiment:
        """Rebuild what `to_dict` gave.

        Raises:
            ValueError: a field is unknown or of the wrong type.
        """
        values = dict(values)
        method = dict(values.pop("method"))
        module, _, name = method.pop("class").partition(":")
        transfer: type[Transfer] = getattr(importlib.import_module(module), name)
        known = {f.name for f in dataclasses.fields(cls)}
        if values.keys() - known:
            raise ValueError(f"unknown settings {sorted(values.keys() - known)}; known are {sorted(known)}")
        hints = get_type_hints(cls)
        built = {name: _build(hints[name], value) for name, value in values.items()}
        return cls(**built, method=_build(transfer, method))

    def overrides(self, default: Experiment) -> dict[str, Any]:
        """The settings, by dotted name, in which this experiment differs from its recipe; never the seed."""
        mine, theirs = flatten(self.to_dict()), flatten(default.to_dict())
        return {
            name: mine.get(name)
            for name in mine | theirs
            if name not in ("seed", "name") and mine.get(name) != theirs.get(name)
        }

    def with_overrides_in_name(self, default: Experiment) -> Experiment:
        """The same experiment, named `<recipe>+field=value...` after its overridden fields."""
        parts = [default.name]
        for name, value in sorted(self.overrides(default).items()):
            text = value if isinstance(value, str) else json.dumps(value)
            if len(text) > 40 or "/" in text:
                text = hashlib.sha256(text.encode()).hexdigest()[:8]
            parts.append(f"{name}={text}")
        return dataclasses.replace(self, name="+".join(parts))


def flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries and lists of dictionaries as one dictionary with dotted names."""
    if isinstance(values, list) and any(isinstance(entry, dict) for entry in values):
        values = {str(index): entry for index, entry in enumerate(values)}
    if not isinstance(values, dict):
        return {prefix: values}
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= flatten(value, f"{prefix}.{name}" if prefix else name)
    return flat


def _build(hint: Any, value: Any) -> Any:
    """A JSON value as an instance of its annotated type: dataclasses, tuples and unions of them."""
    if get_origin(hint) in (Union, types.UnionType):
        options = get_args(hint)
        matching = [o for o in options if (get_origin(o) is tuple) == isinstance(value, list)]
        structured = [o for o in matching if dataclasses.is_dataclass(o) or get_origin(o) is tuple]
        return _build(structured[0], value) if structured and isinstance(value, dict | list) else value
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_build(get_args(hint)[0], entry) for entry in value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        hints = get_type_hints(hint)
        if value.keys() - hints.keys():
            raise ValueError(f"unknown settings {sorted(value.keys() - hints.keys())} for {hint}")
        return hint(**{name: _build(hints[name], entry) for name, entry in value.items()})  # type: ignore[operator]
    return value


def load_recipe(name: str) -> Experiment:
    """The experiment of a recipe by slashed name, of a Python file, or of a run's experiment.json.

    Raises:
        FileNotFoundError: there is no such recipe or file; lists the recipes.
        ValueError: the file holds no `experiment`.
    """
    path = Path(name)
    if path.suffix == ".json":
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist; expected a run's experiment.json")
        return Experiment.from_dict(json.loads(path.read_text(encoding="utf-8"))["experiment"])
    if path.suffix == ".py":
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist; expected a recipe file")
        specification = importlib.util.spec_from_file_location(f"recipe_{path.stem}", path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
    else:
        module = _installed_recipe(name)
    experiment = getattr(module, "experiment", None)
    if not isinstance(experiment, Experiment):
        raise ValueError(f"recipe {name} holds no `experiment`; expected `experiment = Experiment(...)`")
    return experiment


def _installed_recipe(name: str) -> types.ModuleType:
    dotted = "recipes." + name.strip("/").replace("/", ".")
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError as error:
        if error.name is None or not dotted.startswith(error.name):
            raise
        raise FileNotFoundError(
            f"no recipe named {name!r}; there are: {', '.join(recipe_names())}. A recipe of your own is "
            "given by its path, ending in .py."
        ) from error


def recipe_names() -> list[str]:
    """Slashed names of the installed recipes."""
    package = importlib.import_module("recipes")
    root = Path(str(package.__path__[0]))
    files = sorted(root.rglob("*.py"))
    return [
        file.relative_to(root).with_suffix("").as_posix()
        for file in files
        if not file.name.startswith("_") and "experiment = " in file.read_text(encoding="utf-8")
    ]
