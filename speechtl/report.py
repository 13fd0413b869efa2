"""Report: the errors of a model on named test sets, with how sure they are; report.json and hyp/."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechtl.closed_errors import BALANCED, CLOSED
from speechtl.faults import counted, listed
from speechtl.json_lines import written_lines
from speechtl.metrics import Counts

if TYPE_CHECKING:
    from rich.table import Table

METRICS = ("wer", "cer", "syllable", "syllable_toneless", "tone", CLOSED, BALANCED)
"""All error rates that there are; a set has those that its language and the decoding give."""
SPOKEN = {
    "wer": "word error",
    "cer": "character error",
    "syllable_toneless": "syllable error without tone",
    CLOSED: "closed word error",
    BALANCED: "class-balanced closed error",
}
"""What they are called in headings; the others `syllable error`, `tone error`."""
KALDI_LABELS = {"wer": "WER", "cer": "CER", "syllable": "SYL", "closed": "CLOSED"}
"""Metrics with a line in Kaldi's style. Kaldi's own SER is the sentence error, so syllables are SYL."""
FEW = 10
"""With fewer utterances an error says little of others."""
LABEL_FREE = ".label-free"
"""How the names of sets end that were decoded with the weights that are chosen without labels."""


def error_of(metric: str) -> str:
    """What an error rate is called in a heading.

    >>> error_of("cer"), error_of("tone")
    ('character error', 'tone error')
    """
    return SPOKEN.get(metric, f"{metric} error")


UNLEARNED = "the model has not learned yet"
"""What is said of one that was never better."""


@dataclass(frozen=True)
class Metric:
    """One error rate over a test set, with its 95 % bootstrap interval, and what it counts."""

    value: float
    """Errors divided by total."""
    low: float | None
    """None on a single utterance, as is `high`: nothing can be resampled."""
    high: float | None
    errors: int
    total: int
    sub: int
    del_: int
    ins: int

    def to_dict(self) -> dict[str, Any]:
        """For report.json, where `del_` is `del`."""
        return {name.rstrip("_"): value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Metric:
        """The inverse of `to_dict`."""
        rates = {name: stored[name] for name in ("value", "low", "high")}
        return cls(**rates, **vars(Counts.from_dict(dict(stored))))


@dataclass(frozen=True)
class SetReport:
    """The errors on one test set in one language, and how they were measured."""

    language: str
    utterances: int
    metrics: dict[str, Metric]
    """By name, of `METRICS`; what a language, or the decoding, lacks is absent."""
    resampled: str = "utterances"
    """What the intervals resample: speakers where five or more are known, unless the corpus is split by text;
    else utterances."""
    decoding: str = "constrained"
    """The method that decoded; `closed` always chooses among the model's listed words."""
    shared_texts: int = 0
    """Utterances whose text was trained on, where that is allowed."""
    shared_speakers: int = 0
    """Utterances whose speaker was trained on, where that is allowed."""
    shared_dev: int = 0
    """Utterances that were dev of the model or its ancestors: they chose weights, so the error flatters."""
    references: str = ""
    """Hash of the ids and normalised references: errors on sets that have the same one can be compared."""
    text_rules: Mapping[str, str] = field(default_factory=dict)
    """What normalised and cut the texts: the speechtl version, and a hash of the tokenizer."""

    def to_dict(self) -> dict[str, Any]:
        """For report.json."""
        return {**vars(self), "metrics": {name: metric.to_dict() for name, metric in self.metrics.items()}}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> SetReport:
        """The inverse of `to_dict`."""
        metrics = {name: Metric.from_dict(metric) for name, metric in stored["metrics"].items()}
        known = {name: stored[name] for name in cls.__dataclass_fields__ if name in stored}
        return cls(**(known | {"metrics": metrics}))


@dataclass(frozen=True)
class TrainSummary:
    """What the training took."""

    steps: int
    """That were taken."""
    audio_seconds: float
    """Speech that was trained on, repetitions counted."""
    wall_seconds: float
    audio_seconds_per_second: float
    source_wall_seconds: float | None
    """The source's own training; None from scratch, or where it is not known."""
    best: Mapping[str, Any]
    """Step and dev errors of the weights that were kept."""
    dev: str = ""
    """Which speech they were chosen on."""
    label_free: Mapping[str, Any] = field(default_factory=dict)
    """Step and decisions of the weights that are chosen on unlabelled speech; empty if none are."""
    is_transductive: bool = False
    """Whether the tests may hold the unlabelled speech itself."""
    diverged: str = ""
    """Why the training has diverged; empty if it has not, or nobody watched."""
    left_out: int = 0
    """Steps that were passed over since patience with the dev error had ended; the step in `best` counts
    those before it."""


