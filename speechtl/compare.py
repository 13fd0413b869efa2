"""compare(): runs side by side on the sets they share, with intervals and paired tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from speechtl.closed_errors import BALANCED, CLOSED
from speechtl.faults import listed
from speechtl.finished_runs import Scored, open_runs
from speechtl.report import METRICS
from speechtl.stats import (
    FEWEST_SPEAKERS,
    Interval,
    bootstrap_interval,
    hierarchical_paired_bootstrap,
    holm,
    paired_bootstrap,
    rate_over_seeds,
)

MAIN_METRICS = ("closed", "syllable", "cer")
"""The first of these that all runs have on a set is compared."""


@dataclass(frozen=True)
class Row:
    """One run on one set; differences are this run minus the first one."""

    run: str
    seeds: tuple[int, ...]
    error: float
    """Mean over the seeds."""
    over_utterances: Interval | None
    """None on a single utterance."""
    over_seeds: Interval | None = None
    """None with a single seed."""
    difference: Interval | None = None
    """Over the paired seeds, its interval over utterances, and over seeds where there are several."""
    relative: float | None = None
    """The difference as a share of the first run's error on the paired seeds."""
    seed_p_values: Mapping[int, float] = field(default_factory=dict)
    """Paired bootstrap over utterances, seed by seed."""
    p_value: float | None = None
    """Of the difference; over utterances and seeds where several are paired."""
    corrected: float | None = None
    """The same after Holm's correction for the other runs of the table; None with two runs."""


@dataclass(frozen=True)
class SetComparison:
    """All runs on one set."""

    name: str
    language: str
    metric: str
    utterances: int
    is_source: bool
    """The set is the source's own in every run but the source's."""
    resampled: str
    rows: tuple[Row, ...]
    decodings: tuple[str, ...]
    """More than one where the runs were decoded differently."""


@dataclass(frozen=True)
class Comparison:
    """What `compare` found."""

    sets: tuple[SetComparison, ...]
    notices: tuple[str, ...]
    """What was left out, and why."""


def compare(
    folders: Sequence[str | Path], *, metric: str | None = None, sets: Sequence[str] | None = None
) -> Comparison:
    """Compare runs with the first of them that was tested on the same set, set by set.

    Args:
        folders: runs/<name> with all its seeds, single seed folders, or folders of `evaluate --out`.
        metric: the error to compare; by default `closed` where all have it, else syllable, else character
            error.
        sets: the sets to compare; all by default.

    Raises:
        FileNotFoundError: a folder is not there, or holds no finished run.
        ValueError: a set differs between the runs in its utterances, references or orthography, or no set
            has the metric; names all such sets.
    """
    runs, notices = open_runs([Path(folder) for folder in folders])
    names = list(dict.fromkeys(name for run in runs for tested in run.seeds.values() for name in tested))
    if sets and (unknown := set(sets) - set(names)):
        raise ValueError(f"no run was tested on {', '.join(sorted(unknown))}; they have {', '.join(names)}")
    names = [name for name in names if not sets or name in sets]
    tested = {name: {run.name: seeds for run in runs if (seeds := run.on(name))} for name in names}
    if faults := [fault for name in names for fault in _differences(name, tested[name])]:
        lines = "\n  ".join(faults)
        raise ValueError(
            f"these sets cannot be compared:\n  {lines}\nEvaluate the models on the same corpus, or compare "
            "the other sets with --set NAME. --target.split-as and a run's folder hold "
            "out what that run carved out of its corpus."
        )
    compared = []
    for name in names:
        here = [one for run in tested[name].values() for one in run.values()]
        chosen = shared_metric(here, metric)
        if chosen is None:
            notices.append(f"{name}: {lacking(here, metric)}; left out")
        else:
            compared.append(_compare_set(name, tested[name], chosen))
    if len(runs) > 1 and not any(len(tested[entry.name]) > 1 for entry in compared):
        notices.append("no set was tested by two of these runs, so that none is compared with another")
    if not compared:
        raise ValueError("nothing to compare: " + "; ".join(notices))
    compared.sort(key=lambda entry: entry.is_source)
    return Comparison(tuple(compared), tuple(notices))


