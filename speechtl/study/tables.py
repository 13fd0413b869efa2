"""A study's tables: its cells before it runs, its errors after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from speechtl.faults import listed
from speechtl.report import LABEL_FREE, error_of
from speechtl.stats import Interval
from speechtl.study.cells import OF_OTHERS
from speechtl.study.labels import shared_notes, table_labels
from speechtl.study.results import RowResult, SetResult
from speechtl.study.settings import Study
from speechtl.tables import TWO_SEEDS, Column, Table, interval_text, p_text

HEADINGS = (
    "recipe",
    "seeds",
    "dev",
    "error",
    "over seeds",
    "relative",
    "p (Holm)",
    "source loss",
    "negative transfer",
)


def result_table(study: Study, found: SetResult, dev: Sequence[str]) -> Table:
    """The errors of a study on one set, with what its notes must say."""
    has_amounts = len(study.amounts) > 1 or study.amounts[0].unit is not None
    over = f"over {found.resampled}"
    headings = ["recipe", *(["amount"] if has_amounts else []), *HEADINGS[1:5], over, *HEADINGS[5:]]
    if not _has_source(found):
        headings.remove("source loss")
    if not any(row.measured.over_seeds for row in found.rows):
        headings.remove("over seeds")
    texts = ("recipe", "amount", "negative transfer")
    tested = f"{found.name}, {found.language}, {found.utterances} utterances"
    title = f"{study.name}: {error_of(found.metric)} on {tested}"
    table = Table(title, [Column(heading, is_number=heading not in texts) for heading in headings])
    named, meant = table_labels(study.rows)
    for row in found.rows:
        cells = _cells(row, named[row.measured.run]) | {
            "amount": str(row.amount),
            over: interval_text(row.measured.over_utterances),
        }
        table.rows.append([cells[heading] for heading in headings])
    table.notes += meant + _notes(study, found, dev, named)
    return table


def _cells(row: RowResult, name: str) -> dict[str, str]:
    seeds = row.measured.seeds
    worse, compared = row.negative
    counted = f"{worse} of {compared} cells" if compared else ""
    source = "" if row.source_error is None else f"error {100 * row.source_error:.1f}"
    return {
        "recipe": f"{name} (control)" if row.is_control else name,
        "seeds": f"{len(seeds)}",
        "dev": "" if row.dev_error is None else f"{100 * row.dev_error:.1f}",
        "error": f"{100 * row.measured.error:.1f} %",
        "over seeds": interval_text(row.measured.over_seeds),
        "relative": "" if row.measured.relative is None else f"{100 * row.measured.relative:+.1f} %",
        "p (Holm)": p_text(row.corrected),
        "source loss": _points(row.source_loss) or source,
        "negative transfer": f"{'YES' if row.is_significant else 'not significant'}, {counted}"
        if row.is_negative
        else counted,
    }


def _points(interval: Interval | None) -> str:
    return "" if interval is None else f"{100 * interval.value:+.1f}"


def _notes(study: Study, found: SetResult, dev: Sequence[str], named: Mapping[str, str]) -> list[str]:
    bounded = "s over seeds (t) and" if any(row.measured.over_seeds for row in found.rows) else ""
    chosen_by = "" if any(OF_OTHERS in line for line in dev) else ": what settings may be chosen by"
    notes = [
        *shared_notes(study.rows),
        f"error: mean over seeds; 95 % interval{bounded} over {found.resampled} (bootstrap)",
        "dev, source loss: not told, since they are of the weights that are kept, and these were chosen "
        "without labels"
        if found.name.endswith(LABEL_FREE)
        else f"dev: error of the kept weights on dev, mean over cells{chosen_by}",
    ]
    if any(row.measured.relative is not None for row in found.rows):
        notes += [
            f"relative: against {named[study.reference]} with the same amount, seeds and "
            f"{'variants' if study.variants else 'utterances'}",
            f"p: {found.tested}; Holm's correction over the table",
        ]
    if _has_source(found):
        notes.append("source loss: points of error more on the source's own tests than the source has")
        others = [_called(row, named) for row in found.rows if not row.is_decoded_as_source]
        if others:
            notes.append(
                f"source loss: {listed(others)} decoded these tests otherwise than the source had, which is "
                "part of the loss"
            )
    notes += [
        f"negative transfer: {_called(row, named)} is worse than its control by {-100 * row.gain.value:.1f} "
        f"points, in {row.negative[0]} of {row.negative[1]} cells"
        f"{'' if row.is_significant else '; not significant'}"
        for row in found.rows
        if row.gain is not None and row.is_negative
    ]
    if not any(row.negative[1] for row in found.rows) and any(row.gain for row in found.rows):
        notes.append("negative transfer: not told, as the control is neither from scratch nor unadapted")
    if any(len(row.measured.seeds) == 1 for row in found.rows):
        notes.append("one seed says nothing about others")
    if any(len(row.measured.seeds) == 2 for row in found.rows):
        notes.append(TWO_SEEDS)
    return [*notes, *found.notices, *dev]


def _has_source(found: SetResult) -> bool:
    return any(row.source_error is not None for row in found.rows)


def _called(row: RowResult, named: Mapping[str, str]) -> str:
    return " at ".join(filter(None, (named[row.measured.run], str(row.amount))))
