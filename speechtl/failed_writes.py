"""What a user is told when something cannot be written: what, where, why, and how to mend it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def explained(
    what: str, where: Path, kept: str = "What was there before is still whole", instead: str = ""
) -> Iterator[None]:
    """Say of a failed write inside what it was, where, and how to mend it.

    Args:
        what: Such as `the model`.
        where: The file or folder.
        kept: What is not lost.
        instead: Another way to mend it than to make room there, such as `name another folder by --out`.

    Raises:
        OSError: The disk is full or not writable.
    """
    try:
        yield
    except OSError as error:
        mend = ", or ".join(filter(None, ["Make space or the folder writable", instead]))
        raise OSError(
            f"{what} could not be written to {where}: {_reason(error, where)}. {kept}. {mend}, and type the "
            "same command again."
        ) from error


def _reason(error: OSError, where: Path) -> str:
    """Why, in the system's words; pyarrow's errors hold more around them."""
    if error.errno is None:
        return str(error)
    reason = os.strerror(error.errno)
    if error.errno != errno.ENOSPC:
        return reason
    here = next(folder for folder in (where.absolute(), *where.absolute().parents) if folder.exists())
    return f"{reason}, {shutil.disk_usage(here).free / 2**20:,.1f} MiB are free"
