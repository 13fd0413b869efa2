"""Dry run: what a recipe would do and take, with nothing trained and nothing written among the runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from speechtl.advice import advice
from speechtl.batches import Examples
from speechtl.checkpoint import LoadedModel, load_model
from speechtl.corpus import Corpus
from speechtl.corpus_summary import SummaryRow
from speechtl.decode import require_files
from speechtl.doctor.cost import Clips, Cost, estimate
from speechtl.experiment import Experiment
from speechtl.fold_training import fold_folder, steps_left
from speechtl.label_faults import refuse_short
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.run_folder import RunFolder
from speechtl.sets import Sets
from speechtl.settings_json import flatten
from speechtl.source import Source, find_source, trained_first
from speechtl.start import (
    label_tokenizers,
    require_writable_words,
    start,
    tokenizers_of,
    unit_table,
    unmapped,
)
from speechtl.tracking import require
from speechtl.training_state import saved_step
from speechtl.transfer.base import TransferData

logger = logging.getLogger(__name__)


class Setting(NamedTuple):
    """One resolved setting."""

    name: str
    """Dotted, as its flag."""
    value: Any
    recipe: Any
    """What the recipe has."""

    @property
    def is_changed(self) -> bool:
        """Whether it differs from the recipe's."""
        return bool(self.value != self.recipe)


class Block(NamedTuple):
    """One named block of the model."""

    name: str
    parameters: int
    trained: int
    """How many of these are trained."""


@dataclass(frozen=True)
class DryRun:
    """What a run would do and take."""

    experiment: Experiment
    folder: Path
    """The run's."""
    fate: str
    """What the command would do there, in a sentence."""
    is_refused: bool
    """Whether that is to refuse."""
    settings: tuple[Setting, ...]
    data: tuple[tuple[str, SummaryRow], ...]
    """What each role, such as `target` or `test words`, has per split and language."""
    notes: tuple[str, ...]
    """How dev and tests were found, and what of the data is unwise."""
    blocks: tuple[Block, ...]
    cost: Cost | None
    """What is still to be trained; None where nothing is."""
    model: AcousticModel
    """At step 0; of a source that is not trained yet, its weights are random."""
    source: DryRun | None = None
    """What would be trained first."""
    source_folder: Path | None = None
    """Where the source's model is, or will be."""

    @property
    def takes(self) -> str:
        """Minutes and gigabytes of what is still to be trained, in a line."""
        if self.cost is None:
            return "nothing is trained"
        cost = self.cost
        return f"takes about {cost.minutes:.1f} minutes and {cost.gigabytes:.1f} GB: {cost.account}"


def dry_run(
    experiment: Experiment,
    runs: Path = Path("runs"),
    recipe: Experiment | None = None,
    *,
    fresh: bool = False,
    sources: Path | None = None,
) -> DryRun:
    """Find out all that can be known of a run before it is started.

    Corpora are opened, and prepared where they never were; audio is not decoded. A few steps on noise tell
    the time and the memory.

    Args:
        experiment: What would be run.
        runs: Where runs are kept.
        recipe: What the experiment's settings are compared with.
        fresh: Whether an existing run would be moved aside.
        sources: Where the runs of sources are kept, if elsewhere.

    Raises:
        FileNotFoundError: a corpus, source or recipe is missing.
        ValueError: the data has faults without which nothing more can be known.
    """
    experiment.refuse_template()
    require(experiment.track)
    folder = RunFolder.of(experiment, runs)
    fate, is_refused, done = _fate(folder, fresh)
    if done is not None:
        require_files(experiment.decode)
    sources = runs if sources is None else sources
    source = find_source(experiment, sources)
    first = _trained_first(source, sources)
    loaded = _loaded(source, first)
    known = loaded.fingerprints if loaded else None
    sets = Sets.of(experiment, source.experiment if source else None, known)
    model, data, told = step_zero(experiment, sets, loaded)
    shared: list[str] = []
    if done is not None and not is_refused:
        try:
            shared = sets.check(loaded, transductive=experiment.transductive)
            for heard in experiment.method.heard(data):
                refuse_short(model, heard, experiment.augment)
        except ValueError as error:
            fate, is_refused = f"is refused: {error}", True
    # The source's own heads may be of another kind than the one that is added.
    built = replace(model.settings, head=experiment.model.head)
    asked = replace(experiment, model=built, features=model.features)
    is_anew, steps = fresh or is_refused, experiment.train.steps
    remaining = 0 if done is None else steps_left(folder.path, len(sets.folds), steps, fresh=is_anew)
    cost = estimate(asked, _clips(asked, sets, data.target), model, remaining) if remaining else None
    return DryRun(
        experiment=experiment,
        folder=folder.path,
        fate=fate,
        is_refused=is_refused,
        settings=_settings(experiment, recipe or experiment),
        data=tuple(_data(sets)),
        notes=(*sets.account, *shared, *told),
        blocks=_blocks(model),
        cost=cost,
        model=model,
        source=first,
        source_folder=source.model if source else None,
    )


