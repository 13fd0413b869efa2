"""What a training run shows while it runs: metrics.jsonl and a progress bar."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

if TYPE_CHECKING:
    from speechtl.development import DevScore


class Log:
    """metrics.jsonl: one line per step, flushed every ten; a resumed run goes on where its checkpoint was."""

    FLUSH_EVERY = 10

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: list[dict[str, Any]] = []

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def step(self, step: int, losses: Mapping[str, Tensor], **values: float) -> None:
        """Note a step's losses, kept as tensors until the next flush, and its other values."""
        self._pending.append({"step": step, **losses, **values})
        if len(self._pending) >= self.FLUSH_EVERY:
            self.flush()

    def dev(self, step: int, score: DevScore, seconds: float) -> None:
        """Note a dev evaluation."""
        self._pending.append({"step": step, "seconds": seconds, "dev": score.to_dict()})
        self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        if not self._pending:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            for entry in self._pending:
                plain = {k: _finite(v.item()) if isinstance(v, Tensor) else v for k, v in entry.items()}
                file.write(json.dumps(plain) + "\n")
        self._pending.clear()

    def truncate(self, step: int) -> None:
        """Drop the lines after a step, and a last line that was cut short."""
        if not self.path.exists():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8").splitlines(keepends=True):
            if not line.endswith("\n") or json.loads(line)["step"] > step:
                break
            kept.append(line)
        beside = self.path.with_suffix(".new")
        beside.write_text("".join(kept), encoding="utf-8")
        os.replace(beside, self.path)


def _finite(value: float) -> float | None:
    """JSON has no NaN or infinity: such a value is null."""
    return round(value, 6) if abs(value) < float("inf") else None


class TrainingProgress:
    """A bar with the steps, the time left, audio-seconds per second and the best dev error."""

    def __init__(self, steps: int, name: str) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[speed]:.0f} audio-s/s  dev {task.fields[dev]}"),
        )
        self._task = self._bar.add_task(name, total=steps, speed=0.0, dev="-")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, step: int, audio_seconds: float, seconds: float, best: Mapping[str, Any]) -> None:
        """Show the state after a step."""
        dev = f"{100 * best['error']:.1f} %" if best else "-"
        self._bar.update(self._task, completed=step, speed=audio_seconds / max(seconds, 1e-9), dev=dev)