@dataclass(frozen=True)
class Hypothesis:
    """One utterance of a test set as it was recognised."""

    id: str
    language: str
    speaker: str | None
    ref: str
    """Normalised; of several alternatives the one that was scored."""
    hyp: str
    """Normalised."""
    counts: dict[str, Counts]
    """By metric."""
    closed: str | None = None
    """The best of the model's listed words, where it was asked for."""

    def to_dict(self) -> dict[str, Any]:
        """One line of hyp/<set>.jsonl."""
        counts = {metric: count.to_dict() for metric, count in self.counts.items()}
        values = {**vars(self), "counts": counts}
        return {name: value for name, value in values.items() if name != "closed" or value is not None}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Hypothesis:
        """The inverse of `to_dict`."""
        counts = {name: Counts.from_dict(count) for name, count in stored["counts"].items()}
        return cls(**{**stored, "counts": counts})


@dataclass(frozen=True)
class Report:
    """What a run or an evaluation found."""

    sets: dict[str, SetReport]
    train: TrainSummary | None = None
    source_sets: dict[str, SetReport] = field(default_factory=dict)
    """On the source's own test sets: what the transfer cost there."""
    hypotheses: dict[str, tuple[Hypothesis, ...]] = field(default_factory=dict)
    """By set, in the corpus's order; these go to hyp/, not to report.json."""

    def renamed(self, ending: str) -> Report:
        """The same sets with an ending to their names."""
        return replace(
            self,
            sets={name + ending: entry for name, entry in self.sets.items()},
            hypotheses={name + ending: entries for name, entries in self.hypotheses.items()},
        )

    def joined(self, other: Report) -> Report:
        """With the sets of another one."""
        return replace(
            self, sets={**self.sets, **other.sets}, hypotheses={**self.hypotheses, **other.hypotheses}
        )

    def to_dict(self) -> dict[str, Any]:
        """What report.json holds."""
        return {
            "sets": {name: entry.to_dict() for name, entry in self.sets.items()},
            "train": None if self.train is None else asdict(self.train),
            "source_sets": {name: entry.to_dict() for name, entry in self.source_sets.items()},
        }

    def save(self, path: Path) -> None:
        """Write report.json beside, then rename it into place."""
        from speechtl.whole_files import write_json

        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read a report.json; its hypotheses stay in hyp/.

        Raises:
            FileNotFoundError: there is none.
            ValueError: the file is damaged, or no report.
        """
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing; expected a finished run, or the folder of `speechtl evaluate --out`"
            )
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                sets={name: SetReport.from_dict(entry) for name, entry in stored["sets"].items()},
                train=TrainSummary(**stored["train"]) if stored.get("train") else None,
                source_sets={
                    name: SetReport.from_dict(entry) for name, entry in stored.get("source_sets", {}).items()
                },
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is not a report of speechtl, or only a part of one ({error!r}). Evaluate the model "
                "again with `speechtl evaluate MODEL CORPUS --out DIR`."
            ) from error


def save_hypotheses(path: Path, hypotheses: Iterable[Hypothesis]) -> None:
    """Write one line of JSON per utterance."""
    from speechtl.whole_files import write_bytes

    lines = (json.dumps(entry.to_dict(), ensure_ascii=False) + "\n" for entry in hypotheses)
    write_bytes(path, "".join(lines).encode())


def load_hypotheses(path: Path) -> list[Hypothesis]:
    """Read what `save_hypotheses` wrote.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a line is damaged; names it.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; report.json beside hyp/ names this set, so a part of the folder was lost. "
            "Evaluate the model again with `speechtl evaluate MODEL CORPUS --out DIR`."
        )
    found = []
    for number, line in enumerate(written_lines(path), start=1):
        try:
            found.append(Hypothesis.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}, line {number}: no recognised utterance ({error!r})") from error
    return found


