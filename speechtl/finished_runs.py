"""Finished runs as their folders tell them: report.json and hyp/ of each seed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from speechtl.report import LABEL_FREE, Hypothesis, Report, SetReport, load_hypotheses


@dataclass(frozen=True)
class Scored:
    """One seed of a run on one set."""

    set_report: SetReport
    path: Path
    """Its file in hyp/."""
    is_source: bool
    """The set belongs to the source's own tests."""

    @cached_property
    def hypotheses(self) -> dict[str, Hypothesis]:
        """By ids that are the same whatever else the run was tested on.

        The set's name is put before ids that several sets of a run have, and a prepared corpus's ids begin
        with the corpus's name, which may be the same.
        """
        name = self.path.name.removesuffix(".jsonl")
        given, own = f"{name}/", f"{name.removesuffix(LABEL_FREE)}/"
        return {entry.id.removeprefix(given).removeprefix(own): entry for entry in load_hypotheses(self.path)}

    def columns(self, ids: Sequence[str], metric: str) -> tuple[list[int], list[int]]:
        """Errors and totals of the utterances, in the order of `ids`."""
        return columns_of(self.hypotheses, ids, metric)


def columns_of(
    hypotheses: Mapping[str, Hypothesis], ids: Sequence[str], metric: str
) -> tuple[list[int], list[int]]:
    """Errors and totals of utterances, in the order of `ids`."""
    counts = [hypotheses[id_].counts[metric] for id_ in ids]
    return [count.errors for count in counts], [count.total for count in counts]


@dataclass(frozen=True)
class Run:
    """The finished seeds of a run."""

    name: str
    seeds: Mapping[int, Mapping[str, Scored]]
    """By seed, then by set."""

    def on(self, name: str) -> dict[int, Scored]:
        """The seeds that were tested on a set."""
        return {seed: sets[name] for seed, sets in self.seeds.items() if name in sets}


def open_runs(folders: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """The runs under distinct names, and notices of the seeds that are not finished.

    Raises:
        FileNotFoundError: a folder is not there, or holds no finished run.
        ValueError: a run is given twice, or its report is damaged.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise ValueError("the same run is given twice; name each run once")
    notices: list[str] = []
    runs = []
    for folder in folders:
        seeds = _seed_folders(folder)
        finished = {seed: path for seed, path in seeds.items() if (path / "report.json").is_file()}
        if not finished:
            raise FileNotFoundError(
                f"{folder} is not finished: there is no report.json in "
                f"{', '.join(str(path) for path in seeds.values())}; the same `speechtl run` resumes it"
            )
        notices += [
            f"{path} is not finished; left out" for seed, path in seeds.items() if seed not in finished
        ]
        runs.append(Run(_name(folder), {seed: scored(path) for seed, path in finished.items()}))
    if len({run.name for run in runs}) < len(runs):
        runs = [replace(run, name=str(folder)) for run, folder in zip(runs, folders, strict=True)]
    return runs, notices


def _seed_folders(folder: Path) -> dict[int, Path]:
    """The folders of a run's seeds by number; a folder with a report of its own is its only seed."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; expected runs/<name>, or one seed of it")
    if (folder / "report.json").is_file() or (folder / "experiment.json").is_file():
        number = re.fullmatch(r"seed-(\d+)", folder.resolve().name)
        return {int(number[1]) if number else 0: folder}
    seeds = seed_folders(folder)
    if not seeds:
        raise FileNotFoundError(
            f"{folder} is no run: it has neither report.json nor seed-<n> folders; expected runs/<name>, or "
            "one seed of it"
        )
    return seeds


def seed_folders(folder: Path) -> dict[int, Path]:
    """The folders of a run's seeds by number, in their order; what was set aside is none."""
    matches = [(re.fullmatch(r"seed-(\d+)", path.name), path) for path in folder.iterdir() if path.is_dir()]
    return dict(sorted((int(match[1]), path) for match, path in matches if match))


def _name(folder: Path) -> str:
    resolved = folder.resolve()
    is_seed = re.fullmatch(r"seed-\d+", resolved.name) is not None
    return f"{resolved.parent.name}/{resolved.name}" if is_seed else resolved.name


def scored(folder: Path) -> dict[str, Scored]:
    """All sets of a finished run, by name."""
    report = Report.load(folder / "report.json")
    return {
        name: Scored(entry, folder / "hyp" / f"{name}.jsonl", is_source=is_source)
        for sets, is_source in ((report.source_sets, True), (report.sets, False))
        for name, entry in sets.items()
    }
