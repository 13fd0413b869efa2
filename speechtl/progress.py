"""What a training run shows while it runs: metrics.jsonl and a progress bar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from speechtl.terminal import console
from speechtl.whole_files import explained

if TYPE_CHECKING:
    from speechtl.development import DevScore
    from speechtl.label_free import Decisions
    from speechtl.models.acoustic import AcousticModel
    from speechtl.tracking import TensorBoard


class Log:
    """metrics.jsonl: one line per step, flushed every ten; a resumed run goes on where its checkpoint was."""

    FLUSH_EVERY = 10

    def __init__(self, path: Path, tracker: TensorBoard | None = None) -> None:
        self.path = path
        self.tracker = tracker
        self._pending: list[dict[str, Any]] = []

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        except OSError:
            if error is None:  # else it is the likely cause of that error, which says more
                raise
        finally:
            if self.tracker is not None:
                self.tracker.close()

    def step(self, step: int, losses: Mapping[str, Tensor], **values: float) -> None:
        """Note a step's losses, kept as tensors until the next flush, and its other values."""
        self._pending.append({"step": step, **losses, **values})
        if len(self._pending) >= self.FLUSH_EVERY:
            self.flush()

    def evaluation(
        self,
        step: int,
        seconds: float,
        shares: Mapping[str, float],
        score: DevScore | None,
        decisions: Decisions | None,
    ) -> None:
        """Note an evaluation on dev and unlabelled speech, and each language's share of what was drawn."""
        line: dict[str, Any] = {"step": step, "seconds": seconds, "shares": dict(shares)}
        if score is not None:
            line["dev"] = score.to_dict()
        if decisions is not None:
            line["label_free"] = decisions.to_dict()
        self._pending.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what is pending.

        Raises:
            OSError: the disk is full or not writable.
        """
        pending, self._pending = self._pending, []
        if not pending:
            return
        lines = [
            {k: _finite(v.item()) if isinstance(v, Tensor) else v for k, v in entry.items()}
            for entry in pending
        ]
        with explained("the log of the training", self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write("".join(json.dumps(line) + "\n" for line in lines))
        if self.tracker is not None:
            self.tracker.add(lines)

    def truncate(self, step: int) -> None:
        """Drop the lines after a step, and what was cut short."""
        if not self.path.exists():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            noted = _step_of(line)
            if noted is None or noted > step:
                break
            kept.append(line)
        beside = self.path.with_suffix(".new")
        with explained("the log of the training", self.path):
            beside.write_text("".join(kept), encoding="utf-8")
            beside.replace(self.path)
        if self.tracker is not None:
            self.tracker.begin(json.loads(line) for line in kept)


def _step_of(line: str) -> int | None:
    """The step of a whole line of metrics.jsonl, None for one that was cut short."""
    if not line.endswith("\n"):
        return None
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None


def _finite(value: float) -> float | None:
    """JSON has no NaN or infinity: such a value is null."""
    return round(value, 6) if abs(value) < float("inf") else None


def measures_of(model: AcousticModel) -> dict[str, Tensor]:
    """What the model's helpers measured on the last batch, such as the accuracy of a domain head."""
    found: dict[str, Tensor] = {}
    for helper in model.helpers.values():
        found |= getattr(helper, "measures", {})
    return found


class TrainingProgress:
    """A bar with the steps, the time left, audio-seconds per second and the best dev error.

    It goes to stderr, and only on a terminal: a log file has its lines, stdout its report.
    """

    def __init__(self, steps: int, name: str) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[speed]:.0f} audio-s/s  dev {task.fields[dev]}"),
            console=console(),
            disable=not console().is_terminal,
        )
        self._task = self._bar.add_task(name, total=steps, speed=0.0, dev="-")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, step: int) -> None:
        """Start the clock at a step, so that the time left counts only what this process does."""
        self._bar.reset(self._task, completed=step)

    def update(self, step: int, audio_seconds: float, seconds: float, best: Mapping[str, Any]) -> None:
        """Show the state after a step."""
        dev = f"{100 * best['error']:.1f} %" if best else "-"
        self._bar.update(self._task, completed=step, speed=audio_seconds / max(seconds, 1e-9), dev=dev)
