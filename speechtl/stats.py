"""How surely: intervals of error rates, and whether one system beats another.

Error rates are ratios of sums, so they are resampled by utterance (Bisani and Ney 2004, "Bootstrap estimates
for confidence intervals in ASR performance evaluation"), or by whole speakers where errors go together
(Liu et al. 2020, "Statistical testing on ASR performance via blockwise bootstrap"). Intervals are those of
the percentiles; they claim too much below about twenty units, and have no width where nobody erred.
Differences are always b - a: negative where b makes fewer errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as distributions

Floats = NDArray[np.float64]

FEWEST_SPEAKERS = 5
"""With fewer speakers than this an interval over speakers says little, and utterances are resampled."""
EXACT_SIGN_FLIPS = 16
"""Most differences for which every one of the 2^n sign patterns is looked at."""
_DRAWN_AT_ONCE = 2**22  # counts in memory: 32 MB


@dataclass(frozen=True)
class Interval:
    """An estimate and how far it may be off."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """A difference of two systems' error rates, b - a."""

    difference: Interval
    p_value: float
    """Two-sided: how easily chance alone gives such a difference; never 0."""


def bootstrap_interval(
    errors: ArrayLike,
    totals: ArrayLike,
    *,
    blocks: Sequence[str | None] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of the pooled error rate sum(errors) / sum(totals).

    >>> bootstrap_interval([1, 0, 2, 0], [4, 4, 4, 4]).value
    0.1875

    Args:
        errors: Errors, (utterances,).
        totals: Units of the references, (utterances,); some may be 0.
        blocks: The speaker of each utterance, (utterances,): speakers are resampled with all they said. An
            unknown one, None or "", is a speaker of its own.
        resamples: Number of resampled test sets; those that hold no units are left out.
        level: Share of repeated experiments whose interval should hold the true rate.
        seed: Seed of the resampling; the same seed gives the same interval.

    Raises:
        ValueError: Lengths differ, totals are all 0, or fewer than two utterances or blocks.
    """
    _check_settings(resamples, level)
    rows = _blocked(_columns(errors, totals), blocks)
    sums = _resampled_sums(rows, resamples, np.random.default_rng(seed))
    value = rows[:, 0].sum() / rows[:, 1].sum()
    return _percentiles(float(value), _ratio(sums[:, 0], sums[:, 1]), level)


def paired_bootstrap(
    errors_a: ArrayLike,
    totals_a: ArrayLike,
    errors_b: ArrayLike,
    totals_b: ArrayLike,
    *,
    blocks: Sequence[str | None] | None = None,
    resamples: int = 10000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Difference of two systems' pooled error rates on the same utterances.

    Both systems are measured on the same resampled utterances, so what makes an utterance hard for both
    cancels. The totals differ only where the systems were scored against different printed alternatives.

    Args:
        errors_a: Errors of system a, (utterances,).
        totals_a: Units of the references that a was scored against, (utterances,).
        errors_b: Errors of system b on the same utterances in the same order.
        totals_b: As `totals_a`, for b.
        blocks: This, `level`, `seed` and what is raised: as in `bootstrap_interval`.
        resamples: Number of resampled test sets; the smallest p-value is 2 / (resamples + 1).
        level: See `blocks`.
        seed: See `blocks`.
    """
    _check_settings(resamples, level)
    rows = _blocked(_columns(errors_a, totals_a, errors_b, totals_b), blocks)
    sums = _resampled_sums(rows, resamples, np.random.default_rng(seed))
    value = _difference(rows.sum(axis=0))
    return _comparison(float(value), _difference(sums), level)


def hierarchical_paired_bootstrap(
    seeds: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]],
    *,
    blocks: Sequence[str | None] | None = None,
    resamples: int = 10000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Mean over training seeds of the difference of pooled rates, over other seeds *and* other utterances.

    All seeds are measured on the same test set, so each resampled test set serves all of them; what other
    seeds may add is drawn beside it (`other_seeds`). What belongs to neither is counted in both: rather too
    wide (Owen 2007, "The pigeonhole bootstrap").

    Args:
        seeds: For each seed `(errors_a, totals_a, errors_b, totals_b)`, each (utterances,), as in
            `paired_bootstrap`.
        blocks: This and the other options are as in `paired_bootstrap`.
        resamples: See `blocks`.
        level: See `blocks`.
        seed: See `blocks`.

    Raises:
        ValueError: Fewer than two seeds, seeds of different utterances, or as in `bootstrap_interval`.
    """
    _check_settings(resamples, level)
    if len(seeds) < 2:
        raise ValueError(f"{len(seeds)} seeds, expected at least 2; for one seed use paired_bootstrap")
    tables = [_columns(*columns) for columns in seeds]
    if len(sizes := {len(table) for table in tables}) > 1:
        raise ValueError(f"seeds of {sorted(sizes)} utterances: every seed must cover the same utterances")
    rows = _blocked(np.concatenate(tables, axis=1), blocks)
    count, generator = len(seeds), np.random.default_rng(seed)
    sums = _resampled_sums(rows, resamples, generator).reshape(resamples, count, 4)
    observed = _difference(rows.sum(axis=0).reshape(count, 4))
    drawn = _difference(sums).mean(axis=1) + other_seeds(observed[:, None], resamples, generator)[:, 0]
    return _comparison(float(observed.mean()), drawn, level)


def other_seeds(values: Floats, resamples: int, generator: np.random.Generator) -> Floats:
    """How far the mean over other training seeds may lie from that over these, drawn, (resamples, columns).

    Student's t with one degree of freedom less than there are seeds, scaled by their spread, columns going
    together as they do from seed to seed. Resampled seeds would never lie beyond the outermost of them: with
    three, their percentiles call one of seven differences significant where there is none.

    Args:
        values: One row for each seed, (seeds, columns); at least two.
        resamples: How many are drawn.
        generator: Draws them.
    """
    count = len(values)
    deviations = values - values.mean(axis=0)
    normal = generator.normal(size=(resamples, count)) @ deviations / np.sqrt(count * (count - 1))
    scale = np.sqrt(generator.chisquare(count - 1, size=(resamples, 1)) / (count - 1))
    return np.asarray(normal / scale)


def seeds_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Student's t interval for the mean over training seeds; ValueError for fewer than two."""
    _check_settings(1, level)
    numbers = _finite(values, "value", least=2)
    error = numbers.std(ddof=1) / np.sqrt(len(numbers))
    margin = float(distributions.t.ppf((1 + level) / 2, len(numbers) - 1) * error)
    mean = float(numbers.mean())
    return Interval(mean, mean - margin, mean + margin)


