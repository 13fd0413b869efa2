"""Tracking: the lines of metrics.jsonl as events that TensorBoard shows."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from speechtl.log_lines import RATES, losses, measures
from speechtl.whole_files import explained

Track = Literal["none", "tensorboard"]
FOLDER = "tensorboard"


class TensorBoard:
    """Writes events in `<run>/tensorboard`; a resumed run writes them anew, so no step is there twice."""

    def __init__(self, run: Path) -> None:
        self.folder = run / FOLDER
        self._writer: Any = None
        self._started = time.time()

    def begin(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Start with the lines that a resumed run keeps.

        Raises:
            OSError: the disk is full or not writable.
        """
        self.close()
        kept = list(entries)
        self._started = time.time() - (kept[-1]["seconds"] if kept else 0.0)
        with explained("the events for TensorBoard", self.folder):
            shutil.rmtree(self.folder, ignore_errors=True)
            self._writer = _summary_writer()(str(self.folder))
            self.add(kept)

    def add(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Write lines of metrics.jsonl."""
        if self._writer is None:
            self.begin([])
        for entry in entries:
            for tag, value in scalars(entry):
                self._writer.add_scalar(tag, value, entry["step"], walltime=self._started + entry["seconds"])
        self._writer.flush()

    def close(self) -> None:
        """Write what is pending and end."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def scalars(entry: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The tagged values of a line of metrics.jsonl; what was not finite has none.

    >>> dict(scalars({"step": 3, "ctc": 1.5, "lr": 0.1, "gradient_norm": None, "seconds": 2.0}))
    {'loss/ctc': 1.5, 'training/lr': 0.1}
    """
    rates = {name: entry[name] for name in RATES if name in entry}
    for part, values in (("loss", losses(entry)), ("measured", measures(entry)), ("training", rates)):
        yield from ((f"{part}/{name}", value) for name, value in values.items() if value is not None)
    for language, error in entry.get("dev", {}).get("errors", {}).items():
        yield f"dev error/{language}", error
    for name, value in entry.get("label_free", {}).items():
        if value is not None:
            yield f"label-free/{name}", value
    for language, share in entry.get("shares", {}).items():
        yield f"share/{language}", share


def tracker(track: Track, run: Path) -> TensorBoard | None:
    """What follows a run's training beside metrics.jsonl."""
    return TensorBoard(run) if track == "tensorboard" else None


def require(track: Track) -> None:
    """Refuse to track without the extra.

    Raises:
        ImportError: TensorBoard is not installed.
    """
    if track == "tensorboard":
        _summary_writer()


def _summary_writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            f"--track tensorboard needs TensorBoard ({error}): pip install 'speechtl[track]', or leave it out"
        ) from error
    return SummaryWriter
