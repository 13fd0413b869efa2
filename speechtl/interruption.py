"""Ctrl-C and SIGTERM, turned into a request to stop at the next good moment."""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):  # noqa: N818 - no error: the user asked for it
    """Training was asked to stop, and saved a checkpoint."""


class StopRequest(AbstractContextManager["StopRequest"]):
    """Notes SIGINT and SIGTERM inside; a second one takes its usual effect at once."""

    def __init__(self) -> None:
        self.name: str | None = None
        """The signal that came, if one did."""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequest:
        try:
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._note)
        except ValueError:  # not in the main thread: signals are the caller's business
            self._before = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.name = signal.Signals(number).name
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
