"""Several processes that do the same at the same moment."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Event
from typing import Any


def together(count: int, work: Callable[..., object], *arguments: Any) -> list[int | None]:
    """Call a function in so many processes at once; their exit codes."""
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    processes = [context.Process(target=_wait, args=(start, work, *arguments)) for _ in range(count)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def _wait(start: Event, work: Callable[..., object], *arguments: Any) -> None:
    start.wait()
    work(*arguments)
