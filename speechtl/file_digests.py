"""Digests of files, remembered by path, size and time of change so that big corpora are read once."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from pathlib import Path

from speechtl.shards import digest_of

_AT_ONCE = 500
"""Files that are looked up together."""
_IN_A_THREAD = 20
"""Files that a thread reads before it hands their digests over."""
_log = logging.getLogger(__name__)


def file_digests(paths: Sequence[str], memo: Path, workers: int) -> list[bytes | None]:
    """The digest of each file's bytes; None for a file that is not there or cannot be read.

    Args:
        paths: Files, absolute.
        memo: A SQLite file, shared by processes; made when missing, anew when damaged, and passed over
            when it cannot be used (locked for a minute, read-only).
        workers: Threads that read.
    """
    try:
        return list(_digests(paths, memo, workers))
    except sqlite3.OperationalError as error:
        _log.warning("%s cannot be used (%s): all files are read", memo, error)
        with ThreadPoolExecutor(workers) as pool:
            return list(_digests_of(pool, paths))
    except sqlite3.DatabaseError as error:
        _log.warning("%s is damaged (%s): made anew", memo, error)
        memo.unlink(missing_ok=True)
        return list(_digests(paths, memo, workers))


def _digests(paths: Sequence[str], memo: Path, workers: int) -> Iterator[bytes | None]:
    with closing(sqlite3.connect(memo, timeout=60)) as connection, ThreadPoolExecutor(workers) as pool:
        columns = "path TEXT PRIMARY KEY, size INTEGER, changed INTEGER, digest BLOB"
        connection.execute(f"CREATE TABLE IF NOT EXISTS files ({columns})")
        for start in range(0, len(paths), _AT_ONCE):
            part = paths[start : start + _AT_ONCE]
            stamps = {path: _stamp(path) for path in part}
            digests = _remembered(connection, stamps)
            unread = [path for path, stamp in stamps.items() if stamp is not None and path not in digests]
            fresh = {
                path: digest
                for path, digest in zip(unread, _digests_of(pool, unread), strict=True)
                if digest is not None
            }
            rows = [(path, *(stamps[path] or ()), digest) for path, digest in fresh.items()]
            with connection:
                connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
            digests |= fresh
            yield from (digests.get(path) for path in part)


def _remembered(
    connection: sqlite3.Connection, stamps: dict[str, tuple[int, int] | None]
) -> dict[str, bytes]:
    marks = ",".join("?" * len(stamps))
    rows = connection.execute(f"SELECT * FROM files WHERE path IN ({marks})", list(stamps))
    return {path: digest for path, *stamp, digest in rows if stamps[path] == tuple(stamp)}


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - several times faster than Path.stat over a million files
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _digests_of(pool: ThreadPoolExecutor, paths: Sequence[str]) -> Iterator[bytes | None]:
    parts = (paths[start : start + _IN_A_THREAD] for start in range(0, len(paths), _IN_A_THREAD))
    return chain.from_iterable(pool.map(lambda part: [_digest(path) for path in part], parts))


def _digest(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - files are small and many
            return digest_of(file.readall())
    except OSError:
        return None
