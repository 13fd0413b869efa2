"""quickstart(): speech, trainings and report, one after the other; what is finished is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from speechtl.quickstart.experiments import Stage, Stages, runs_of, speech_folder, stages
from speechtl.quickstart.finding import Findings, findings
from speechtl.quickstart.folder import claim, own_cache
from speechtl.quickstart.report import next_commands, write_report
from speechtl.quickstart.settings import Quickstart
from speechtl.quickstart.speech import speech_of
from speechtl.quickstart.table import learned, table
from speechtl.run import run
from speechtl.study.pace import duration
from speechtl.synthesis import require_espeak, synthetic_corpora
from speechtl.tables import Table

UTTERANCES = 250
"""That are synthesised in a second on two idle cores, only to tell how much time is left."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What a quickstart leaves."""

    table: Table
    learned: str
    """One sentence."""
    report: Path
    """Its Markdown; the pictures are beside it."""
    stages: Stages
    findings: tuple[Findings, Findings]
    """On the target, and on the other accent."""
    next: tuple[str, ...]
    """Commands to type next."""


def quickstart(folder: str | Path, chosen: Quickstart) -> Outcome:
    """Synthesise speech, train a source, adapt it by several methods, and write what came out.

    The folder gets `speech/`, `runs/`, `report/` and `cache/`. The same call goes on where another one was
    stopped, or reads what is finished.

    Args:
        folder: Where it works; new, or of a quickstart with the same settings.
        chosen: Language, seed and size.

    Raises:
        ImportError: espeak-ng is not installed.
        ValueError: the folder is something else's.
        OSError: the disk is full or not writable.
        speechtl.train.Interrupted: the user asked to stop; the same call resumes.
    """
    require_espeak()
    place = Path(folder).absolute()
    claim(place, chosen)
    planned = stages(place, chosen)
    with own_cache(place):
        _work(place, chosen, planned)
        found = findings(place, planned)
        shown, sentence = table(chosen, found), learned(chosen, found)
        report = write_report(place, chosen, planned, found, shown, sentence)
    return Outcome(shown, sentence, report, planned, found, next_commands(place, chosen, planned))


@dataclass(frozen=True)
class _Part:
    """Something to do that takes a while."""

    title: str
    seconds: float
    """What it takes on two idle cores."""
    finished: Path
    """There when it is finished."""
    work: Callable[[], object]


@dataclass
class _Clock:
    """How much slower than two idle cores this machine is, by what it has done so far."""

    expected: float = 0.0
    took: float = 0.0

    def left(self, seconds: float) -> float:
        """What a work of so many seconds will take here."""
        return seconds * (self.took / self.expected if self.expected else 1.0)

    @contextmanager
    def timing(self, seconds: float) -> Iterator[None]:
        """Note how long a work of so many seconds takes."""
        began = time.monotonic()
        yield
        self.expected += seconds
        self.took += time.monotonic() - began


def _work(place: Path, chosen: Quickstart, planned: Stages) -> None:
    """Do all parts that are not finished."""
    parts = [_speaking(place, chosen), *(_training(place, stage) for stage in planned.all)]
    clock = _Clock()
    for number, part in enumerate(parts, 1):
        head = f"Synthetic speech, {number} of {len(parts)}: {part.title}"
        if part.finished.exists():
            logger.info("%s: finished already", head)
            continue
        waiting = sum(one.seconds for one in parts[number - 1 :] if not one.finished.exists())
        logger.info("%s; %s left in all", head, duration(clock.left(waiting)))
        with clock.timing(part.seconds):
            part.work()


def _speaking(place: Path, chosen: Quickstart) -> _Part:
    wanted, folder = speech_of(chosen).all, speech_folder(place)
    utterances = sum(sum(one.utterances.values()) for one in wanted)

    def speak() -> None:
        synthetic_corpora(folder, wanted, seed=chosen.seed, show_progress=True)

    return _Part(f"{utterances} utterances by espeak-ng", utterances / UTTERANCES, folder, speak)


def _training(place: Path, stage: Stage) -> _Part:
    return _Part(
        stage.title,
        stage.seconds,
        stage.folder(place) / "report.json",
        lambda: run(stage.experiment, runs_of(place)),
    )
