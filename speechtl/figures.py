"""Figures: pictures without a screen, with a title at the left, saved whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speechtl.whole_files import explained, replaced

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def titled(width: float, height: float, title: str) -> Figure:
    """An empty figure of so many inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def save(figure: Figure, picture: Path, what: str) -> None:
    """Write a figure as a PNG in place of an earlier one.

    Args:
        figure: Any.
        picture: The file.
        what: What it is, for the message of a failure.

    Raises:
        OSError: the disk is full or not writable.
    """
    with explained(what, picture), replaced(picture) as beside:
        figure.savefig(beside, dpi=120, format="png")
