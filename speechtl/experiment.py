"""Experiment: everything that decides a run, as one value; recipes hold one each."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

import tyro

from speechtl.augment import AugmentSettings
from speechtl.corpus_spec import CorpusSpec
from speechtl.decode import DecodeSettings
from speechtl.features import FeatureSettings
from speechtl.method_json import method_from_json, method_to_json
from speechtl.models.inputs import DomainInput
from speechtl.models.settings import ModelSettings
from speechtl.recipe_files import recipe_module
from speechtl.recipe_files import recipe_names as recipe_names
from speechtl.run_names import run_name
from speechtl.settings_json import build, flatten, not_finite, to_json
from speechtl.text import TextSettings
from speechtl.tracking import Track
from speechtl.train_settings import TrainSettings
from speechtl.transfer.base import Transfer
from speechtl.whole_files import read_json

CORPORA = ("unlabelled", "dev", "tests", "source_tests", "source_speech")
"""Fields that hold any number of corpora."""
WITHOUT_EFFECT = ("track",)
"""Settings that decide nothing: a run may be resumed with others, and its name does not have them."""


@dataclass(frozen=True)
class Experiment:
    """What is trained from what, on which speech, and how it is scored."""

    name: str
    """Name of the run's folder."""
    target: tyro.conf.AvoidSubcommands[CorpusSpec | tuple[CorpusSpec, ...]]
    """The labelled speech to train on."""
    dev: tyro.conf.AvoidSubcommands[tuple[CorpusSpec, ...] | Literal["fold", "none"]] = ()
    """Development speech: chooses the weights that are kept. It is additional labelled data. If none is
    named, it is the target corpus's own dev split, or carved out of it. `fold`: carved out of the target's
    own minutes, which then train anew, all of them, for the number of steps that was best. `none`: nothing
    is spared for it, and the last weights are kept."""
    tests: tuple[CorpusSpec, ...] = ()
    """Test speech, scored once at the end. If none is named, it is the target corpus's own test split, or
    carved out of it."""
    unlabelled: tuple[CorpusSpec, ...] = ()
    """Speech of the target domain without labels, for methods that learn from it; its texts are not
    looked at. With other methods it is only measured how far it is from the labelled speech."""
    transductive: bool = False
    """Whether the tests may hold the unlabelled speech itself; the report says so."""
    source: str | None = None
    """A recipe (trained first if its run is missing; `recipe@2` takes its seed 2, `recipe@same` the run's
    own), or a model folder; nothing trains from scratch."""
    method: Transfer = field(default_factory=Transfer)
    """How the source becomes the target's model."""
    source_tests: tyro.conf.AvoidSubcommands[tuple[CorpusSpec, ...] | None] = ()
    """The source's own test speech: what the transfer cost there. None: the tests of its run or recipe, as
    far as they are here."""
    source_speech: tyro.conf.AvoidSubcommands[tuple[CorpusSpec, ...] | None] = None
    """The source's training speech, for methods that need it. None: that of its run or recipe."""
    unit_table: str | None = None
    """Module with `UNITS`: which source units each target unit's head row starts from; where it has
    `LANGUAGES`, a language that is not among them goes by equal symbol."""
    syllable_table: str | None = None
    """Module with `LANGUAGE` and `SYLLABLES`: what the syllables of the source's languages are in the
    target's; the tests are also decoded through their heads, without any training of these."""
    text: TextSettings = field(default_factory=TextSettings)
    """What texts are cut into."""
    model: ModelSettings = field(default_factory=ModelSettings)
    """Size of the model; a source brings its own."""
    features: FeatureSettings = field(default_factory=FeatureSettings)
    """What the model sees; a source brings its own."""
    inputs: tuple[DomainInput, ...] = ()
    """Inputs of their own for some domains, with one encoder behind all; a source keeps those that it has."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    """Random changes to the training speech."""
    train: TrainSettings = field(default_factory=TrainSettings)
    """The training loop."""
    decode: DecodeSettings = field(default_factory=DecodeSettings)
    """How dev and test speech are decoded."""
    seed: int = 0
    """Draws the subset, the weights, the batches and the augmentation; not negative."""
    track: Track = "none"
    """Where losses and dev errors are shown while it trains, beside metrics.jsonl."""

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name or self.name.startswith("."):
            raise ValueError(
                f"name={self.name!r} names the run's folder; expected no / in it, and no dot at its start"
            )
        self._check_numbers()
        if not self.targets:
            raise ValueError(f"experiment {self.name}: target needs at least one corpus")
        if self.seed < 0:
            raise ValueError(f"experiment {self.name}: seed={self.seed}; expected 0 or more")
        self._check_head()
        self._check_inputs()
        if self.method.hears_unlabelled and not self.unlabelled:
            raise ValueError(
                f"experiment {self.name}: {self.method.label} learns from speech without labels; "
                "name it by unlabelled (--unlabelled.0.corpus PATH)"
            )
        if self.method.hears_unlabelled and not self.tests:
            raise ValueError(
                f"experiment {self.name}: by itself a test is of the labelled speech, and its method is for "
                "that without labels; name test speech of that domain by tests"
            )
        if self.transductive and not self.unlabelled:
            raise ValueError(f"experiment {self.name}: transductive is about unlabelled speech; name some")
        if self.source is None and self.source_tests:
            raise ValueError(f"experiment {self.name}: source_tests without a source; move them to tests")
        if self.source is None and self.syllable_table:
            raise ValueError(
                f"experiment {self.name}: syllable_table without a source; name one, whose heads it is for"
            )
        if self.source is None and self.method.trains == "head":
            raise ValueError(f"experiment {self.name}: method.trains=head without a source; train all")
        if self.source is None and self.method.needs_source:
            kind = self.method.label
            raise ValueError(f"experiment {self.name}: {kind} needs a source; name one, or use Transfer")
        if self.dev == "fold" and not self.method.chooses_on_dev:
            raise ValueError(
                f"experiment {self.name}: dev=fold chooses the number of steps by the target's labels, which "
                "the method does without; name another dev, or take method.labels=given where it has that"
            )
        if self.dev == "fold" and self.method.needs_all_steps:
            raise ValueError(
                f"experiment {self.name}: dev=fold trains at last up to the best step alone, and "
                f"{self.method.label} would end before it has done all it does; name another dev"
            )
        self._check_patience()
        if self.source is None and self.method.other_models:
            raise ValueError(
                f"experiment {self.name}: method.plan takes weights of {self.method.other_models[0]}, and "
                "there is no source; name that model as the source"
            )

    def _check_numbers(self) -> None:
        """Refuse settings that are no numbers to compute with."""
        if found := list(not_finite(self)):
            raise ValueError(f"experiment {self.name}: {', '.join(found)}: expected finite numbers")

    def _check_head(self) -> None:
        """Refuse what makes no sense for a classifier, and whole texts without one."""
        is_classifier, units = self.model.head == "classifier", self.text.units
        if is_classifier != (units == "whole"):
            raise ValueError(
                f"experiment {self.name}: model.head={self.model.head} with text.units={units}; a classifier "
                "decides among whole texts, and CTC cannot: choose classifier with whole, or ctc with others"
            )
        if is_classifier and (self.augment.chain or self.decode.searches):
            raise ValueError(
                f"experiment {self.name}: a classifier makes one decision for an utterance, so augment.chain="
                f"{self.augment.chain:g} and decode.method={self.decode.method} must be 0 and greedy or "
                "constrained"
            )

    def _check_patience(self) -> None:
        """Refuse patience where dev does not say when to stop."""
        train, method = self.train, self.method
        if not train.patience:
            return
        refused = f"experiment {self.name}: train.patience={train.patience} "
        kind = method.label
        if train.schedule != "constant":
            raise ValueError(
                f"{refused}would stop before the learning rate has fallen, which is when errors fall most; "
                "take train.schedule=constant with it, or fewer train.steps"
            )
        if not method.chooses_on_dev:
            raise ValueError(f"{refused}goes by dev, which chooses nothing for {kind}; leave it out")
        if method.needs_all_steps:
            raise ValueError(f"{refused}would end {kind} before it has done all it does; leave it out")
        if self.dev == "none":
            raise ValueError(f"{refused}goes by dev, and dev=none spares nothing for it; leave it out")
        if self.dev == "fold":
            raise ValueError(f"{refused}with dev=fold, which chooses the steps already; leave it out")

    def _check_inputs(self) -> None:
        """Refuse two inputs for one domain, and frames that one encoder cannot share."""
        domains = [entry.domain for entry in self.inputs]
        if len(set(domains)) < len(domains):
            raise ValueError(f"experiment {self.name}: inputs has a domain more than once: {domains}")
        if self.source is None:
            for entry in self.inputs:
                entry.require_hop_of(self.features)

    @property
    def targets(self) -> tuple[CorpusSpec, ...]:
        """The target corpora, always as a tuple."""
        return self.target if isinstance(self.target, tuple) else (self.target,)

    @property
    def named_dev(self) -> tuple[CorpusSpec, ...]:
        """The corpora that are named as dev; none where it is taken from the target."""
        return () if isinstance(self.dev, str) else self.dev

    @property
    def is_chosen_on_dev(self) -> bool:
        """Whether the weights that are kept are chosen among several by their dev error."""
        return self.method.chooses_on_dev and len(self.train.evaluation_steps) > 1

    def corpora(self, field: str) -> tuple[CorpusSpec, ...]:
        """The corpora that one of `CORPORA` names; none where it is left out, or dev is carved."""
        named = getattr(self, field)
        return named if isinstance(named, tuple) else ()

    def refuse_template(self) -> None:
        """Refuse to go on with a template whose user has not named a corpus.

        Raises:
            ValueError: the target is still left to the user.
        """
        yours = [
            f"{field.replace('_', '-')}.{number}"
            for field in CORPORA
            for number, spec in enumerate(self.corpora(field))
            if spec.is_yours
        ]
        if yours and not any(spec.is_yours for spec in self.targets):
            flags = " and ".join(f"--{name}.corpus PATH" for name in yours)
            raise ValueError(f"{self.name} also needs your corpus by {flags}")
        if any(spec.is_yours for spec in self.targets):
            raise ValueError(
                f"{self.name} is a template and needs your corpus: --target.corpus PATH (a manifest, a "
                "folder, a release or a prepared corpus) and, unless it says so itself, how it is written: "
                "--target.language TAG"
            )

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values; the method also names its class."""
        values = to_json(self)
        values["method"] = method_to_json(self.method)
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
            built["method"] = method_from_json(values["method"])
        try:
            return cls(**built)
        except TypeError as error:
            raise ValueError(f"settings are missing: {error}") from error

    def overrides(self, default: Experiment) -> dict[str, Any]:
        """The settings, by dotted name, in which this experiment differs from its recipe; never the seed."""
        mine, theirs = flatten(self.to_dict()), flatten(default.to_dict())
        replaced = [name for name in mine if any(other.startswith(f"{name}.") for other in theirs)]
        return {
            name: mine.get(name)
            for name in mine | theirs
            if name not in ("seed", "name", *WITHOUT_EFFECT)
            and mine.get(name) != theirs.get(name)
            and not any(name.startswith(f"{whole}.") for whole in replaced)
        }

    def with_overrides_in_name(self, default: Experiment) -> Experiment:
        """The same experiment, named `<recipe>+field=value...` after its overridden fields.

        Of a replayed run, which is named so already, the parts of fields that change again are replaced. A
        template's run is named after the corpus that it was given: `finetune-words`. A name that was given
        itself stays as it is.
        """
        if self.name != default.name:
            return self
        template = None
        if default.target != self.target and any(spec.is_yours for spec in default.targets):
            template = [spec.corpus for spec in self.targets]
        return dataclasses.replace(self, name=run_name(self.name, self.overrides(default), template))


