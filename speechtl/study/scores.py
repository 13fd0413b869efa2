"""What the finished cells of a study scored, read from their runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import combinations
from pathlib import Path
from statistics import mean

from speechtl.finished_runs import Scored, columns_of, scored
from speechtl.report import LABEL_FREE, Hypothesis, Report, SetReport
from speechtl.study.cells import Cell
from speechtl.study.negative import controls, main_error
from speechtl.study.settings import Amount, Study
from speechtl.whole_files import read_json

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """A finished cell."""

    cell: Cell
    report: Report
    """Its sets under the names by which the study pools them."""
    called: Mapping[str, str] = field(default_factory=dict)
    """Names of sets that its own run has others for, by those."""

    def calling(self, names: Mapping[str, str]) -> Finished:
        """The same with sets under other names, and those of weights that are chosen without labels too."""
        called = {**names, **{f"{name}{LABEL_FREE}": f"{new}{LABEL_FREE}" for name, new in names.items()}}
        sets = {called.get(name, name): entry for name, entry in self.report.sets.items()}
        return replace(self, report=replace(self.report, sets=sets), called=called)

    @property
    def diverged(self) -> str:
        """Why its training has diverged; empty where it has not."""
        return "" if self.report.train is None else self.report.train.diverged

    @cached_property
    def sets(self) -> dict[str, Scored]:
        """The target's sets by name, with every utterance."""
        own = {self.called.get(name, name): one for name, one in scored(self.cell.folder.path).items()}
        return {name: one for name, one in own.items() if name in self.report.sets}


@dataclass(frozen=True)
class Pooled:
    """One seed of a row on one set, its variants together."""

    by_variant: Mapping[str, Scored]

    @cached_property
    def hypotheses(self) -> dict[str, Hypothesis]:
        """Every utterance of every variant, under an id that no other has."""
        return {
            f"{variant}/{id_}": entry
            for variant, one in self.by_variant.items()
            for id_, entry in one.hypotheses.items()
        }

    @property
    def references(self) -> tuple[str, ...]:
        """What it was scored against: runs with equal ones can be compared."""
        return tuple(one.set_report.references for one in self.by_variant.values())

    def is_tested_as(self, other: Pooled) -> bool:
        """Whether both read the same utterances, and were scored against the same references."""
        return self.references == other.references and self.hypotheses.keys() == other.hypotheses.keys()

    def columns(self, ids: Sequence[str], metric: str) -> tuple[list[int], list[int]]:
        """Errors and totals of the utterances, in the order of `ids`."""
        return columns_of(self.hypotheses, ids, metric)

    def rate(self, variant: str, metric: str) -> float:
        """The error of one variant."""
        return self.by_variant[variant].set_report.metrics[metric].value


@dataclass(frozen=True)
class Grid:
    """The finished cells of a study, in their places."""

    study: Study
    finished: Mapping[Path, Finished]
    """By their folders."""
    controls: Mapping[Path, Cell]
    """The control of each cell that is none itself, by the cell's folder."""

    @classmethod
    def of(cls, study: Study, cells: Sequence[Cell]) -> Grid:
        """Read what is finished."""
        finished = {
            cell.folder.path: Finished(cell, Report.load(cell.folder.report))
            for cell in cells
            if cell.is_finished
        }
        return cls(study, _under_one_name(finished), controls(study, cells))

    @cached_property
    def by_set(self) -> dict[str, list[Scored]]:
        """By test set, what every finished cell that was tested on it scored."""
        found: dict[str, list[Scored]] = {}
        for one in self.finished.values():
            for name in one.report.sets:
                found.setdefault(name, []).append(one.sets[name])
        return found

    def are_shared(self, name: str) -> bool:
        """Whether several variants were tested on the same speech of a set."""
        here = (one.cell for one in self.finished.values() if name in one.report.sets)
        tested = {cell.variant: cell.experiment.tests for cell in here}
        return any(one and one == other for one, other in combinations(tested.values(), 2))

    def of_row(self, row: str, amount: Amount) -> list[Finished]:
        """The cells of a row."""
        cells = self.finished.values()
        return [one for one in cells if (one.cell.row, one.cell.amount) == (row, amount)]

    def control(self, finished: Finished) -> Finished | None:
        """A cell's own control; None of a control, and where it is not finished."""
        cell = self.controls.get(finished.cell.folder.path)
        return None if cell is None else self.finished.get(cell.folder.path)

    def seeds(self, row: str, amount: Amount, name: str) -> dict[int, Pooled]:
        """By seed, what a row scored on a set; seeds of which a variant is missing are left out."""
        return {
            seed: Pooled({variant: by_variant[variant] for variant in self.variants})
            for seed, by_variant in self._by_seed(row, amount, name).items()
            if set(by_variant) == set(self.variants)
        }

    def incomplete(self, row: str, amount: Amount, name: str) -> dict[int, list[str]]:
        """By seed that `seeds` leaves out, the variants whose cell was not tested on the set, or not yet."""
        return {
            seed: missing
            for seed, by_variant in self._by_seed(row, amount, name).items()
            if (missing := [variant for variant in self.variants if variant not in by_variant])
        }

    @property
    def variants(self) -> list[str]:
        """The names of the study's variants; an empty one where it has none."""
        return [variant.name for variant in self.study.variants] or [""]

    def _by_seed(self, row: str, amount: Amount, name: str) -> dict[int, dict[str, Scored]]:
        """What the finished cells of a row scored on a set, by seed and variant."""
        found: dict[int, dict[str, Scored]] = {}
        for one in self.of_row(row, amount):
            if name in one.sets:
                found.setdefault(one.cell.seed, {})[one.cell.variant] = one.sets[name]
        return dict(sorted(found.items()))