FEWEST_SEEDS = 3
"""Of two, Student's interval is thirteen times the distance between them, and tells nobody anything."""


def rate_over_seeds(rates: Sequence[float]) -> Interval | None:
    """`seeds_interval` of error rates, which are never below 0; None for fewer seeds than tell something."""
    if len(rates) < FEWEST_SEEDS:
        return None
    found = seeds_interval(rates)
    return Interval(found.value, max(0.0, found.low), found.high)


def sign_flip(differences: ArrayLike, *, resamples: int = 10000, seed: int = 0) -> float:
    """Two-sided p-value of paired differences, whose signs are arbitrary where the systems are equal.

    The share of sign patterns with a sum as far from 0 as the observed one (Fisher 1935, section 21): all
    2^n up to 16 differences, beyond that `resamples` random ones and the observed one.

    >>> sign_flip([-0.1, -0.2, -0.1, -0.3, -0.2])
    0.0625
    """
    _check_settings(resamples, 0.95)
    numbers = _finite(differences, "difference", least=1)
    observed = abs(numbers.sum()) - 1e-9 * np.abs(numbers).sum()
    if len(numbers) <= EXACT_SIGN_FLIPS:
        patterns = np.arange(2 ** len(numbers))[:, None] >> np.arange(len(numbers)) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ numbers) >= observed))
    generator = np.random.default_rng(seed)
    sums = np.zeros(resamples)
    for size, count in zip(*np.unique(np.abs(numbers), return_counts=True), strict=True):
        sums += size * (2 * generator.binomial(count, 0.5, size=resamples) - count)
    return float((1 + np.sum(np.abs(sums) >= observed)) / (resamples + 1))


