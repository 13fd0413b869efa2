"""plan_of(): what a recipe's method would do to every tensor, found out without training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from speechtl.checkpoint import LoadedModel, load_model
from speechtl.dry_run import step_zero
from speechtl.experiment import Experiment
from speechtl.finished_runs import seed_folders
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.sets import Sets
from speechtl.source import Source, find_source
from speechtl.staged_training import trained_in
from speechtl.transfer.receipt import Beginning, Receipt
from speechtl.transfer.stages import Stage


@dataclass(frozen=True)
class StagePlan:
    """What one stage trains."""

    share: float
    """Of the steps."""
    trained: frozenset[str]
    """Names of the parameters in the model's state."""
    restarts: bool
    """Whether the learning rate's schedule begins anew."""


@dataclass(frozen=True)
class Planned:
    """A plan before training."""

    experiment: Experiment
    receipt: Receipt
    """Of a training without steps."""
    stages: tuple[StagePlan, ...]
    is_shape_only: bool
    """Whether the source is not trained yet, so that only its shape is known."""
    advice: tuple[str, ...]
    """What is to be minded about such a training, in sentences."""


def plan_of(experiment: Experiment, runs: Path = Path("runs")) -> Planned:
    """What becomes of every tensor before and in training. Nothing is trained or decoded.

    Raises:
        FileNotFoundError: a corpus, source or recipe is missing.
        ValueError: a rule matches nothing, rules contradict each other, or the data has faults.
    """
    experiment.refuse_template()
    source = find_source(experiment, runs)
    loaded = _loaded(source, runs)
    model, _, told = step_zero(experiment, _sets(experiment, source, loaded), loaded)
    begun = Beginning.of(model, loaded.model if loaded else None)
    receipt = begun.receipt(model, experiment.method.label, experiment.source, experiment.train.steps)
    stages = tuple(_stage(model, stage) for stage in experiment.method.stages(model))
    return Planned(experiment, receipt, stages, source is not None and not source.is_ready, tuple(told))


def is_run(subject: str) -> bool:
    """Whether this is the folder of a run or of a run's seeds, and no recipe."""
    return bool(_runs_in(Path(subject)))


def check_run(subject: str) -> list[tuple[Path, Receipt, list[str]]]:
    """The receipts of a run, or of all its seeds, and what is wrong with each.

    Raises:
        FileNotFoundError: a run has no receipt, or no model.
        ValueError: a receipt or a model is damaged.
    """
    checked = []
    for run in _runs_in(Path(subject)):
        receipt = Receipt.read(run)
        state = load_model(run).model.state_dict()
        found = [*receipt.faults(), *receipt.contradictions(), *receipt.differences(state)]
        checked.append((run, receipt, found))
    return checked


def _runs_in(folder: Path) -> list[Path]:
    seeds = [folder, *(seed_folders(folder).values() if folder.is_dir() else ())]
    return [place for place in seeds if (place / "experiment.json").is_file()]


def _loaded(source: Source | None, runs: Path) -> LoadedModel | None:
    """The source's model, or one of its shape where it is still to be trained."""
    if source is None:
        return None
    if source.is_ready or source.run is None:
        return load_model(source.model)
    recipe = source.run.experiment
    before = find_source(recipe, runs)
    earlier = _loaded(before, runs)
    model = step_zero(recipe, _sets(recipe, before, earlier), earlier)[0]
    return LoadedModel(model, Fingerprints(), ())


def _sets(experiment: Experiment, source: Source | None, loaded: LoadedModel | None) -> Sets:
    known = loaded.fingerprints if loaded else None
    return Sets.of(experiment, source.experiment if source else None, known)


def _stage(model: AcousticModel, stage: Stage) -> StagePlan:
    return StagePlan(stage.share, trained_in(model, stage), stage.restarts)
