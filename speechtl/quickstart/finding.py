"""What a quickstart found: each method against its control, and what it cost the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from speechtl.compare import Row, SetComparison, compare
from speechtl.quickstart.experiments import Stage, Stages


@dataclass(frozen=True)
class Finding:
    """One method on the test set of its group."""

    stage: Stage
    measured: Row
    """As `compare` has it, against the first of the group."""
    source_loss: float | None
    """Points of error more than its source has on the source's own tests, mean over them, as a share; None
    from scratch."""

    @property
    def p_value(self) -> float | None:
        """Of the difference to the control, after Holm's correction where there are several."""
        row = self.measured
        return row.p_value if row.corrected is None else row.corrected


@dataclass(frozen=True)
class Findings:
    """Methods on one test set, the control first."""

    tested: SetComparison
    rows: tuple[Finding, ...]


def findings(place: Path, of: Stages) -> tuple[Findings, Findings]:
    """Read the finished runs of a quickstart: those on the target, and those on the other accent."""
    target = _findings(place, (of.scratch, *of.methods), of)
    return target, _findings(place, (of.accent_control, *of.accent_methods), of)


def _findings(place: Path, group: Sequence[Stage], of: Stages) -> Findings:
    folders = [stage.folder(place) for stage in group]
    (test,) = group[0].experiment.tests
    compared = compare(folders, sets=[Path(test.corpus).name])
    (tested,) = compared.sets
    losses = [_source_loss(place, stage, of) for stage in group]
    rows = zip(group, tested.rows, losses, strict=True)
    return Findings(tested, tuple(Finding(stage, row, loss) for stage, row, loss in rows))


def _source_loss(place: Path, stage: Stage, of: Stages) -> float | None:
    """How much worse a run is than its source on the source's tests, which both have."""
    experiment = stage.experiment
    if experiment.source is None or not experiment.source_tests:
        return None
    names = [Path(spec.corpus).name for spec in experiment.source_tests]
    compared = compare([experiment.source, stage.folder(place)], sets=names)
    changed = [entry.rows[1].difference for entry in compared.sets if len(entry.rows) == 2]
    return mean(one.value for one in changed if one is not None)