def _differences(name: str, tested: Mapping[str, Mapping[int, Scored]]) -> list[str]:
    """How a set differs between runs or seeds; one entry per run that differs from the first."""
    labelled = [(f"{run}, seed {seed}", one) for run, seeds in tested.items() for seed, one in seeds.items()]
    (first_label, first), *others = labelled
    faults = []
    for label, other in others:
        if other.set_report.language != first.set_report.language:
            fault = (
                f"is {first.set_report.language} in {first_label} and {other.set_report.language} in {label}"
            )
        elif unshared := sorted(first.hypotheses.keys() ^ other.hypotheses.keys()):
            fault = f"holds other utterances in {label} than in {first_label}: {listed(unshared)}"
        elif changed := _changed_references(first, other):
            fault = f"has other references in {label} than in {first_label}: {changed}"
        else:
            continue
        faults.append(f"{name} {fault}")
    return faults


def _changed_references(first: Scored, other: Scored) -> str:
    """The utterances whose references differ; empty where none does.

    Runs may have been scored against different alternatives of one reference: a hash of all of them decides.
    """
    hashes = first.set_report.references, other.set_report.references
    if all(hashes) and hashes[0] == hashes[1]:
        return ""
    texts = {id_: entry.ref for id_, entry in other.hypotheses.items()}
    changed = [id_ for id_, entry in first.hypotheses.items() if entry.ref != texts[id_]]
    return listed(changed) or ("alternatives that were not scored" if all(hashes) else "")


def shared_metric(scored: Iterable[Scored], wanted: str | None) -> str | None:
    """The metric to compare on a set: the wanted or the main one, if every seed has it."""
    seeds = [one.set_report.metrics for one in scored]
    return next((name for name in candidates(wanted) if all(name in metrics for metrics in seeds)), None)


def lacking(scored: Iterable[Scored], wanted: str | None) -> str:
    """That not all runs have the wanted metric, or any of the main ones, and what they have in common."""
    each = [one.set_report.metrics for one in scored]
    common = [name for name in METRICS if all(name in metrics for metrics in each)]
    return (
        f"not all runs have {wanted or ' or '.join(MAIN_METRICS)} there; "
        f"all have {', '.join(common) or 'nothing in common'}"
    )


def candidates(wanted: str | None) -> tuple[str, ...]:
    """The metrics that will do for the wanted one, the best first.

    The balanced error is not reported where all words are equally frequent, as it is the plain one there.
    """
    if wanted is None:
        return MAIN_METRICS
    return (BALANCED, CLOSED) if wanted == BALANCED else (wanted,)


def shared_resampling(tested: Sequence[Scored]) -> str:
    """What is resampled where several are compared, of one test set or of several that are pooled.

    Speakers, if any does so; older reports may not. And where none has enough of them, but all together have.
    """
    if any(one.set_report.resampled == "speakers" for one in tested):
        return "speakers"
    each = [{entry.speaker for entry in one.hypotheses.values()} for one in tested]
    pooled = set[str | None]().union(*each)
    were_few = all(len(speakers) < FEWEST_SPEAKERS for speakers in each)
    return "speakers" if were_few and None not in pooled and len(pooled) >= FEWEST_SPEAKERS else "utterances"


