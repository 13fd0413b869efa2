"""The gap between the source alone and training on the target's labels, and what a method closes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speechtl.compare import lacking, shared_metric, shared_resampling
from speechtl.faults import listed
from speechtl.report import LABEL_FREE, Hypothesis
from speechtl.stats import FEWEST_SPEAKERS, Interval, other_seeds, seeds_interval
from speechtl.study.scores import Grid, Pooled
from speechtl.study.settings import Amount, Study
from speechtl.tables import Column, Table, interval_text

Floats = NDArray[np.float64]
ENOUGH = 20
"""From so many on, percentiles over resampled speakers are what they say."""
_NO_ENDS = "no ends"


@dataclass(frozen=True)
class Closed:
    """How much of the gap one row closes on one set."""

    row: str
    error: float
    """Mean over seeds."""
    over_speakers: Interval
    """Share of the gap that is closed: 1 is as good as the target's labels, 0 as the source alone, below 0
    worse than that. Its interval resamples speakers, or utterances where fewer than five are known."""
    over_both: Interval | None
    """The same over other seeds too; None with one seed."""
    resampled: int
    """How many speakers, or utterances, are resampled."""
    are_speakers: bool
    over_seeds: Interval | None
    """Student's t over the seeds' own shares; None with one seed."""
    diverged: tuple[str, ...] = ()
    """The cells whose training diverged; they are counted."""


def closed_share(
    source: Floats, method: Floats, bound: Floats, *, resamples: int = 5000, seed: int = 0
) -> tuple[Interval, Interval | None]:
    """(E_source - E_method) / (E_source - E_bound), errors being means over seeds of pooled rates.

    The three are measured on the same resampled speakers, so what makes a speaker hard for all of them
    cancels; what other seeds may add to them is drawn beside it, with Student's t. The ends are percentiles.
    A resample without a gap tells no share of it, and counts as infinitely far off on both sides.

    >>> source, method, bound = (np.array([[[e, 16.0], [e, 16.0]]]) for e in (6.0, 3.0, 2.0))
    >>> closed_share(source, method, bound)[0]
    Interval(value=0.75, low=0.75, high=0.75)

    Args:
        source: (seeds, speakers, 2) errors and totals of the source alone.
        method: The same of a method, seed by seed.
        bound: The same of training on the target's labels.
        resamples: Number of resampled test sets.
        seed: Of the resampling.

    Returns:
        The share with an interval over speakers, and one over speakers and seeds; None for one seed.

    Raises:
        ValueError: There is no gap: the target's labels do not help.
    """
    rows = np.stack([source, method, bound])
    _, seeds, speakers, _ = rows.shape
    random = np.random.default_rng(seed)
    rates = _rates(rows.sum(axis=2))
    before, after, best = rates.mean(axis=1)
    if not before > best:
        raise ValueError(
            f"there is no gap to close: the source alone has an error of {100 * before:.1f} %, and training "
            f"on the target's labels one of {100 * best:.1f} %"
        )
    value = float((before - after) / (before - best))
    people = random.multinomial(speakers, np.full(speakers, 1 / speakers), size=resamples)
    drawn = _rates(np.einsum("bp,rspc->brsc", people.astype(np.float64), rows))
    over_speakers = _interval(value, drawn.mean(axis=2))
    if seeds < 2:
        return over_speakers, None
    return over_speakers, _interval(value, drawn.mean(axis=2) + other_seeds(rates.T, resamples, random))


def _rates(sums: Floats) -> Floats:
    """Rates of (..., 2) errors and totals; NaN where nothing is counted."""
    with np.errstate(invalid="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def _interval(value: float, errors: Floats) -> Interval:
    """Percentiles of the share from resampled errors (resamples, 3)."""
    gap = errors[:, 0] - errors[:, 2]
    usable = gap > 0
    shares = np.where(usable, errors[:, 0] - errors[:, 1], 0) / np.where(usable, gap, 1)
    low, high = (np.where(usable, shares, far) for far in (-np.inf, np.inf))
    return Interval(
        value,
        float(np.quantile(low, 0.025, method="inverted_cdf")),
        float(np.quantile(high, 0.975, method="inverted_cdf")),
    )


def gap_of(grid: Grid, name: str, source: str, bound: str, amount: Amount | None = None) -> list[Closed]:
    """What each row of a study closes of the gap on a set, by the seeds that all three have.

    A row's weights that were chosen without labels are a set of their own; the two rows between which the gap
    lies may have only their last ones.

    Args:
        grid: The finished cells of the study.
        name: The test set.
        source: The row of the source alone.
        bound: The row that is trained on the target's labels.
        amount: How much of the target; the study's first one by default.

    Raises:
        ValueError: The set or one of the two rows is not there, or not finished; rows were tested on other
            utterances or references, and which; or there is no gap.
    """
    study = grid.study
    amount = amount or study.amounts[0]
    whole = name.removesuffix(LABEL_FREE)
    seeds = {
        row: grid.seeds(row, amount, name)
        or grid.seeds(row, amount, whole if row in (source, bound) else name)
        for row in study.rows
    }
    for row in (source, bound):
        if not seeds.get(row):
            raise ValueError(
                f"study {study.name}: no seed of {row!r} is finished on the set {name!r}; rows are "
                f"{', '.join(study.rows)}"
            )
    pooled = [one for found in seeds.values() for one in found.values()]
    _require_same_tests(study, name, source, seeds)
    scored = [one for each in pooled for one in each.by_variant.values()]
    metric = shared_metric(scored, study.metric)
    if metric is None:
        raise ValueError(f"study {study.name}, {name}: {lacking(scored, study.metric)}")
    found, are_speakers = [], shared_resampling(scored) == "speakers"
    for row in (row for row in study.rows if row not in (source, bound) and seeds[row]):
        common = sorted(seeds[row].keys() & seeds[source].keys() & seeds[bound].keys())
        if common:
            spoken = seeds[source][common[0]].hypotheses
            places = _places(spoken, are_speakers, grid.are_shared(whole) or grid.are_shared(name))
            three = [_sums(seeds[one], common, metric, places) for one in (source, row, bound)]
            try:
                closed = _closed(row, are_speakers, *three)
            except ValueError as error:
                told = f"seed {listed([str(seed) for seed in common])}"
                raise ValueError(f"study {study.name}: {row} on {name}, {told}: {error}") from error
            cells = [one for one in grid.of_row(row, amount) if one.cell.seed in common]
            diverged = tuple(str(one.cell) for one in cells if one.diverged and name == whole)
            found.append(replace(closed, diverged=diverged))
    return found


def _require_same_tests(
    study: Study, name: str, source: str, seeds: Mapping[str, Mapping[int, Pooled]]
) -> None:
    """Refuse seeds that were not tested as the first one of the source alone.

    Raises:
        ValueError: There are some; names them all.
    """
    number, first = next(iter(seeds[source].items()))
    others = [
        f"{row!r}, seed {seed}"
        for row, found in seeds.items()
        for seed, one in found.items()
        if not one.is_tested_as(first)
    ]
    if others:
        raise ValueError(
            f"study {study.name}: on {name}, these were tested on other utterances or references than "
            f"{source!r}, seed {number}: {listed(others)}. Move the folders of the older runs aside, and run "
            "the study again, so that all are tested on the same corpus"
        )


def _closed(row: str, are_speakers: bool, source: Floats, method: Floats, bound: Floats) -> Closed:
    over_speakers, over_both = closed_share(source, method, bound)
    before, after, best = (_rates(rows.sum(axis=1)) for rows in (source, method, bound))
    each = (before - after) / np.where(before > best, before - best, np.nan)
    over_seeds = seeds_interval(each) if len(each) > 1 and np.isfinite(each).all() else None
    return Closed(
        row, float(after.mean()), over_speakers, over_both, source.shape[1], are_speakers, over_seeds
    )


def _places(spoken: Mapping[str, Hypothesis], are_speakers: bool, are_shared: bool) -> dict[str, int]:
    """Each utterance's number among what is resampled; one without a speaker is one of its own.

    Args:
        spoken: by ids that begin with the variant.
        are_speakers: Whether speakers are resampled.
        are_shared: Whether variants are tested on the same utterances, each of which is one in all of them.
    """
    ids = sorted(spoken)
    own = {id_: id_.partition("/")[2] if are_shared else id_ for id_ in ids}
    names = [(are_speakers and spoken[id_].speaker) or f"\0{own[id_]}" for id_ in ids]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return {id_: numbers[name] for id_, name in zip(ids, names, strict=True)}


def _sums(
    seeds: Mapping[int, Pooled], chosen: Sequence[int], metric: str, places: Mapping[str, int]
) -> Floats:
    """Errors and totals (seeds, speakers, 2) of utterances that are added up at these places."""
    ids, numbers = list(places), list(places.values())
    sums = np.zeros((len(chosen), max(numbers) + 1, 2))
    for row, seed in zip(sums, chosen, strict=True):
        np.add.at(row, numbers, np.stack(seeds[seed].columns(ids, metric), axis=1).astype(np.float64))
    return sums


def _ends_text(interval: Interval | None) -> str:
    is_open = interval is not None and not np.isfinite([interval.low, interval.high]).all()
    return _NO_ENDS if is_open else interval_text(interval)


def gap_table(
    study: Study, name: str, found: Sequence[Closed], source: str, bound: str, amount: Amount | None = None
) -> Table:
    """The shares as a table."""
    are_speakers = all(row.are_speakers for row in found)
    what = "speakers" if are_speakers else "utterances"
    headings = ("recipe", "error", "gap closed", f"over {what}", f"over {what} and seeds", "over seeds")
    much = f", {amount}" if amount is not None and str(amount) else ""
    table = Table(
        f"{study.name}: of the gap between {source} and {bound} on {name}{much}",
        [Column(heading, is_number=heading != "recipe") for heading in headings],
    )
    for row in found:
        closed = f"{100 * row.over_speakers.value:.0f} %"
        intervals = (row.over_speakers, row.over_both, row.over_seeds)
        table.rows.append((row.row, f"{100 * row.error:.1f} %", closed, *map(_ends_text, intervals)))
    table.notes.append("95 % intervals of the share that is closed, in per cent; t over seeds")
    if any(_NO_ENDS in cells for cells in table.rows):
        table.notes.append(f"{_NO_ENDS}: among the 95 % are draws that leave no gap to close")
    if not are_speakers:
        table.notes.append(
            f"fewer than {FEWEST_SPEAKERS} speakers are known, or texts are held out: what other speakers "
            "would change is not told"
        )
    table.notes += [
        f"{row.row}: diverged or not learned, and counted here: {listed(row.diverged)}"
        for row in found
        if row.diverged
    ]
    few = min((row.resampled for row in found), default=ENOUGH)
    if few < ENOUGH:
        table.notes.append(f"{few} {what} are few: percentiles over them claim too much")
    return table
