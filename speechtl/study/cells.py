"""Cells: the experiments of a study, each a run of its own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from speechtl.evaluate import set_name
from speechtl.experiment import Experiment
from speechtl.faults import counted, listed
from speechtl.folds import SEVERAL, SHORT_MINUTES
from speechtl.recipe_flags import parse_recipe
from speechtl.run_folder import RunFolder
from speechtl.run_names import run_name
from speechtl.sets import NO_DEV
from speechtl.source import Source, find_source
from speechtl.study.settings import Amount, Study, Variant

OPENING = 60.0
"""Opening a cell's speech and scoring its tests take about as long as training on so many seconds."""


@dataclass(frozen=True)
class Cell:
    """One run of a study."""

    row: str
    """The recipe as the study names it; of a source, its name."""
    amount: Amount
    variant: str
    """Empty where the study has none."""
    seed: int
    experiment: Experiment
    runs: Path
    """Where its run is kept."""
    source: Source | None = None
    """What it starts from."""

    @property
    def folder(self) -> RunFolder:
        """Its run."""
        return RunFolder.of(self.experiment, self.runs)

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing to run."""
        return self.folder.report.is_file() and self.is_its_own

    @cached_property
    def is_its_own(self) -> bool:
        """Whether the run in its folder, if there is one, has its settings; a changed recipe's has not."""
        try:
            self.folder.check()
        except ValueError:
            return False
        return True

    @property
    def cost(self) -> float:
        """Seconds of speech that it trains on, and what else takes as long."""
        settings = self.experiment.train
        return OPENING + (1 + self._folds) * settings.steps * settings.batch_seconds

    @property
    def _folds(self) -> int:
        """How many trainings choose the steps; a few more than needed where the minutes are not known."""
        if self.experiment.dev != "fold":
            return 0
        minutes = [spec.minutes for spec in self.experiment.targets]
        known = [value for value in minutes if value != "all"]
        return 1 if len(known) == len(minutes) and sum(known) > SHORT_MINUTES else SEVERAL

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.row, str(self.amount), self.variant, f"seed {self.seed}")))


def expand(study: Study, runs: Path) -> tuple[Cell, ...]:
    """The cells of a study, the cheapest first; of equally dear ones, all of the first seed come first.

    Args:
        study: The study.
        runs: Where runs are kept: sources here, cells in the study's own folder.

    Raises:
        FileNotFoundError: there is no such recipe or source; names similar ones.
        ValueError: two cells would be one run, or a recipe makes no sense.
    """
    variants = study.variants or (None,)
    texts = dict.fromkeys(_written(row, one) for row in study.rows for one in (None, *variants))
    recipes = {text: _recipe(text) for text in texts}
    _refuse_idle_flags(study, recipes)
    cells = [
        _cell(study, row, amount, variant, seed, recipes[_written(row, variant)], runs)
        for row in study.rows
        for amount in study.amounts
        for variant in variants
        for seed in study.seeds
    ]
    owners: dict[Path, str] = {}
    for cell in cells:
        first = owners.setdefault(cell.folder.path, cell.row)
        if first != cell.row:
            raise ValueError(
                f"study {study.name}: the recipes {first!r} and {cell.row!r} are both named "
                f"{recipes[cell.row].name}; give one of them another --name"
            )
    _refuse_unlike_tests(study, cells)
    places = {amount: place for place, amount in enumerate(study.amounts)}
    cells.sort(key=lambda cell: (cell.cost, cell.seed, places[cell.amount]))
    return tuple(cells)


def refuse_others(cells: Sequence[Cell]) -> None:
    """Refuse a study some of whose folders hold runs with other settings, as when a recipe has changed.

    Raises:
        ValueError: there are such; names them and what differs in the first.
    """
    others = {cell.folder.path: cell for cell in cells if not cell.is_its_own}
    if not others:
        return
    try:
        next(iter(others.values())).folder.check()
    except ValueError as error:
        differing = [line for line in str(error).splitlines() if line.startswith("  ")]
    raise ValueError(
        f"{counted(len(others), 'cell')} of {len(cells)} would be run where runs with other settings are: "
        f"{listed([str(path) for path in others])}\n"
        + "\n".join(differing)
        + "\nGive the study another name (--name), or move these folders away; nothing was run or written."
    )


def untrained_sources(cells: Sequence[Cell], runs: Path) -> dict[Path, Cell]:
    """The runs of sources that are still to be trained, by their folders; each once."""
    found: dict[Path, Cell] = {}
    for cell in cells:
        if cell.source is None or cell.source.run is None or cell.source.is_ready or cell.is_finished:
            continue
        folder = cell.source.run
        recipe = folder.experiment
        found[folder.path] = Cell(
            f"source {recipe.name}", Amount(), "", recipe.seed, recipe, runs, find_source(recipe, runs)
        )
    return found


OF_OTHERS = "none of it is of the domain without labels, for which it chooses no settings"


def dev_lines(cells: Sequence[Cell]) -> list[str]:
    """Which dev chooses the weights that are kept, a sentence for each kind, with the rows that it is for."""
    rows: dict[str, dict[str, None]] = {}
    for cell in cells:
        rows.setdefault(_dev(cell.experiment), {})[cell.row] = None
    return [f"{dev} ({', '.join(names)})" if len(rows) > 1 else dev for dev, names in rows.items()]


