"""Source: what an experiment starts from, a run or a model's folder, found but not loaded."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from speechtl.carved_splits import carved_by
from speechtl.experiment import Experiment, load_recipe, read_experiment, recipe_names
from speechtl.run_folder import RunFolder

logger = logging.getLogger(__name__)

SAME = "same"
"""After an @ in place of a seed: the seed of the run that starts from it."""


@dataclass(frozen=True)
class Source:
    """Where the source's model is, or will be."""

    name: str
    """As the experiment has it, without a seed."""
    model: Path
    """A folder for `load_model`."""
    recipe: Experiment | None
    """What made it; None where its folder does not tell."""
    run: RunFolder | None = None
    """Its run, where it is a recipe, and is trained if it is not finished."""

    @property
    def experiment(self) -> Experiment | None:
        """What made it, its corpora split as its run carved them, as far as it has begun."""
        place = self.model if self.run is None else self.run.path
        carved = {one.given for one in carved_by(place)}
        if self.recipe is None or not carved:
            return self.recipe
        targets = tuple(
            replace(spec, split_as=str(place)) if spec.corpus in carved else spec
            for spec in self.recipe.targets
        )
        return replace(self.recipe, target=targets)

    @property
    def is_ready(self) -> bool:
        """Whether there is nothing to train before it can be used."""
        return self.run is None or self.run.report.exists()


@contextmanager
def trained_first(source: Source) -> Iterator[None]:
    """Where a source is trained first: what it lacks is told to be the source's, with the ways out.

    Raises:
        FileNotFoundError: a corpus of its recipe is missing.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}\nThis is of the source {source.name}, which has no finished run and is trained first: "
            "prepare its corpora, name a trained model by --source RUN, or begin from scratch: --source None."
        ) from error


def find_source(experiment: Experiment, runs: Path) -> Source | None:
    """The source of an experiment; None from scratch.

    Raises:
        FileNotFoundError: there is neither such a recipe nor such a folder.
        ValueError: what stands after the @ is no seed.
    """
    if experiment.source is None:
        return None
    name, _, seed = experiment.source.partition("@")
    seed = str(experiment.seed) if seed == SAME else seed
    folder = Path(experiment.source)
    if folder.is_dir() and name not in recipe_names():
        return Source(experiment.source, _model_folder(folder), _experiment_of(folder))
    if seed and not seed.isdecimal():
        raise ValueError(
            f"source={experiment.source!r}: expected a seed after the @, such as {name}@2, or {name}@{SAME} "
            "for the run's own"
        )
    try:
        recipe = load_recipe(name)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"source={experiment.source!r} is neither a model's folder nor a recipe: {error}"
        ) from error
    if seed:
        recipe = replace(recipe, seed=int(seed))
    run = RunFolder.of(recipe, runs)
    return Source(name, run.model, recipe, run)


def _model_folder(folder: Path) -> Path:
    """A model's folder, a run's with one seed, or that of all its seeds, of which it is the first."""
    return next((path for path in (folder, folder / "seed-0") if _holds_model(path)), folder)


def _holds_model(folder: Path) -> bool:
    return any((place / "config.json").is_file() for place in (folder, folder / "model"))


def _experiment_of(folder: Path) -> Experiment | None:
    """What a run or the run around a model was; None if that is not there, or of another version.

    A method of a recipe's own file is not found again; plain fine-tuning stands for it then, which is told.
    """
    for place in (folder, folder.parent, folder / "seed-0"):
        document = place / "experiment.json"
        if document.is_file():
            why = ""
            for has_method in (True, False):
                try:
                    found = read_experiment(document, has_method=has_method)
                except ValueError as error:
                    why = why or str(error)
                    continue
                if why:
                    logger.warning("the source's method counts as plain fine-tuning: %s", why)
                return found
            logger.warning("what the source was trained and tested on is not known: %s", why)
            return None
    return None
