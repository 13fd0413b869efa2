"""Cells of the benchmark: one training of one row with one seed, in a folder of its own."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from recipes.mnist_m.data import CHANNELS, LANGUAGE, tokenizer
from recipes.mnist_m.material import Material
from recipes.mnist_m.network import ImageModel, Name
from recipes.mnist_m.rows import Row, row_of, train_settings
from recipes.mnist_m.scores import accuracy, errors_on_tests, probes
from speechtl.augment import AugmentSettings
from speechtl.counters import FitResult
from speechtl.json_lines import written_lines
from speechtl.label_free import LabelFree
from speechtl.method_json import method_to_json
from speechtl.models.acoustic import AcousticModel
from speechtl.train import fit
from speechtl.transfer.base import TransferData
from speechtl.whole_files import read_json, read_tensors, write_json, write_tensors


@dataclass(frozen=True)
class Cell:
    """What is trained."""

    network: Name
    row: str
    seed: int
    epochs: int
    weight: float | None
    """Of the method's term, in place of the row's own."""
    out: Path
    """The folder of all cells."""

    @property
    def folder(self) -> Path:
        """Its own folder."""
        return self.out / self.network / self.row / f"seed-{self.seed}"

    @property
    def what(self) -> Row:
        """Its row."""
        return row_of(self.row, self.network, self.weight)

    @property
    def is_finished(self) -> bool:
        """Whether its result is there."""
        return (self.folder / "result.json").is_file()

    def images(self, labelled: int) -> int:
        """Images that it is trained on, of so many labelled ones."""
        settings = train_settings(self.what, self.network, labelled, self.epochs)
        return settings.steps * self.what.batch

    def settings(self, labelled: int) -> dict[str, Any]:
        """All that its result follows from."""
        return {
            "network": self.network,
            "row": self.row,
            "seed": self.seed,
            "images": labelled,
            "method": method_to_json(self.what.method),
            "train": asdict(train_settings(self.what, self.network, labelled, self.epochs)),
        }


def run_cell(cell: Cell, material: Material) -> dict[str, Any]:
    """Train a cell, or go on with it; what is finished is only read.

    Writes `settings.json`, `metrics.jsonl`, whose `dev` lines hold the error of each test set after each
    epoch, `checkpoints/`, the model and `result.json`.

    Raises:
        ValueError: its folder holds a cell with other settings.
        FileNotFoundError: it adapts the model of a cell that is not finished.
        Interrupted: SIGINT or SIGTERM came; a checkpoint is saved.
    """
    _note_settings(cell, cell.settings(len(material.train[0])))
    if cell.is_finished:
        return read_json(cell.folder / "result.json")
    result = train_cell(cell, material)
    accuracies = {name: accuracy(result.model, tests) for name, tests in material.named_tests}
    values = {
        "network": cell.network,
        "row": cell.row,
        "seed": cell.seed,
        "epochs": cell.epochs,
        "accuracy": accuracies,
        "label_free": _label_free(result, accuracies, material),
        "probe": probes(result.model, material),
        "curve": _curve(cell.folder / "metrics.jsonl"),
        "steps": result.steps,
        "images": cell.images(len(material.train[0])),
        "seconds": round(result.wall_seconds, 1),
        "diverged": result.diverged,
    }
    write_tensors(cell.folder, "model", result.model.state_dict(), {"blocks": list(result.model.blocks())})
    write_json(cell.folder / "result.json", values)
    return values


def train_cell(cell: Cell, material: Material) -> FitResult:
    """The trained model of a cell."""
    row = cell.what
    data = TransferData(
        material.labelled[1 if row.hears_target else 0],
        {LANGUAGE: tokenizer()},
        unlabelled=material.unlabelled,
    )
    source = None
    if row.starts_from is None:
        model: AcousticModel = ImageModel(cell.network, material.mean, seed=cell.seed)
        model = row.method.begin(model, data, cell.seed)
    else:
        source = trained_model(replace(cell, row=row.starts_from))
        model = row.method.adapt(copy.deepcopy(source), data, cell.seed)
    return fit(
        model,
        row.method,
        data,
        train_settings(row, cell.network, len(material.train[0]), cell.epochs),
        cell.folder,
        evaluate_dev=lambda average: errors_on_tests(average, material),
        augment=AugmentSettings.off(),
        seed=cell.seed,
        source=source,
        label_free=LabelFree.of(material.unlabelled, [LANGUAGE], cell.seed),
    )


def trained_model(cell: Cell) -> ImageModel:
    """The model of a finished cell of a row that inserts nothing.

    Raises:
        FileNotFoundError: the cell is not finished.
    """
    tensors, _ = read_tensors(cell.folder, "model")
    model = ImageModel(cell.network, np.zeros(CHANNELS), seed=cell.seed)
    model.load_state_dict(tensors)
    return model.eval()


def _label_free(result: FitResult, accuracies: dict[str, float], material: Material) -> dict[str, Any] | None:
    """What the weights are worth whose decisions on unlabelled images had the most information."""
    other = result.label_free_model
    if other is None:
        return None
    if other is result.model:
        found = accuracies
    else:
        found = {name: accuracy(other, tests) for name, tests in material.named_tests}
    return {"step": result.label_free["step"], "accuracy": found}


def _curve(log: Path) -> list[dict[str, float]]:
    """The accuracy on each test set after each epoch, from a training's log."""
    if not log.is_file():
        return []
    lines = [json.loads(line) for line in written_lines(log)]
    evaluations = [line for line in lines if "dev" in line]
    return [
        {"step": line["step"]} | {name: round(1 - e, 6) for name, e in line["dev"]["errors"].items()}
        for line in evaluations
    ]


def _note_settings(cell: Cell, settings: dict[str, Any]) -> None:
    """Write a cell's settings, or check that those in its folder, and of other seeds, are the same."""
    path, settings = cell.folder / "settings.json", json.loads(json.dumps(settings))
    for place in (path, *sorted(cell.folder.parent.glob("seed-*/settings.json"))):
        found = read_json(place) if place.is_file() else settings
        own = ("seed",) if place != path else ()  # of another seed all else is the same
        differing = sorted(n for n in settings if n not in own and found.get(n) != settings[n])
        if differing:
            raise ValueError(
                f"{place.parent} holds a training with other settings ({', '.join(differing)}): choose "
                "another --out, or move it aside"
            )
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, settings)