def load_recipe(name: str) -> Experiment:
    """The experiment of a recipe by slashed name, of a Python file, or of a run by its folder or its JSON.

    Raises:
        FileNotFoundError: there is no such recipe or file; names similar ones.
        ValueError: the file holds no `experiment`.
    """
    path = Path(name)
    if (path / "experiment.json").is_file():
        path = path / "experiment.json"
    if path.suffix == ".json":
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist; expected a run's experiment.json")
        return read_experiment(path)
    experiment = getattr(recipe_module(name), "experiment", None)
    if not isinstance(experiment, Experiment):
        raise ValueError(f"recipe {name} holds no `experiment`; expected `experiment = Experiment(...)`")
    return experiment


def read_experiment(path: Path, *, has_method: bool = True) -> Experiment:
    """The experiment in a run's experiment.json.

    Args:
        path: The file.
        has_method: Whether its method is read as well; one of a recipe's own file cannot be found again.

    Raises:
        ValueError: the file is cut short, another kind of file, or of another version; names it.
    """
    settings = read_json(path).get("experiment")
    if not isinstance(settings, dict):
        raise ValueError(f"{path} is not a run's experiment.json: it holds no experiment")
    try:
        kept = {name: value for name, value in settings.items() if has_method or name != "method"}
        return Experiment.from_dict(kept)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
