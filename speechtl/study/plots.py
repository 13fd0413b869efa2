"""A study as pictures: error against data, target gain against source loss, error against steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speechtl.curves import colours, dress
from speechtl.figures import save, titled
from speechtl.fold_training import SCORES, fold_folder
from speechtl.report import error_of
from speechtl.study.cells import Cell
from speechtl.study.labels import labels, wrapped
from speechtl.study.results import RowResult, SetResult
from speechtl.study.settings import Study
from speechtl.whole_files import read_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PICTURES = ("error-*.png", "gain-and-loss-*.png")
MARKERS = "os^Dvp"
"""One fewer than there are colours, so that both together come again after forty-two rows only."""


def draw(study: Study, cells: Sequence[Cell], found: Sequence[SetResult], folder: Path) -> list[Path]:
    """Draw what there is to draw of a study, in place of the pictures of an earlier call.

    Returns:
        The PNGs.

    Raises:
        OSError: the disk is full or not writable.
    """
    for pattern in PICTURES:
        for earlier in folder.glob(pattern):
            earlier.unlink()
    drawn = []
    for one in found:
        drawn.append(_saved(_error_against_data(study, one), folder / f"error-{one.name}.png"))
        if any(row.source_loss is not None and row.gain is not None for row in one.rows):
            drawn.append(_saved(_gain_against_loss(study, one), folder / f"gain-and-loss-{one.name}.png"))
    steps = _error_against_steps(study, cells)
    if steps is not None:
        drawn.append(_saved(steps, folder / "error-against-steps.png"))
    return drawn


def _error_against_data(study: Study, found: SetResult) -> Figure:
    """A line per recipe over the amounts; with one amount, a point per recipe."""
    amounts = study.amounts
    if len(amounts) == 1:
        return _errors_of_one_amount(study, found)
    figure = titled(8, 5.2, f"{study.name}: {error_of(found.metric)} on {found.name}")
    axes, named = figure.subplots(), _labels(study)
    for place, (row, colour) in enumerate(_coloured(study)):
        mine = [one for one in found.rows if one.measured.run == row]
        beside = (place - (len(study.rows) - 1) / 2) * min(0.03, 0.12 / len(study.rows)) * (len(amounts) - 1)
        places = [amounts.index(one.amount) + beside for one in mine]
        _points(axes, places, mine, colour, named[row], MARKERS[place % len(MARKERS)])
    axes.set_xticks(range(len(amounts)), [str(amount) for amount in amounts])
    axes.set_xlim(-0.4, len(amounts) - 0.6)
    axes.set_xlabel("target speech that is trained on")
    dress(axes, f"{error_of(found.metric)}, %")
    axes.set_ylim(0, 150 * max(row.measured.error for row in found.rows) or 1)
    _legend_beside(figure, axes)
    return figure


def _points(
    axes: Axes, places: Sequence[float], rows: Sequence[RowResult], colour: str, label: str, marker: str
) -> None:
    """Errors with their wider interval: over seeds where there are several, else over utterances."""
    errors = [100 * row.measured.error for row in rows]
    ends = [row.measured.over_seeds or row.measured.over_utterances for row in rows]
    below = [max(0.0, e - 100 * i.low) if i else 0.0 for e, i in zip(errors, ends, strict=True)]
    above = [max(0.0, 100 * i.high - e) if i else 0.0 for e, i in zip(errors, ends, strict=True)]
    axes.errorbar(
        places,
        errors,
        yerr=[below, above],
        color=colour,
        label=label,
        marker=marker,
        markersize=5,
        linewidth=1.5,
        elinewidth=1,
        capsize=3,
    )


def _errors_of_one_amount(study: Study, found: SetResult) -> Figure:
    title = f"{study.name}: {error_of(found.metric)} on {found.name}"
    figure = titled(8, 1.2 + 0.42 * len(found.rows), title)
    axes = figure.subplots()
    for place, row in enumerate(found.rows):
        error = 100 * row.measured.error
        for interval, width, colour in (
            (row.measured.over_utterances, 6.0, "0.85"),
            (row.measured.over_seeds, 1.5, "0.4"),  # last, so that the wide one does not hide it
        ):
            if interval is not None:
                ends = [100 * interval.low, 100 * interval.high]
                axes.plot(ends, [place, place], color=colour, linewidth=width, solid_capstyle="butt")
        is_worse = row.gain is not None and row.gain.value < 0
        axes.plot([error], [place], "o", color="#d55e00" if is_worse else "#0072b2")
        if row.is_control:
            axes.axvline(error, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
    named = _labels(study)
    axes.set_yticks(range(len(found.rows)), [named[row.measured.run] for row in found.rows])
    axes.invert_yaxis()
    dress(axes, "")
    thin = ", thin: over seeds" if any(row.measured.over_seeds for row in found.rows) else ""
    meant = f"thick: over {found.resampled}{thin}; red: worse than the control"
    axes.set_xlabel(f"{error_of(found.metric)}, %\n{meant}", fontsize=9)
    intervals = [row.measured.over_utterances for row in found.rows]
    shown = [row.measured.error for row in found.rows] + [one.high for one in intervals if one is not None]
    axes.set_xlim(0, 105 * max(shown) or 1)
    return figure


def _gain_against_loss(study: Study, found: SetResult) -> Figure:
    figure = titled(7, 5.6, f"{study.name}: what {found.name} gains and the source loses")
    axes, named = figure.subplots(), _labels(study)
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.axvline(0, color="0.6", linewidth=0.8)
    for place, (name, colour) in enumerate(_coloured(study)):
        shown = [row for row in found.rows if row.measured.run == name]
        label: str | None = named[name]
        for row in shown:
            if row.gain is None or row.source_loss is None:
                continue
            gain, loss = row.gain, row.source_loss
            axes.errorbar(
                [100 * loss.value],
                [100 * gain.value],
                xerr=[[100 * (loss.value - loss.low)], [100 * (loss.high - loss.value)]],
                yerr=[[100 * (gain.value - gain.low)], [100 * (gain.high - gain.value)]],
                color=colour,
                marker=MARKERS[place % len(MARKERS)],
                elinewidth=0.8,
                label=label,
            )
            label = None
            if len(study.amounts) > 1:
                axes.annotate(
                    str(row.amount),
                    (100 * loss.value, 100 * gain.value),
                    xytext=(5, 5),
                    textcoords="offset points",
                    fontsize=7,
                )
    dress(axes, "points of error less than the control on the target")
    axes.set_xlabel("points of error more on the source's own tests")
    pairs = [(row.source_loss, row.gain) for row in found.rows if row.source_loss and row.gain]
    axes.set_xlim(*_around([100 * loss.value for loss, _ in pairs]))
    axes.set_ylim(*_around([100 * gain.value for _, gain in pairs]))
    _legend_beside(figure, axes)
    return figure


def _labels(study: Study) -> Mapping[str, str]:
    return {row: wrapped(label) for row, label in labels(study.rows).items()}


def _legend_beside(figure: Figure, axes: Axes) -> None:
    """The legend of these axes, right of all panels, for which the figure grows: many rows cover no curve."""
    handles, texts = axes.get_legend_handles_labels()
    longest = max(len(line) for text in texts for line in text.splitlines())
    figure.set_figwidth(figure.get_figwidth() + 0.6 + 0.07 * longest)
    figure.legend(handles, texts, loc="outside right upper", frameon=False, fontsize=8)


def _around(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis that shows all values and 0; intervals of few seeds may reach beyond."""
    low, high = min(0.0, *values), max(0.0, *values)
    margin = max(3.0, 0.4 * (high - low))
    return low - margin, high + margin


