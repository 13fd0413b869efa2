"""Results: the rows of a study with intervals, each against the control on the same cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from speechtl.compare import Row, lacking, measure, shared_metric, shared_resampling
from speechtl.faults import counted, listed
from speechtl.finished_runs import Scored
from speechtl.report import LABEL_FREE
from speechtl.stats import FEWEST_SEEDS, Interval, holm, seeds_interval, sign_flip
from speechtl.study.negative import differences
from speechtl.study.scores import Finished, Grid, Pooled, source_score
from speechtl.study.settings import Amount, Study

SIGNIFICANT = 0.05
FEWEST_VARIANTS = 6
"""With fewer variants their signs cannot tell a difference at 0.05, and utterances are resampled."""


@dataclass(frozen=True)
class RowResult:
    """A recipe at an amount, on one set."""

    measured: Row
    """Its error and intervals, and its difference to the control's."""
    amount: Amount
    is_control: bool
    p_value: float | None
    """Of the difference; a sign-flip test over variants where there are enough, else as `compare` has it: few
    have too few signs for any p-value to be low."""
    corrected: float | None
    """The same after Holm's correction for all comparisons of the table."""
    gain: Interval | None
    """Points of error less than the control, mean over the paired seeds, and its interval over them; equal
    ends with one seed."""
    source_error: float | None
    source_loss: Interval | None
    """Points of error more on the source's own sets than the source has, each seed the mean of its variants,
    and the interval over seeds. As `source_error` of the kept weights: None on sets of others."""
    negative: tuple[int, int]
    """Cells that are worse than their own control, and cells that were compared."""
    dev_error: float | None = None
    """Dev error of the kept weights, mean over the cells of the same seeds: what settings are chosen by. None
    on sets of weights that are chosen without labels."""
    is_decoded_as_source: bool = True
    """Whether the source's own sets were decoded as they were for the source."""

    @property
    def is_negative(self) -> bool:
        """Whether the mean over the paired cells is worse than the control's, which had no transfer."""
        return self.negative[1] > 0 and self.gain is not None and self.gain.value < 0

    @property
    def is_significant(self) -> bool:
        """Whether the difference is more than chance would make, after the correction."""
        return self.corrected is not None and self.corrected < SIGNIFICANT


@dataclass(frozen=True)
class SetResult:
    """A study on one of its test sets."""

    name: str
    language: str
    metric: str
    utterances: int
    resampled: str
    """What the intervals beside those over seeds resample."""
    tested: str
    """What the p-values are of, and what they cannot tell."""
    rows: tuple[RowResult, ...]
    notices: tuple[str, ...]
    """What could not be compared, and why."""


def results(grid: Grid) -> tuple[SetResult, ...]:
    """The finished cells of a study, set by set."""
    found = [_of_set(grid, name, here) for name, here in grid.by_set.items()]
    return tuple(one for one in found if one is not None)


def unmeasured(grid: Grid) -> list[str]:
    """A sentence for each set that has no table: its cells have no error in common that was asked for, or no
    row and seed has all variants."""
    told = []
    for name, here in grid.by_set.items():
        if shared_metric(here, grid.study.metric) is None:
            told.append(f"no table of {name}: {lacking(here, grid.study.metric)}")
        elif not any(
            grid.seeds(row, amount, name) for row in grid.study.rows for amount in grid.study.amounts
        ):
            tested = {one.cell.variant for one in grid.finished.values() if name in one.sets}
            told.append(
                f"no table of {name}: no seed of a recipe was tested on it with all variants, only with "
                f"{listed(sorted(tested))}"
            )
    return told