def _compare_set(name: str, tested: Mapping[str, Mapping[int, Scored]], metric: str) -> SetComparison:
    everyone = [one for seeds in tested.values() for one in seeds.values()]
    first = everyone[0]
    ids = sorted(first.hypotheses)
    speakers = [first.hypotheses[id_].speaker for id_ in ids]
    resampled = shared_resampling(everyone)
    blocks = speakers if resampled == "speakers" else None
    reference = next(iter(tested.values()))
    rows = [
        measure(run, seeds, None if seeds is reference else reference, ids, metric, blocks)
        for run, seeds in tested.items()
    ]
    return SetComparison(
        name=name,
        language=first.set_report.language,
        metric=metric,
        utterances=len(ids),
        is_source=any(one.is_source for one in everyone),
        resampled=resampled,
        rows=tuple(_corrected(rows)),
        decodings=tuple(sorted({one.set_report.decoding for one in everyone})),
    )


Columns = tuple[list[int], list[int]]


class Counted(Protocol):
    """What was counted, utterance by utterance, on a set."""

    def columns(self, ids: Sequence[str], metric: str) -> Columns:
        """Errors and totals of the utterances, in the order of `ids`."""
        ...


def measure(
    run: str,
    seeds: Mapping[int, Counted],
    reference: Mapping[int, Counted] | None,
    ids: Sequence[str],
    metric: str,
    blocks: Sequence[str | None] | None,
) -> Row:
    """One run on one set, its seeds compared with those of a reference.

    Args:
        run: Its name.
        seeds: What its seeds were counted on the set.
        reference: The same of another run; None for the reference itself.
        ids: The utterances of the set.
        metric: The error to measure.
        blocks: What is resampled as a whole, one entry per utterance; None: utterances.
    """
    columns = {seed: one.columns(ids, metric) for seed, one in seeds.items()}
    rates = [_rate(column) for column in columns.values()]
    errors, totals = (
        [sum(counts) for counts in zip(*side, strict=True)] for side in zip(*columns.values(), strict=True)
    )
    row = Row(
        run=run,
        seeds=tuple(seeds),
        error=sum(rates) / len(rates),
        over_utterances=bootstrap_interval(errors, totals, blocks=blocks) if len(ids) > 1 else None,
        over_seeds=rate_over_seeds(rates),
    )
    if reference is None or len(ids) < 2:
        return row
    others = {seed: one.columns(ids, metric) for seed, one in reference.items()}
    return _with_difference(row, _paired(others, columns), blocks)


def _rate(columns: Columns) -> float:
    return sum(columns[0]) / sum(columns[1])


def _paired(
    reference: Mapping[int, Columns], columns: Mapping[int, Columns]
) -> dict[int, tuple[list[int], list[int], list[int], list[int]]]:
    """By seed, what the tests take; two single seeds are a pair whatever their numbers."""
    if len(reference) == len(columns) == 1:
        ((seed, own),) = columns.items()
        return {seed: (*next(iter(reference.values())), *own)}
    return {seed: (*reference[seed], *columns[seed]) for seed in columns if seed in reference}


def _with_difference(
    row: Row,
    pairs: Mapping[int, tuple[list[int], list[int], list[int], list[int]]],
    blocks: Sequence[str | None] | None,
) -> Row:
    if not pairs:
        return row
    each = {seed: paired_bootstrap(*pair, blocks=blocks) for seed, pair in pairs.items()}
    overall = next(iter(each.values()))
    if len(pairs) > 1:
        overall = hierarchical_paired_bootstrap(list(pairs.values()), blocks=blocks)
    before = sum(_rate((pair[0], pair[1])) for pair in pairs.values()) / len(pairs)
    return replace(
        row,
        difference=overall.difference,
        relative=overall.difference.value / before if before else None,
        seed_p_values={seed: one.p_value for seed, one in each.items()},
        p_value=overall.p_value,
    )


def _corrected(rows: Sequence[Row]) -> list[Row]:
    """The rows with Holm's correction, where there is more than one comparison."""
    tested = [row.p_value for row in rows if row.p_value is not None]
    if len(tested) < 2:
        return list(rows)
    corrected = iter(holm(tested).tolist())
    return [row if row.p_value is None else replace(row, corrected=next(corrected)) for row in rows]