def _dev(experiment: Experiment) -> str:
    if experiment.dev == "none":
        return NO_DEV
    if experiment.dev == "fold":
        told = "dev: folds of the target's own speech, all of which is then trained on for the best steps"
    elif not experiment.dev:
        told = "dev: the target corpus's own dev split, or carved out of it; in addition to the target"
    else:
        sets = ", ".join(dict.fromkeys(set_name(spec.corpus, spec.split) for spec in experiment.named_dev))
        told = f"dev: {sets}, labelled speech in addition to the target"
    heard = {(spec.corpus, spec.as_domain) for spec in experiment.unlabelled}
    is_other = heard and not any((spec.corpus, spec.as_domain) in heard for spec in experiment.named_dev)
    return f"{told}; {OF_OTHERS}" if is_other else told


def _written(row: str, variant: Variant | None) -> str:
    """The recipe of a row, with the flags that a variant has for it."""
    flags = () if variant is None else [text for name, text in variant.flags if name == row]
    return " ".join([row, *flags])


def _recipe(row: str) -> Experiment:
    words = shlex.split(row)
    if not words:
        raise ValueError("a study's recipe is empty; expected a name or a file, and flags after it")
    try:
        return parse_recipe(words[0], words[1:])
    except SystemExit as stop:
        raise ValueError(f"the study's recipe {row!r} has flags that cannot be used; see above") from stop


def _refuse_idle_flags(study: Study, recipes: Mapping[str, Experiment]) -> None:
    """Refuse flags of a row for what the study says of all rows: they would stand in its name alone.

    Raises:
        ValueError: there are such.
    """
    variants, amount = study.variants, study.amounts[0]
    has_sources = study.sources or any(one.sources for one in variants)
    has_dev = study.dev is not None or any(one.dev is not None for one in variants)
    said = {
        f"the study's {amount.unit}": (r"target(\.\d+)?\.(minutes|utterances)", amount.unit is not None),
        "the study's sources": ("source", has_sources),
        "the study's dev": (r"dev(\..*)?", has_dev),
        "its variants' targets": (r"target\..*", bool(variants)),
        "its variants' tests": (r"tests\..*", any(one.tests for one in variants)),
        "its variants' unlabelled speech": (r"unlabelled\..*", any(one.unlabelled for one in variants)),
        "the study's seeds": ("seed", True),
    }
    for text, recipe in recipes.items():
        for word in shlex.split(text)[1:]:
            flag = word.partition("=")[0]
            for what, (pattern, is_said) in said.items():
                is_idle = is_said and (pattern != "source" or recipe.source is not None)
                if is_idle and re.fullmatch(f"--{pattern}", flag):
                    raise ValueError(
                        f"study {study.name}: {text!r} has {flag}, in whose place {what} would come; leave "
                        "one of them out"
                    )


def _refuse_unlike_tests(study: Study, cells: Sequence[Cell]) -> None:
    """Refuse variants of which some have more test sets than others, and none of one name: no table has all.

    Raises:
        ValueError: they are such.
    """
    names = {cell.variant: _test_names(cell.experiment) for cell in cells}
    are_many = len({len(one) for one in names.values()}) > 1
    if are_many and not set[str].intersection(*map(set, names.values())):
        told = listed([f"{variant} has {listed(one)}" for variant, one in names.items()], separator="; ")
        raise ValueError(
            f"study {study.name}: its variants have no test set of one name, by which results are pooled: "
            f"{told}. Give sets that belong together one name: corpus(..., set_name='test')"
        )


def _test_names(experiment: Experiment) -> list[str]:
    """What the tests of an experiment will be called, as far as it is told without opening them."""
    if experiment.tests:
        return [spec.set_name or set_name(spec.corpus, spec.split) for spec in experiment.tests]
    return [set_name(spec.corpus, "test") for spec in experiment.targets]


def _cell(
    study: Study,
    row: str,
    amount: Amount,
    variant: Variant | None,
    seed: int,
    recipe: Experiment,
    runs: Path,
) -> Cell:
    changes: dict[str, object] = {"seed": seed, "name": run_name(recipe.name, amount.override)}
    if variant is not None:
        other = variant.in_place_of_target(row)
        changes["target"] = amount.of(other or variant.target)
        changes["tests"] = variant.tests or recipe.tests
        # A row that has the labels of that speech would only be compared with itself.
        changes["unlabelled"] = () if other else variant.unlabelled or recipe.unlabelled
    elif isinstance(recipe.target, tuple):
        changes["target"] = tuple(amount.of(spec) for spec in recipe.target)
    else:
        changes["target"] = amount.of(recipe.target)
    devs = (variant.dev if variant is not None else None, study.dev, recipe.dev)
    changes["dev"] = next(dev for dev in devs if dev is not None)
    base = study.source(variant, seed)
    if recipe.source is not None and base is not None:
        changes["source"] = base
    experiment: Experiment = replace(recipe, **changes)  # type: ignore[arg-type]
    experiment.refuse_template()
    name = "" if variant is None else variant.name
    return Cell(row, amount, name, seed, experiment, runs / study.name / name, find_source(experiment, runs))
