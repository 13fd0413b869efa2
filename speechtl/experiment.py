"""Experiment: everything that decides a run, as one value; recipes hold one each."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import importlib
import importlib.util
import json
import re
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import tyro

from speechtl.corpus_spec import CorpusSpec
from speechtl.decode import DecodeSettings
from speechtl.features import AugmentSettings, FeatureSettings
from speechtl.models.acoustic import ModelSettings
from speechtl.settings_json import build, flatten, to_json
from speechtl.text import TextSettings
from speechtl.train_settings import TrainSettings
from speechtl.transfer.base import Transfer
from speechtl.whole_files import read_json

LONGEST_VALUE = 40
"""Longer values, in characters, appear in a run's name as a hash."""
LONGEST_NAME = 200
"""Longer names, in bytes, end in one hash of all overrides; file systems allow 255."""


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
    method: Transfer = field(default_factory=Transfer)
    """How the source becomes the target's model."""
    source_tests: tuple[CorpusSpec, ...] = ()
    """The source's own test speech: what the transfer cost there."""
    unit_table: str | None = None
    """Module with `UNITS`: which source units each target unit's head row starts from."""
    text: TextSettings = field(default_factory=TextSettings)
    """What texts are cut into."""
    model: ModelSettings = field(default_factory=ModelSettings)
    """Size of the model; a source brings its own."""
    features: FeatureSettings = field(default_factory=FeatureSettings)
    """What the model sees; a source brings its own."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    """Random changes to the training speech."""
    train: TrainSettings = field(default_factory=TrainSettings)
    """The training loop."""
    decode: DecodeSettings = field(default_factory=DecodeSettings)
    """How dev and test speech are decoded."""
    seed: int = 0
    """Draws the subset, the weights, the batches and the augmentation; not negative."""

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name or self.name.startswith("."):
            raise ValueError(
                f"name={self.name!r} names the run's folder; expected no / in it, and no dot at its start"
            )
        for part in ("targets", "dev", "tests"):
            if not getattr(self, part):
                raise ValueError(f"experiment {self.name}: {part.rstrip('s')} needs at least one corpus")
        if self.seed < 0:
            raise ValueError(f"experiment {self.name}: seed={self.seed}; expected 0 or more")
        if self.source is None and self.source_tests:
            raise ValueError(f"experiment {self.name}: source_tests without a source; move them to tests")

    @property
    def targets(self) -> tuple[CorpusSpec, ...]:
        """The target corpora, always as a tuple."""
        return self.target if isinstance(self.target, tuple) else (self.target,)

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values; the method also names its class."""
        values = to_json(self)
        kind = type(self.method)
        values["method"] = {"class": f"{kind.__module__}:{kind.__qualname__}"} | values["method"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Experiment:
        """Rebuild what `to_dict` gave.

        Raises:
            ValueError: a field is unknown, missing or of the wrong type.
        """
        hints = get_type_hints(cls)
        known = {entry.name for entry in dataclasses.fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"unknown settings {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        built: dict[str, Any] = {
            name: build(hints[name], value, name) for name, value in values.items() if name != "method"
        }
        if "method" in values:
            built["method"] = _method(values["method"])
        try:
            return cls(**built)
        except TypeError as error:
            raise ValueError(f"settings are missing: {error}") from error

    def overrides(self, default: Experiment) -> dict[str, Any]:
        """The settings, by dotted name, in which this experiment differs from its recipe; never the seed."""
        mine, theirs = flatten(self.to_dict()), flatten(default.to_dict())
        return {
            name: mine.get(name)
            for name in mine | theirs
            if name not in ("seed", "name") and mine.get(name) != theirs.get(name)
        }

    def with_overrides_in_name(self, default: Experiment) -> Experiment:
        """The same experiment, named `<recipe>+field=value...` after its overridden fields.

        Of a replayed run, which is named so already, the parts of fields that change again are replaced.
        """
        first, *parts = re.split(r"\+(?=[a-z_][\w.]*=)", self.name)
        values = dict(part.split("=", 1) for part in parts)
        for name, value in self.overrides(default).items():
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            values[name] = _digits(text) if len(text) > LONGEST_VALUE or "/" in text else text
        name = "+".join([first, *(f"{field}={values[field]}" for field in sorted(values))])
        if len(name.encode()) > LONGEST_NAME:
            name = f"{first}+{_digits(name)}"
        return dataclasses.replace(self, name=name)


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _method(values: Any) -> Transfer:
    """A transfer method from its settings and the name of its class."""
    name = values.get("class") if isinstance(values, dict) else None
    module, _, qualname = str(name).partition(":")
    try:
        kind = getattr(importlib.import_module(module), qualname)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"method.class is {name!r}, which cannot be imported ({error}); expected the module and class of "
            "a transfer method, such as speechtl.transfer.base:Transfer"
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Transfer)):
        raise ValueError(f"method.class is {name!r}, which is no transfer method")
    settings = {key: value for key, value in values.items() if key != "class"}
    method: Transfer = build(kind, settings, "method")
    return method


def load_recipe(name: str) -> Experiment:
    """The experiment of a recipe by slashed name, of a Python file, or of a run's experiment.json.

    Raises:
        FileNotFoundError: there is no such recipe or file; names similar ones.
        ValueError: the file holds no `experiment`.
    """
    path = Path(name)
    if path.suffix in (".json", ".py") and not path.is_file():
        kind = "a run's experiment.json" if path.suffix == ".json" else "a recipe file"
        raise FileNotFoundError(f"{path} does not exist; expected {kind}")
    if path.suffix == ".json":
        return read_experiment(path)
    module = _module_of(path) if path.suffix == ".py" else _installed_recipe(name)
    experiment = getattr(module, "experiment", None)
    if not isinstance(experiment, Experiment):
        raise ValueError(f"recipe {name} holds no `experiment`; expected `experiment = Experiment(...)`")
    return experiment


def read_experiment(path: Path) -> Experiment:
    """The experiment in a run's experiment.json.

    Raises:
        ValueError: the file is cut short, another kind of file, or of another version; names it.
    """
    settings = read_json(path).get("experiment")
    if not isinstance(settings, dict):
        raise ValueError(f"{path} is not a run's experiment.json: it holds no experiment")
    try:
        return Experiment.from_dict(settings)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _module_of(path: Path) -> types.ModuleType:
    specification = importlib.util.spec_from_file_location(f"recipe_{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up there
    try:
        specification.loader.exec_module(module)
    except SyntaxError as error:
        raise ValueError(f"{path}:{error.lineno}: {error.msg}; the recipe is no Python") from error
    return module


def _installed_recipe(name: str) -> types.ModuleType:
    dotted = "recipes." + name.strip("/").replace("/", ".")
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError as error:
        if error.name is None or not dotted.startswith(error.name):
            raise
        names = recipe_names()
        similar = difflib.get_close_matches(name, names, n=2)
        meant = f"did you mean {' or '.join(similar)}? There" if similar else "there"
        raise FileNotFoundError(
            f"no recipe is named {name!r}; {meant} are: {', '.join(names)}. A recipe of your own is "
            "given by its path, ending in .py, a run's by that of its experiment.json."
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