def _of_set(grid: Grid, name: str, here: Sequence[Scored]) -> SetResult | None:
    study = grid.study
    metric = shared_metric(here, study.metric)
    if metric is None:
        return None
    blocks_of = _Blocks.of(study, shared_resampling(here), grid.are_shared(name))
    rows, notices, utterances = [], _of_cells(grid, name, here), 0
    for amount in study.amounts:
        reference, _ = _tested_alike(grid.seeds(study.reference, amount, name))
        for row in study.rows:
            seeds, others = _tested_alike(grid.seeds(row, amount, name), reference)
            if lacking_some := grid.incomplete(row, amount, name):
                missing = sorted({variant for variants in lacking_some.values() for variant in variants})
                notices.append(
                    f"{_place(row, amount)}: seed {listed(list(map(str, lacking_some)))} left out, not "
                    f"tested with {listed(missing)} or not finished there"
                )
            if not seeds:
                continue
            if others:
                notices.append(
                    f"{_place(row, amount)}: seed {listed(sorted(map(str, others)))} had other utterances or "
                    "references than the other seeds; left out"
                )
            utterances = len(next(iter(seeds.values())).hypotheses)
            against = None if row == study.reference else reference
            if against and not _is_comparable(seeds, against):
                notices.append(f"{_place(row, amount)}: other utterances or references than the control's")
                against = None
            result = _row(study, row, amount, seeds, against, metric, blocks_of)
            result = replace(result, negative=_negative(grid, result, name, metric))
            # What was measured on dev and on the source's own sets are the kept weights.
            rows.append(result if name.endswith(LABEL_FREE) else _with_costs(grid, result))
    if not rows:
        return None
    return SetResult(
        name,
        here[0].set_report.language,
        metric,
        utterances,
        blocks_of.resampled,
        blocks_of.tested(rows),
        tuple(_corrected(rows)),
        tuple(notices),
    )


@dataclass(frozen=True)
class _Blocks:
    """What belongs together when utterances are resampled."""

    groups: Mapping[str, str]
    """By variant, what it belongs to."""
    resampled: str
    are_shared: bool
    """Whether variants are tested on the same utterances, each of which is then one and not several."""

    @classmethod
    def of(cls, study: Study, resampled: str, are_shared: bool) -> _Blocks:
        groups = study.groups
        are_many = len(set(groups.values())) >= FEWEST_VARIANTS
        return cls(groups, "variants" if are_many else resampled, are_shared)

    def __call__(self, pooled: Pooled, ids: Sequence[str]) -> list[str | None] | None:
        if self.resampled == "variants":
            return [self.groups[id_.partition("/")[0]] for id_ in ids]
        if self.resampled == "speakers":
            return [pooled.hypotheses[id_].speaker for id_ in ids]
        return [id_.partition("/")[2] for id_ in ids] if self.are_shared else None

    def tested(self, rows: Sequence[RowResult]) -> str:
        count = len(set(self.groups.values()))
        what = "variants" if count == len(self.groups) else "groups of variants"
        if self.resampled == "variants":
            told = f"sign-flip test over the {count} {what}, each the mean of its seeds"
            comparisons = sum(row.p_value is not None for row in rows)
            least = min(1.0, comparisons * 2 / 2**count)
            if least <= SIGNIFICANT:
                return told
            return (
                f"{told}; with {counted(comparisons, 'comparison')} of so few it cannot be below "
                f"{least:.3f}; compare fewer rows or amounts, or more variants"
            )
        has_seeds = any(len(row.measured.seed_p_values) > 1 for row in rows)
        told = f"paired bootstrap over {self.resampled}{' and seeds' if has_seeds else ''}"
        if count < 2:
            return told
        return f"{told}, of these {count} {what} alone: it does not tell about others"


def _place(row: str, amount: Amount) -> str:
    return " ".join(filter(None, (row, str(amount))))


def _of_cells(grid: Grid, name: str, here: Sequence[Scored]) -> list[str]:
    """What the cells that were tested on a set have of themselves to be known, in sentences."""
    told = []
    diverged = [str(one.cell) for one in grid.finished.values() if name in one.sets and one.diverged]
    if diverged and not name.endswith(LABEL_FREE):
        cells, verb = counted(len(diverged), "cell"), "is" if len(diverged) == 1 else "are"
        told.append(f"{cells} diverged or did not learn, and {verb} counted: {listed(diverged)}")
    decodings = sorted({one.set_report.decoding for one in here})
    if len(decodings) > 1:
        told.append(f"cells were decoded differently: {', '.join(decodings)}")
    return told


def _tested_alike(
    seeds: Mapping[int, Pooled], reference: Mapping[int, Pooled] | None = None
) -> tuple[dict[int, Pooled], list[int]]:
    """The seeds of a row that were tested on the same, and the numbers of the others.

    Args:
        seeds: Of the row.
        reference: Of the control; what it was tested on counts, if the row was on that at all. Else what most
            seeds were tested on.
    """
    standard = next(iter((reference or {}).values()), None)
    if standard is None or not any(one.is_tested_as(standard) for one in seeds.values()):
        agreeing = {
            seed: sum(one.is_tested_as(other) for other in seeds.values()) for seed, one in seeds.items()
        }
        standard = seeds[max(agreeing, key=lambda seed: agreeing[seed])] if seeds else None
    kept = {seed: one for seed, one in seeds.items() if standard is not None and one.is_tested_as(standard)}
    return kept, [seed for seed in seeds if seed not in kept]