def _under_one_name(finished: Mapping[Path, Finished]) -> dict[Path, Finished]:
    """The same, where all variants have as many sets and none of one name: these are called `test` then.

    So with a file for each speaker, whose sets are called after the files.
    """
    names: dict[str, set[tuple[str, ...]]] = {}
    for one in finished.values():
        own = tuple(name for name in one.report.sets if not name.endswith(LABEL_FREE))
        names.setdefault(one.cell.variant, set()).add(own)
    each = [own.pop() for own in names.values() if len(own) == 1]
    has_one_each = 1 < len(each) == len(names) and len({len(own) for own in each}) == 1
    if not has_one_each or set[str].intersection(*map(set, each)):
        return dict(finished)
    numbered = ["test" if number == 1 else f"test-{number}" for number in range(1, len(each[0]) + 1)]
    called = {
        variant: dict(zip(own, numbered, strict=True)) for variant, own in zip(names, each, strict=True)
    }
    return {path: one.calling(called[one.cell.variant]) for path, one in finished.items()}


@dataclass(frozen=True)
class SourceScore:
    """The source's own sets after the transfer."""

    error: float
    """Mean of the sets' errors."""
    loss: float | None
    """By how much more than the source itself, on the sets that it was scored on; None where that is not
    known."""
    is_decoded_alike: bool = True
    """Whether the source had the same decoding; else some of the loss is the decoding's."""


def source_score(finished: Finished, metric: str | None) -> SourceScore | None:
    """What the transfer cost the source; None where it was not tested."""
    errors, losses, is_alike = [], [], True
    own = _own_errors(finished.cell)
    for name, entry in finished.report.source_sets.items():
        measured = main_error(entry, metric) or main_error(entry, None)
        if measured is None:
            continue
        errors.append(measured[1])
        known = [one for one in own.get(entry.references or name, ()) if measured[0] in one.metrics]
        if known:
            before = next((one for one in known if one.decoding == entry.decoding), known[0])
            is_alike = is_alike and before.decoding == entry.decoding
            losses.append(measured[1] - before.metrics[measured[0]].value)
    return SourceScore(mean(errors), mean(losses) if losses else None, is_alike) if errors else None


def _own_errors(cell: Cell) -> dict[str, list[SetReport]]:
    """The source's own reports of its kept weights, by their references, or by name where there is no hash.

    None where the source was trained again after the cell had ended: it is not what the cell started from.
    """
    folder = None if cell.source is None else _run_of(cell.source.model)
    if folder is None:
        return {}
    begun = _begun(folder)
    ended = datetime.fromtimestamp(cell.folder.report.stat().st_mtime, UTC)
    if begun is not None and begun > ended:
        logger.warning("%s: its source %s was trained again since, so its loss is not told", cell, folder)
        return {}
    report = Report.load(folder / "report.json")
    found: dict[str, list[SetReport]] = {}
    for name, entry in report.sets.items():
        if not name.endswith(LABEL_FREE):
            found.setdefault(entry.references or name, []).append(entry)
    return found


def _begun(run: Path) -> datetime | None:
    """When a run began; None for a model without one."""
    settings = run / "experiment.json"
    told = read_json(settings).get("date") if settings.is_file() else None
    return None if told is None else datetime.fromisoformat(told)


def _run_of(model: Path) -> Path | None:
    return next((place for place in (model, model.parent) if (place / "report.json").is_file()), None)