def _fate(folder: RunFolder, fresh: bool) -> tuple[str, bool, int | None]:
    """What would be done, whether it is refused, and the steps taken already; None if none will follow."""
    steps = folder.experiment.train.steps
    if fresh and folder.path.exists():
        return f"moves {folder.path} aside and starts anew", False, 0
    try:
        folder.check()
    except ValueError as error:
        return f"is refused: {error}", True, 0
    if folder.report.exists():
        return f"prints the report of the finished run in {folder.path}", False, None
    step = saved_step(folder.path / "checkpoints")
    if step is not None:
        return f"resumes {folder.path} at step {step} of {steps}", False, step
    if fold_folder(folder.path, 0).is_dir():
        return f"resumes {folder.path} among its folds", False, 0
    return f"starts {folder.path}", False, 0


def _trained_first(source: Source | None, runs: Path) -> DryRun | None:
    if source is None or source.is_ready:
        return None
    assert source.run is not None
    with trained_first(source):
        return dry_run(source.run.experiment, runs)


def _loaded(source: Source | None, first: DryRun | None) -> LoadedModel | None:
    """The source's model, or one of its shape where it is still to be trained."""
    if source is None:
        return None
    if first is not None:
        return LoadedModel(first.model, Fingerprints(), ())
    return load_model(source.model)


def step_zero(
    experiment: Experiment, sets: Sets, source: LoadedModel | None
) -> tuple[AcousticModel, TransferData, list[str]]:
    """The model that training would begin with, what it would be trained on, without its audio, and what is
    to be minded, in sentences."""
    require_writable_words(sets.target, experiment, source)
    tokenizers = tokenizers_of(sets.target, experiment, source)
    labels = label_tokenizers(sets.target, experiment, tokenizers)
    seconds = np.array(sets.target.column("duration"), dtype=np.float64)
    target = Examples.of(sets.target, [], seconds, labels)
    data = TransferData(target, tokenizers, *unit_table(experiment))
    if sets.source is not None and source is not None:
        lengths = np.array(sets.source.column("duration"), dtype=np.float64)
        heads = source.model.tokenizers
        data = replace(data, source=Examples.of(sets.source, [], lengths, heads, is_target=False))
    if sets.unlabelled is not None and experiment.method.hears_unlabelled:
        lengths = np.array(sets.unlabelled.column("duration"), dtype=np.float64)
        data = replace(data, unlabelled=Examples.of(sets.unlabelled, [], lengths, None))
    model, coverage = start(experiment, source, data)
    told = advice(experiment, source, model, data, sets.target, sets.dev, sets.tests)
    return model, data, unmapped(coverage) + told


def _clips(experiment: Experiment, sets: Sets, examples: Examples) -> Clips:
    heard = sets.folds[0].dev if sets.folds else sets.dev
    dev = None if heard is None else heard.first_per_language(experiment.train.dev_utterances)
    return Clips(
        seconds=examples.seconds,
        lengths=np.array([len(label) for label in examples.labels], dtype=np.int64),
        languages=examples.languages,
        units={},
        dev_seconds=0.0 if dev is None else 60 * dev.minutes,
    )


def _settings(experiment: Experiment, recipe: Experiment) -> tuple[Setting, ...]:
    mine, theirs = flatten(experiment.to_dict()), flatten(recipe.to_dict())
    return tuple(Setting(name, mine.get(name), theirs.get(name)) for name in dict.fromkeys([*mine, *theirs]))


def _data(sets: Sets) -> list[tuple[str, SummaryRow]]:
    roles: dict[str, Corpus] = {"target": sets.target, **sets.named_dev}
    if sets.unlabelled is not None:
        roles["unlabelled"] = sets.unlabelled
    named: Mapping[str, Mapping[str, Corpus]] = {"test": sets.tests, "source's test": sets.source_tests}
    for role, corpora in named.items():
        roles |= {f"{role} {name}": corpus for name, corpus in corpora.items()}
    return [(role, row) for role, corpus in roles.items() for row in corpus.summary()]


def _blocks(model: AcousticModel) -> tuple[Block, ...]:
    blocks = dict(model.blocks())
    if model.shared_blank is not None:
        blocks["shared blank"] = model.shared_blank
    blocks |= model.inserted.parts()
    return tuple(
        Block(
            name,
            sum(value.numel() for value in block.parameters()),
            sum(value.numel() for value in block.parameters() if value.requires_grad),
        )
        for name, block in blocks.items()
    )
