"""Curves: the losses and dev errors of a run against its steps, as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from speechtl.figures import save, titled
from speechtl.json_lines import written_lines
from speechtl.log_lines import is_step, losses, measures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's, which colour-blind readers can tell apart."""


def draw_curves(metrics: Path, picture: Path, title: str, best: Mapping[str, Any]) -> None:
    """Draw a run's metrics.jsonl as a PNG: losses above, dev error of each language below.

    Between them what helpers measured, such as how often a domain head is right, where there is any.

    Args:
        metrics: The log of the training.
        picture: Where to draw; an earlier picture is replaced.
        title: The line above.
        best: Step of the weights that were kept, as the report has it; empty where there is none.

    Raises:
        OSError: the disk is full or not writable.
    """
    lines = [json.loads(line) for line in written_lines(metrics)]
    steps = [line for line in lines if is_step(line)]
    is_measured = any(measures(line) for line in steps)
    figure = titled(8, 9.2 if is_measured else 6.4, title)
    panels = figure.subplots(3 if is_measured else 2, 1, sharex=True)
    _draw_losses(panels[0], steps)
    if is_measured:
        _draw_measures(panels[1], steps)
    _draw_dev(panels[-1], [line for line in lines if "dev" in line], best)
    save(figure, picture, "the picture of the curves")


def smoothed(values: Sequence[float], decay: float) -> NDArray[np.float64]:
    """The running mean (steps,) of values, each counted less by `decay` with every step after it.

    Divided by its weights' sum, so that the start is not drawn towards zero.

    >>> smoothed([4.0, 1.0], 0.5).tolist()
    [4.0, 2.0]
    """
    total = weight = 0.0
    found = np.empty(len(values))
    for index, value in enumerate(values):
        if np.isfinite(value):
            total, weight = decay * total + value, decay * weight + 1
        found[index] = total / weight if weight else np.nan
    return found


def _draw_losses(axes: Axes, lines: Sequence[Mapping[str, Any]]) -> None:
    steps = np.array([line["step"] for line in lines])
    names = sorted({name for line in lines for name in losses(line)})
    decay = 1 - 1 / max(1, len(lines) / 60)
    tops, highest = [], 0.0
    for name, colour in zip(names, colours(len(names)), strict=True):
        values = np.array([np.nan if line.get(name) is None else line[name] for line in lines], dtype=float)
        mean = smoothed(values.tolist(), decay)
        axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.6)
        axes.plot(steps, mean, color=colour, linewidth=1.6, label=name)
        is_known = np.isfinite(values)
        tops.append(np.percentile(values[is_known], 98) if is_known.any() else 1.0)
        highest = max([highest, *values[is_known]])
    dress(axes, "loss per utterance")
    if tops:
        axes.set_ylim(min(0.0, *axes.get_ylim()[:1]) if min(tops) < 0 else 0.0, 1.05 * max(tops))
        axes.legend(frameon=False, loc="upper right")
        _tell_what_is_cut(axes, highest)


def _draw_measures(axes: Axes, lines: Sequence[Mapping[str, Any]]) -> None:
    """Accuracies as smoothed lines, and the chance of each dotted in its colour."""
    steps = [line["step"] for line in lines]
    names = sorted({name.rpartition("_")[0] for line in lines for name in measures(line)})
    decay = 1 - 1 / max(1, len(lines) / 60)
    for name, colour in zip(names, colours(len(names)), strict=True):
        for kind, style in (("accuracy", "-"), ("chance", ":")):
            found = [line.get(f"{name}_{kind}") for line in lines]
            values = [np.nan if value is None else 100 * value for value in found]
            if np.isfinite(values).any():
                axes.plot(
                    steps, smoothed(values, decay), color=colour, linestyle=style, label=f"{name} {kind}"
                )
    dress(axes, "right, %")
    axes.set_ylim(0, 102)
    _legend_above(axes)


def _draw_dev(axes: Axes, lines: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> None:
    from matplotlib.ticker import MaxNLocator

    steps = [line["step"] for line in lines]
    languages = sorted({tag for line in lines for tag in line["dev"]["errors"]})
    ends = {}
    for tag, colour in zip(languages, colours(len(languages)), strict=True):
        errors = [100 * line["dev"]["errors"].get(tag, np.nan) for line in lines]
        axes.plot(steps, errors, color=colour, linewidth=1.6, marker="o", markersize=3.5, label=tag)
        ends[tag] = errors[-1]
    if len(languages) > 1:
        means = [100 * line["dev"]["error"] for line in lines]
        axes.plot(steps, means, color="0.35", linewidth=1.2, linestyle="--", label="mean")
    dress(axes, "dev error, %")
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    if best:
        axes.axvline(best["step"], color="0.6", linewidth=0.8, linestyle=":", zorder=0)
        is_late = bool(steps) and best["step"] > 0.6 * steps[-1]
        axes.annotate(
            f"kept: step {best['step']}, {100 * best['error']:.1f} %",
            (best["step"], 0.97),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if is_late else 4, 0),
            textcoords="offset points",
            ha="right" if is_late else "left",
            va="top",
            fontsize=8,
            color="0.3",
        )
    if lines:
        shown = [value for line in lines[1:] or lines for value in line["dev"]["errors"].values()]
        axes.set_ylim(0, 100 * min(1.15 * max(shown), 1.5) or 1)
        _legend_above(axes)
        _tell_what_is_cut(
            axes, 100 * max(value for line in lines for value in line["dev"]["errors"].values())
        )


def _tell_what_is_cut(axes: Axes, highest: float) -> None:
    """Say how far the values go that lie above the panel, if any do."""
    if highest > axes.get_ylim()[1]:
        axes.set_title(f"▲ up to {highest:.3g}", loc="right", fontsize=8, color="0.3", pad=3)


def _legend_above(axes: Axes) -> None:
    axes.legend(
        frameon=False, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=5, fontsize=9
    )


def dress(axes: Axes, label: str) -> None:
    """Name the vertical axis and take away what only fills the picture."""
    axes.set_ylabel(label)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.01)


def colours(count: int) -> list[str]:
    """So many colours; from the eighth on they come again."""
    return [_COLOURS[index % len(_COLOURS)] for index in range(count)]
