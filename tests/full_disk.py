"""A disk that is full at a chosen moment, for tests."""

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, {bytes}))\n"


def fail(
    patch: pytest.MonkeyPatch, owner: Any, name: str, call: int = 1, only: Callable[..., bool] | None = None
) -> None:
    """Let the `call`th call of a function, and all later ones, find the disk full.

    Args:
        patch: Restores the function.
        owner: A class or module.
        name: Its function.
        call: Counted from 1.
        only: Whether a call, by its arguments, is one of those meant.
    """
    real = getattr(owner, name)
    calls = 0

    def full(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        if only is None or only(*arguments, **named):
            calls += 1
            if calls >= call:
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **named)

    patch.setattr(owner, name, full)


def run_limited(script: str, *arguments: Path, limit: int) -> str:
    """What a process that cannot write files over a size, in bytes, prints as it fails."""
    command = [sys.executable, "-c", LIMIT.format(bytes=limit) + script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stdout
