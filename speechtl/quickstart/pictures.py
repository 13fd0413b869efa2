"""A quickstart as pictures: an error bar for each method, and how the errors fell while training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechtl.curves import colours, dress
from speechtl.figures import save, titled
from speechtl.quickstart.experiments import Stage
from speechtl.quickstart.finding import Finding, Findings
from speechtl.report import error_of
from speechtl.study.plots import dev_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEADING = "Synthetic speech"


def draw_errors(found: Sequence[Findings], names: Sequence[str], picture: Path) -> None:
    """Errors with their 95 % intervals, a panel for each test set; the dotted line is the control.

    Args:
        found: A group for each panel.
        names: What each was tested on.
        picture: Where to draw; an earlier picture is replaced.

    Raises:
        OSError: the disk is full or not writable.
    """
    figure = titled(8, 1.4 + 0.5 * sum(len(group.rows) + 1 for group in found), f"{HEADING}: error, %")
    heights = [len(group.rows) + 1 for group in found]
    panels = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, group, name in zip(panels, found, names, strict=True):
        _bars(axes, group.rows)
        axes.set_title(
            f"{name}, {group.tested.utterances} utterances, {error_of(group.tested.metric)}", fontsize=9
        )
    save(figure, picture, "a picture of the quickstart")


def draw_learning(stages: Sequence[Stage], runs: Sequence[Path], picture: Path) -> None:
    """Dev error against steps, a line for each training that was evaluated on dev.

    Raises:
        OSError: the disk is full or not writable.
    """
    from matplotlib.ticker import MaxNLocator

    figure = titled(8, 4.6, f"{HEADING}: dev error while training, %")
    axes = figure.subplots()
    for stage, run, colour in zip(stages, runs, colours(len(stages)), strict=True):
        errors = dev_errors(run)
        shown = [100 * error for error in errors.values()]
        axes.plot(list(errors), shown, color=colour, marker="o", markersize=4, label=stage.title)
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    dress(axes, "dev error, %")
    axes.set_ylim(0, None)
    axes.legend(frameon=False, fontsize=9)
    save(figure, picture, "a picture of the quickstart")


def _bars(axes: Axes, rows: Sequence[Finding]) -> None:
    for place, (one, colour) in enumerate(zip(rows, colours(len(rows)), strict=True)):
        error, interval = 100 * one.measured.error, one.measured.over_utterances
        axes.barh([place], [error], color=colour, height=0.6)
        if interval is not None:
            ends = [[error - 100 * interval.low], [100 * interval.high - error]]
            axes.errorbar([error], [place], xerr=ends, color="0.2", capsize=4, linewidth=1.2)
    axes.axvline(100 * rows[0].measured.error, color="0.5", linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(rows)), [one.stage.title for one in rows])
    axes.invert_yaxis()
    dress(axes, "")
    axes.set_xlim(0, None)