def _is_comparable(seeds: Mapping[int, Pooled], reference: Mapping[int, Pooled]) -> bool:
    return next(iter(seeds.values())).is_tested_as(next(iter(reference.values())))


def _row(
    study: Study,
    row: str,
    amount: Amount,
    seeds: Mapping[int, Pooled],
    reference: Mapping[int, Pooled] | None,
    metric: str,
    blocks_of: _Blocks,
) -> RowResult:
    pooled = next(iter(seeds.values()))
    ids = sorted(pooled.hypotheses)
    # By number, so that single seeds are a pair only where they are the same one.
    paired = {seed: one for seed, one in (reference or {}).items() if seed in seeds}
    measured = measure(row, seeds, paired or None, ids, metric, blocks_of(pooled, ids))
    gains = [_rate(paired[seed], ids, metric) - _rate(seeds[seed], ids, metric) for seed in paired]
    p_value = measured.p_value
    if p_value is not None and blocks_of.resampled == "variants":
        differences: dict[str, list[float]] = {}
        for variant, group in study.groups.items():
            differences.setdefault(group, []).extend(
                seeds[seed].rate(variant, metric) - paired[seed].rate(variant, metric) for seed in paired
            )
        p_value = sign_flip([mean(values) for values in differences.values()])
    return RowResult(
        measured, amount, row == study.reference, p_value, None, _over_seeds(gains), None, None, (0, 0)
    )


def _rate(pooled: Pooled, ids: Sequence[str], metric: str) -> float:
    errors, totals = pooled.columns(ids, metric)
    return sum(errors) / sum(totals)


def _over_seeds(values: Sequence[float]) -> Interval | None:
    """The mean, with an interval where there are seeds enough for one."""
    if len(values) >= FEWEST_SEEDS:
        return seeds_interval(values)
    return Interval(mean(values), mean(values), mean(values)) if values else None


def _negative(grid: Grid, result: RowResult, name: str, metric: str) -> tuple[int, int]:
    """How many of a row's cells are worse than their control on a set, and on how many both were tested."""
    row = _measured(grid, result)
    pairs = [(one, control) for one in row if (control := grid.control(one)) is not None]
    each = [differences(one.report, control.report, metric) for one, control in pairs]
    points = [found[name] for found in each if name in found]
    return sum(value > 0 for value in points), len(points)


def _measured(grid: Grid, result: RowResult) -> list[Finished]:
    """The cells of a row that its error is of: those of a seed that lacks a variant are not."""
    row = grid.of_row(result.measured.run, result.amount)
    return [one for one in row if one.cell.seed in result.measured.seeds]


def _with_costs(grid: Grid, result: RowResult) -> RowResult:
    """With the dev error of a row's cells, and with what they cost the source."""
    row = _measured(grid, result)
    scores = [
        (one.cell.seed, score) for one in row if (score := source_score(one, grid.study.metric)) is not None
    ]
    losses: dict[int, list[float]] = {}
    is_alike = all(score.is_decoded_alike for _, score in scores)
    for seed, score in scores:
        if score.loss is not None:
            losses.setdefault(seed, []).append(score.loss)
    best = [one.report.train.best for one in row if one.report.train is not None]
    chosen = [float(one["error"]) for one in best if "error" in one]
    return replace(
        result,
        dev_error=mean(chosen) if len(chosen) == len(row) else None,
        source_error=mean(score.error for _, score in scores) if scores else None,
        source_loss=_over_seeds([mean(values) for values in losses.values()]),
        is_decoded_as_source=is_alike,
    )


def _corrected(rows: Sequence[RowResult]) -> list[RowResult]:
    """The rows with Holm's correction over all comparisons of the table."""
    tested = [row.p_value for row in rows if row.p_value is not None]
    corrected = iter(holm(tested).tolist() if tested else [])
    return [row if row.p_value is None else replace(row, corrected=next(corrected)) for row in rows]
