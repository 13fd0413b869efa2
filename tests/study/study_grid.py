"""Recipe files of toy studies, reports of cells that nobody trained, and the commands that read them."""

import importlib.util
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from speechtl.corpus_spec import CorpusSpec
from speechtl.evaluate import write_report
from speechtl.metrics import Counts
from speechtl.report import Hypothesis, Metric, Report, SetReport, TrainSummary
from speechtl.study import Study, Variant
from speechtl.study.cells import Cell
from speechtl.study.results import RowResult, SetResult, results
from speechtl.study.scores import Grid
from speechtl.whole_files import write_json

UNITS = 4
"""Of every reference."""
TOTALS = [UNITS] * 24


def write_recipe(folder: Path, name: str, *, steps: int = 8, more: str = "") -> str:
    """A recipe file on `en.jsonl` beside it; its path."""
    path = folder / f"{name}.py"
    path.write_text(
        "from dataclasses import replace\nfrom pathlib import Path\n"
        "from toy_speech import QUICK, toy_experiment\n"
        f"experiment = toy_experiment(Path({str(folder / 'en.jsonl')!r}), name={name!r}, "
        f"train=replace(QUICK, steps={steps}){more})\n"
    )
    return str(path)


def set_of(
    errors: Sequence[int], hash_: str = "same", id_: str = "u", speakers: Sequence[str | None] = ()
) -> tuple[SetReport, tuple[Hypothesis, ...]]:
    """A set whose utterances have so many errors each, said by speakers in turn."""
    voices = speakers or (None,)
    rows = tuple(
        Hypothesis(
            f"{id_}{i}",
            "en",
            voices[i % len(voices)],
            "aeio",
            "",
            {"cer": Counts(count, UNITS, sub=count)},
        )
        for i, count in enumerate(errors)
    )
    total = UNITS * len(errors)
    metric = Metric(sum(errors) / total, 0.0, 1.0, sum(errors), total, sum(errors), 0, 0)
    return SetReport("en", len(errors), {"cer": metric}, references=hash_), rows


def write_cell(
    cell: Cell, errors: Sequence[int], source_errors: Sequence[int] = (), seconds: float = 10.0
) -> None:
    """A finished run of a cell."""
    folder = cell.folder.path
    write_reports(folder, {"words": errors}, {"base": source_errors} if source_errors else {}, seconds)
    write_json(folder / "experiment.json", {"experiment": cell.experiment.to_dict()})


def write_reports(
    folder: Path,
    sets: Mapping[str, Sequence[int]],
    source_sets: Mapping[str, Sequence[int]] | None = None,
    seconds: float = 10.0,
    *,
    hash_: str = "same",
    id_: str = "u",
    speakers: Sequence[str | None] = (),
    dev: float = 0.5,
) -> None:
    """A report with these errors by utterance, with a hash of the references and the ids' beginning."""
    made = {name: set_of(errors, hash_, id_, speakers) for name, errors in sets.items()}
    sources = {name: set_of(errors, "source") for name, errors in (source_sets or {}).items()}
    report = Report(
        {name: entry for name, (entry, _) in made.items()},
        TrainSummary(8, 1.0, seconds, 1.0, None, {"step": 8, "error": dev, "errors": {"en": dev}}),
        {name: entry for name, (entry, _) in sources.items()},
        {name: rows for name, (_, rows) in (made | sources).items()},
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_report(report, folder)


def write_cells(cells: Sequence[Cell], errors: Callable[[Cell], Sequence[int]]) -> None:
    """Finished runs of all cells."""
    for cell in cells:
        write_cell(cell, errors(cell))


def benchmark(name: str) -> types.ModuleType:
    """A file of `benchmarks/` as a module."""
    path = Path(__file__).parents[2] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def drawn(rate: float, seed: int, count: int = 24) -> list[int]:
    """How many units of each utterance are wrong, if such a share is on average."""
    return np.random.default_rng(seed).binomial(UNITS, rate, count).tolist()


def only(study: Study, cells: Sequence[Cell]) -> SetResult:
    """The results of a study that has one set."""
    (found,) = results(Grid.of(study, cells))
    return found


def row_of(found: SetResult, recipe: str) -> RowResult:
    """A row by its recipe."""
    return next(row for row in found.rows if row.measured.run == recipe)


def variants(count: int, groups: Sequence[str] = ()) -> tuple[Variant, ...]:
    """Variants of one corpus, each of a group if there are such."""
    mine = CorpusSpec("en.jsonl")
    return tuple(Variant(f"v{i}", mine, group=groups[i] if groups else "") for i in range(count))


def three_recipes(folder: Path) -> list[str]:
    """A control from scratch, and two that start from a model and are compared with it."""
    (folder / "model").mkdir()
    source = f", source={str(folder / 'model')!r}"
    adapted = [write_recipe(folder, name, more=source) for name in ("good", "bad")]
    return [write_recipe(folder, "scratch"), *adapted]
