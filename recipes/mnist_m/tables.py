"""The benchmark's table: accuracies over the seeds, beside those that others have published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from recipes.mnist_m.data import SOURCE, TARGET
from recipes.mnist_m.rows import ROWS
from speechtl.report import headed
from speechtl.stats import rate_over_seeds
from speechtl.tables import Column, Table
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
    epochs: int
    """Of its cells."""
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
    labelled: int | None = None
    """Labelled images that it was trained on; None where its settings are gone."""
    failed: tuple[tuple[int, str], ...] = ()
    """The seeds whose training diverged or did not learn, and why."""


def finished_results(out: Path, network: str) -> dict[str, list[dict[str, Any]]]:
    """By row, in the table's order, what its finished cells in the folder of a benchmark ended with."""
    places = {row: sorted((out / network / row).glob("seed-*/result.json"), key=_seed_of) for row in ROWS}
    return {row: [_with_settings(path) for path in found] for row, found in places.items() if found}


def _with_settings(result: Path) -> dict[str, Any]:
    """What a cell ended with, its labelled images and the weight of its term."""
    place = result.with_name("settings.json")
    settings = read_json(place) if place.is_file() else {}
    found = {"labelled": settings.get("images"), "weight": settings.get("method", {}).get("weight")}
    return read_json(result) | found


def finished_lines(results: Mapping[str, Sequence[Mapping[str, Any]]], network: str) -> list[Line]:
    """The rows of the table."""
    return [line_of(row, network, found) for row, found in results.items()]


def _seed_of(result: Path) -> int:
    return int(result.parent.name.removeprefix("seed-"))


def line_of(row: str, network: str, results: Sequence[Mapping[str, Any]]) -> Line:
    """A row of the table from the results of its cells."""
    chosen = [one["label_free"]["accuracy"][TARGET] for one in results if one["label_free"] is not None]
    return Line(
        row=row,
        account=_account(row, results[0].get("weight")),
        seeds=tuple(one["seed"] for one in results),
        epochs=results[0]["epochs"],
        target=tuple(one["accuracy"][TARGET] for one in results),
        source=tuple(one["accuracy"][SOURCE] for one in results),
        label_free=tuple(chosen) if len(chosen) == len(results) else (),
        probe=tuple(one["probe"]["domains"] for one in results),
        published=PUBLISHED[network].get(row),
        replicated=REPLICATED.get(network, {}).get(row),
        labelled=results[0].get("labelled"),
        failed=tuple((one["seed"], one["diverged"]) for one in results if one.get("diverged")),
    )


def _account(row: str, weight: float | None) -> str:
    """What a row is, with the weight of its term where that is not the usual one."""
    usual = getattr(ROWS[row].method, "weight", None)
    return ROWS[row].account + ("" if weight in (None, usual) else f", weight {weight:g}")


HEADINGS = (
    "row",
    "seeds",
    "epochs",
    "images",
    "MNIST-M",
    "MNIST",
    "label-free epoch",
    "domain probe",
    "published",
    "replicated",
)


def table(lines: Iterable[Line], network: str) -> Table:
    """The accuracies of a network's rows."""
    found = Table(
        f"MNIST → MNIST-M, {network} network: accuracy",
        [Column(heading, is_number=heading not in HEADINGS[:4]) for heading in HEADINGS],
        notes=["mean and 95 % interval over seeds (t), where there are three or more"],
    )
    lines = list(lines)
    if len({(line.epochs, line.labelled) for line in lines}) > 1:
        found.notes.append("rows of other epochs or images are not to be compared")
    for line in lines:
        accuracies = (line.target, line.source, line.label_free, line.probe)
        seeds = " ".join(map(str, line.seeds))
        others = map(_figure, (line.published, line.replicated))
        images = "" if line.labelled is None else f"{line.labelled:,}"
        amounts = (seeds, f"{line.epochs}", images)
        found.rows.append((line.account, *amounts, *map(over_seeds, accuracies), *others))
        found.notes += [
            f"{line.account}: seed {seed}, which is counted: {headed(why)}" for seed, why in line.failed
        ]
    return found


def document(
    results: Mapping[str, Sequence[Mapping[str, Any]]], lines: Iterable[Line], network: str
) -> dict[str, Any]:
    """The table as JSON values, and every cell with its accuracies after each epoch."""
    return {
        "network": network,
        "rows": [asdict(line) for line in lines],
        "cells": [cell for found in results.values() for cell in found],
    }


def over_seeds(values: Sequence[float]) -> str:
    """The mean of some accuracies, and its interval.

    >>> over_seeds((0.5, 0.6, 0.7)), over_seeds((0.5, 0.7)), over_seeds(())
    ('0.600 (0.352 – 0.848)', '0.600', '')
    """
    if not values:
        return ""
    interval = rate_over_seeds(values)
    ends = "" if interval is None else f" ({interval.low:.3f} – {min(1.0, interval.high):.3f})"
    return f"{mean(values):.3f}{ends}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