def _error_against_steps(study: Study, cells: Sequence[Cell]) -> Figure | None:
    """Dev error against steps, mean over seeds and variants; a panel per amount."""
    curves = {
        (row, amount): found
        for row in study.rows
        for amount in study.amounts
        if (found := shared_curves([cell for cell in cells if (cell.row, cell.amount) == (row, amount)]))
    }
    amounts = [amount for amount in study.amounts if any(key[1] == amount for key in curves)]
    if not amounts:
        return None
    figure = titled(1 + 4.6 * len(amounts), 4.4, f"{study.name}: dev error against steps")
    panels = figure.subplots(1, len(amounts), sharey=True, squeeze=False)[0]
    named = _labels(study)
    for axes, amount in zip(panels, amounts, strict=True):
        for place, (name, colour) in enumerate(_coloured(study)):
            if (name, amount) not in curves:
                continue
            shared = curves[name, amount]
            steps, each = list(shared), 100 * np.array(list(shared.values())).T
            axes.plot(
                steps,
                each.mean(axis=0),
                color=colour,
                label=named[name],
                marker=MARKERS[place % len(MARKERS)],
                markersize=4,
            )
            axes.fill_between(steps, each.min(axis=0), each.max(axis=0), color=colour, alpha=0.15, lw=0)
        axes.set_title(str(amount), fontsize=9)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("step")
        dress(axes, "dev error, %; band: all cells" if axes is panels[0] else "")
    panels[0].set_ylim(0, None)  # of all panels, once what is highest is drawn
    _legend_beside(figure, panels[0])
    return figure


def shared_curves(cells: Sequence[Cell]) -> dict[int, list[float]]:
    """By step, the dev error of each cell that is begun, where all of them have one.

    At steps that a cell passed over, and at all after its end, it has that of the weights that it keeps.
    """
    curves = [(cell, found) for cell in cells if (found := dev_errors(cell.folder.path))]
    steps = sorted({step for _, errors in curves for step in errors})
    each = [_carried(cell, errors, steps) for cell, errors in curves]
    return {step: [one[step] for one in each] for step in steps if all(step in one for one in each)}


def _carried(cell: Cell, errors: Mapping[int, float], steps: Sequence[int]) -> dict[int, float]:
    """A cell's dev error at its own steps, and at those of others that it had no evaluation at any more."""
    experiment, last, found = cell.experiment, max(errors), dict(errors)
    for step in steps:
        has_ended = step > last and cell.is_finished
        was_passed = step < last and step in experiment.train.evaluation_steps
        before = [error for earlier, error in errors.items() if earlier < step]
        if step not in errors and before and (has_ended or was_passed):
            found[step] = min(before) if experiment.method.chooses_on_dev else before[-1]
    return found


def dev_errors(run: Path) -> dict[int, float]:
    """Dev error by step of a run that is begun; with folds, the mean over those that are finished."""
    by_fold = [_fold_errors(path) for path in sorted(fold_folder(run, 0).parent.glob(f"*/{SCORES}"))]
    if by_fold:
        return {step: float(np.mean([one[step] for one in by_fold])) for step in by_fold[0]}
    log = run / "metrics.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True) if log.is_file() else []
    whole: list[Mapping[str, Any]] = [json.loads(line) for line in lines if line.endswith("\n")]
    return {line["step"]: line["dev"]["error"] for line in whole if "dev" in line}


def _fold_errors(scores: Path) -> dict[int, float]:
    return {one["step"]: one["error"] for one in read_json(scores)["evaluations"]}


def _coloured(study: Study) -> list[tuple[str, str]]:
    return list(zip(study.rows, colours(len(study.rows)), strict=True))


def _saved(figure: Figure, picture: Path) -> Path:
    save(figure, picture, "a picture of the study")
    return picture
