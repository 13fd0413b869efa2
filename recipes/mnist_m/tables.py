"""The benchmark's table: accuracies over the seeds, beside those that others have published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recipes.mnist_m.data import SOURCE, TARGET
from recipes.mnist_m.rows import ROWS
from speechtl.whole_files import read_json

PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "paper": {"source": 0.5225, "dann": 0.7666, "target": 0.9596},
    "wide": {"dann-own-norms": 0.938},
}
"""Accuracy on MNIST-M. `paper`: Ganin et al. 2016, table 2, on the set that its authors distribute. `wide`:
the popular port to PyTorch, whose domains go through its batch norms in turn, after 4 epochs."""
REPLICATED: Mapping[str, Mapping[str, float]] = {"paper": {"source": 0.540, "dann": 0.806, "target": 0.973}}
"""Another replication on images blended as here, over three seeds and 20 epochs."""


@dataclass(frozen=True)
class Line:
    """A row of the table, over the seeds of its finished cells."""

    row: str
    account: str
    seeds: tuple[int, ...]
    epochs: tuple[int, ...]
    """Of its cells; one number unless they differ."""
    target: tuple[float, ...]
    """Accuracy on the test images of MNIST-M, seed by seed."""
    source: tuple[float, ...]
    """The same on those of MNIST."""
    label_free: tuple[float, ...]
    """That on MNIST-M of the epoch that was chosen without labels, seed by seed; empty where none was."""
    probe: tuple[float, ...]
    """How often a fresh probe tells the domains apart by the features; chance is one half."""
    published: float | None
    replicated: float | None


def finished_lines(out: Path, network: str) -> list[Line]:
    """The rows with finished cells in the folder of a benchmark, in the table's order."""
    lines = []
    for row in ROWS:
        found = sorted((out / network / row).glob("seed-*/result.json"), key=_seed_of)
        if found:
            lines.append(line_of(row, network, [read_json(path) for path in found]))
    return lines


def _seed_of(result: Path) -> int:
    return int(result.parent.name.removeprefix("seed-"))


def line_of(row: str, network: str, results: Sequence[Mapping[str, Any]]) -> Line:
    """A row of the table from the results of its cells."""
    chosen = [one["label_free"]["accuracy"][TARGET] for one in results if one["label_free"] is not None]
    return Line(
        row=row,
        account=ROWS[row].account,
        seeds=tuple(one["seed"] for one in results),
        epochs=tuple(sorted({one["epochs"] for one in results})),
        target=tuple(one["accuracy"][TARGET] for one in results),
        source=tuple(one["accuracy"][SOURCE] for one in results),
        label_free=tuple(chosen) if len(chosen) == len(results) else (),
        probe=tuple(one["probe"]["domains"] for one in results),
        published=PUBLISHED[network].get(row),
        replicated=REPLICATED.get(network, {}).get(row),
    )


HEADINGS = (
    "row",
    "seeds",
    "epochs",
    "MNIST-M",
    "MNIST",
    "label-free epoch",
    "domain probe",
    "published",
    "replicated",
)


def rows_of_text(lines: Iterable[Line]) -> list[tuple[str, ...]]:
    """The table's entries as texts, in the order of `HEADINGS`."""
    return [
        (
            line.account,
            " ".join(map(str, line.seeds)),
            " ".join(map(str, line.epochs)),
            spread(line.target),
            spread(line.source),
            spread(line.label_free),
            spread(line.probe),
            _figure(line.published),
            _figure(line.replicated),
        )
        for line in lines
    ]


def markdown(lines: Iterable[Line]) -> str:
    """The table in Markdown."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *rows_of_text(lines)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def text(lines: Iterable[Line], network: str) -> str:
    """The table as plain text."""
    rows = [HEADINGS, *rows_of_text(lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([f"accuracy, mean (range over seeds), {network} network", *map(str.rstrip, shown)])


def document(lines: Iterable[Line], network: str) -> dict[str, Any]:
    """The table as JSON values."""
    return {"network": network, "rows": [asdict(line) for line in lines]}


def spread(values: Sequence[float]) -> str:
    """The mean of some accuracies and their range.

    >>> spread((0.5, 0.75)), spread((0.5,)), spread(())
    ('0.625 (0.500-0.750)', '0.500', '')
    """
    if not values:
        return ""
    mean = sum(values) / len(values)
    return f"{mean:.3f}" + (f" ({min(values):.3f}-{max(values):.3f})" if len(values) > 1 else "")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