def kaldi_lines(report: Report) -> list[str]:
    """`%WER 42.61 [ 4210 / 9880, 350 ins, 1024 del, 2836 sub ] <set>`, a line per set and metric."""
    return [
        f"%{label} {100 * metric.value:.2f} [ {metric.errors} / {metric.total}, {metric.ins} ins, "
        f"{metric.del_} del, {metric.sub} sub ] {name}"
        for name, entry in {**report.sets, **report.source_sets}.items()
        for key, label in KALDI_LABELS.items()
        if (metric := entry.metrics.get(key)) is not None
    ]


def render(report: Report) -> Table:
    """A table of every error with its interval: the sets, and below them the source's own."""
    from rich.table import Table

    table = Table(caption="\n".join(_notes(report)), caption_justify="left")
    for heading in ("set", "language", "utterances", "metric", "error", "95 % interval", "errors / total"):
        table.add_column(heading, justify="left" if heading in ("set", "language", "metric") else "right")
    for sets, prefix in ((report.sets, ""), (report.source_sets, "source: ")):
        for name, entry in sets.items():
            head = (prefix + name, entry.language, str(entry.utterances))
            for key, metric in entry.metrics.items():
                table.add_row(*head, key, *_cells(key, metric))
                head = ("", "", "")
            table.add_section()
    return table


def _notes(report: Report) -> list[str]:
    """How the errors were measured, and what training and test share."""
    sets = {**report.sets, **report.source_sets}
    resampled = _by_value({name: entry.resampled for name, entry in sets.items()})
    decoding = _by_value({name: f"{entry.decoding} decoding" for name, entry in sets.items()})
    notes = [f"{decoding}; 95 % bootstrap intervals over {resampled}"]
    if report.train is not None and report.train.dev:
        notes.append(report.train.dev)
    notes += _unlabelled_notes(report)
    for name, entry in sets.items():
        if note := shared_note(name, entry.shared_texts, entry.shared_speakers):
            notes.append(note)
        if entry.utterances < FEW:
            notes.append(
                f"{name}: an error of {counted(entry.utterances, 'utterance')} says little of others"
            )
        if entry.shared_dev:
            those = counted(entry.shared_dev, "utterance")
            notes.append(f"{name}: {those} chose the model's weights, as dev; expect more errors on others")
    return notes


def _by_value(values: Mapping[str, str]) -> str:
    """The value that all sets have, or each with the names of its sets."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    if len(names) < 2:
        return "".join(names)
    return ", ".join(f"{value} ({listed(of)})" for value, of in sorted(names.items()))


def headed(reason: str) -> str:
    """Why a training is not to be relied on, under its kind.

    >>> headed("the dev error is 90.0 %, and has been 2.0 %: the model forgets the labelled speech")[:9]
    'DIVERGED:'
    """
    return f"{'NOT LEARNED' if reason.startswith(UNLEARNED) else 'DIVERGED'}: {reason}"


def shared_note(name: str, texts: int, speakers: int) -> str:
    """How many utterances of a set have a text or a speaker of the training; empty where none has."""
    shared = {"texts": texts, "speakers": speakers}
    found = [f"{what} of {count}" for what, count in shared.items() if count]
    plural = "s" if max(shared.values()) > 1 else ""
    return f"{name}: the training knows the {' and the '.join(found)} utterance{plural}" if found else ""


def _unlabelled_notes(report: Report) -> list[str]:
    """What speech without labels had to do with the errors."""
    train = report.train
    if train is None:
        return []
    notes = []
    if train.label_free:
        step, kept = train.label_free["step"], train.best.get("step", train.steps)
        notes.append(f"{LABEL_FREE}: weights of step {step}, chosen without labels; kept are those of {kept}")
    if train.is_transductive:
        notes.append("TRANSDUCTIVE: tests may hold the unlabelled speech itself")
    if train.diverged:
        notes.append(headed(train.diverged))
    return notes


def _cells(name: str, metric: Metric) -> tuple[str, str, str]:
    interval = "-"
    if metric.low is not None and metric.high is not None:
        interval = f"{100 * metric.low:.1f} – {100 * metric.high:.1f}"
    errors = "mean of words" if name == BALANCED else f"{metric.errors} / {metric.total}"
    return f"{100 * metric.value:.1f} %", interval, errors