def holm(p_values: ArrayLike) -> Floats:
    """P-values of several tests, adjusted so that any false alarm among all of them stays as rare.

    In the order given. Holm 1979, "A simple sequentially rejective multiple test procedure".

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    numbers = np.atleast_1d(np.asarray(p_values, dtype=np.float64))
    if numbers.ndim != 1 or not np.all((numbers >= 0) & (numbers <= 1)):
        raise ValueError(f"p-values must be one row of numbers from 0 to 1, found {numbers.tolist()}")
    order = np.argsort(numbers, kind="stable")
    stepped = numbers[order] * np.arange(len(numbers), 0, -1)
    adjusted = np.empty_like(numbers)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(stepped))
    return adjusted


def _check_settings(resamples: int, level: float) -> None:
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(f"resamples={resamples} must be at least 1, level={level} between 0 and 1 (0.95)")


def _finite(values: ArrayLike, name: str, least: int) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) < least:
        raise ValueError(f"found {name}s of shape {numbers.shape}, expected one row of at least {least}")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name}s must be finite, found {numbers.tolist()}")
    return numbers


def _columns(*columns: ArrayLike) -> Floats:
    """Errors and totals alternating, (utterances, columns), after checking them."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    if any(array.ndim != 1 or len(array) != len(arrays[0]) for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"errors and totals must be rows of one length (utterances,), found shapes {shapes}")
    table = np.stack(arrays, axis=1)
    if not np.isfinite(table).all() or (table < 0).any():
        raise ValueError("errors and totals must be finite and not negative")
    if (table[:, 1::2].sum(axis=0) == 0).any():
        raise ValueError("the totals sum to 0: there is nothing to measure an error rate on")
    return table


def _blocked(rows: Floats, blocks: Sequence[str | None] | None) -> Floats:
    """The rows of each block added up, (blocks, columns)."""
    if blocks is None:
        if len(rows) < 2:
            raise ValueError(f"{len(rows)} utterance says nothing about others; a bootstrap needs at least 2")
        return rows
    if len(blocks) != len(rows):
        raise ValueError(f"{len(blocks)} blocks for {len(rows)} utterances: give one block per utterance")
    numbers: dict[str | int, int] = {}
    which = [numbers.setdefault(block or i, len(numbers)) for i, block in enumerate(blocks)]
    if len(numbers) < 2:
        raise ValueError(f"all utterances are of one block, {blocks[0]!r}; resample utterances: blocks=None")
    summed = np.zeros((len(numbers), rows.shape[1]))
    np.add.at(summed, which, rows)
    return summed


def _resampled_sums(rows: Floats, resamples: int, generator: np.random.Generator) -> Floats:
    """Column sums of as many rows, drawn with replacement, (resamples, columns).

    Rows that look alike are interchangeable, so only how often each kind comes is drawn.
    """
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    shares = counts / counts.sum()
    step = max(1, _DRAWN_AT_ONCE // len(kinds))
    drawn = [
        generator.multinomial(len(rows), shares, size=min(step, resamples - start)) @ kinds
        for start in range(0, resamples, step)
    ]
    return np.concatenate(drawn)


def _ratio(errors: Floats, totals: Floats) -> Floats:
    return np.divide(errors, totals, out=np.full_like(errors, np.nan), where=totals > 0)


def _difference(sums: Floats) -> Floats:
    """b - a from sums of errors_a, totals_a, errors_b, totals_b, (..., 4)."""
    return _ratio(sums[..., 2], sums[..., 3]) - _ratio(sums[..., 0], sums[..., 1])


def _percentiles(value: float, drawn: Floats, level: float) -> Interval:
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _comparison(value: float, drawn: Floats, level: float) -> Comparison:
    """Interval and p-value from the same resamples, so that they tell the same story."""
    drawn = drawn[np.isfinite(drawn)]
    tail = 1 + min(np.sum(drawn <= 0), np.sum(drawn >= 0))
    p_value = min(1.0, 2 * tail / (len(drawn) + 1))
    return Comparison(_percentiles(value, drawn, level), float(p_value))
