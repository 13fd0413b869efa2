"""The terminal: one console on stderr for log lines and progress bars, so that neither tears the other."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_log = logging.getLogger(__name__)


@cache
def console() -> Console:
    """The console on stderr; stdout is left to results."""
    from rich.console import Console

    return Console(stderr=True)


def printable(text: str) -> str:
    """The text without half characters, which cannot be printed; names of files that are not UTF-8 have some.

    >>> printable("caf\\udce9")
    'caf\\\\udce9'
    """
    return text.encode("utf-8", "backslashreplace").decode()


class LogLines(logging.Handler):
    """Writes log lines, above the progress bar while one is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, as wide as it is."""
        console().print(self.format(record), markup=False, emoji=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_bar(what: str, total: int, is_shown: bool = True) -> Iterator[Callable[[int], None]]:
    """A bar that is gone when all is done; in place of one, where there is no terminal, a single log line.

    Args:
        what: what is being done.
        total: how many items it is done to.
        is_shown: whether to show anything.

    Yields:
        What advances the bar by a number of items.
    """
    from rich.progress import Progress

    is_bar = is_shown and console().is_terminal
    if is_shown and not is_bar:
        _log.info("%s", what)
    with Progress(console=console(), transient=True, disable=not is_bar) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


def show(renderable: object, is_wrapped: bool = True) -> None:
    """Print a table or text on stdout, as wide as the terminal."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(renderable, soft_wrap=not is_wrapped)
