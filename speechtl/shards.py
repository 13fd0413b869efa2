"""Arrow files of decoded audio: written beside and renamed, read memory-mapped, found by content."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow

SHARD_BYTES = 256 * 2**20
"""Samples of one shard, in bytes; a shard is closed once it holds more."""
DIGEST_BYTES = 16

_BATCH_BYTES = 8 * 2**20
_SUFFIX = ".arrow"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """One decoded file."""

    file_digest: bytes
    """Of the file's bytes."""
    pcm: NDArray[np.int16]
    """(samples,) at 16 kHz."""

    @property
    def pcm_digest(self) -> bytes:
        """Equal for equal sound, whatever file it came in."""
        return digest_of(self.pcm.tobytes())

    @property
    def peak(self) -> int:
        """Largest magnitude, of 32,768."""
        return int(np.abs(self.pcm.astype(np.int32)).max(initial=0))


@dataclass(frozen=True)
class Shard:
    """An open Arrow file; its samples stay on disk until they are used."""

    path: Path
    corpora: tuple[str, ...]
    """Corpora for which the clips were decoded."""
    table: pyarrow.Table
    """Columns file, sound (digests), samples, peak, pcm."""


def digest_of(content: bytes) -> bytes:
    """16 bytes that identify a content."""
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()


def open_shards(folder: Path) -> list[Shard]:
    """All shards of a folder; a damaged one is deleted, so that its clips are decoded again.

    Raises:
        OSError: The system refuses to open a shard, which says nothing about what is in it.
    """
    shards = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            shards.append(_open(path))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            _log.warning("%s is damaged (%s): deleted, its clips are decoded again", path, error)
            path.unlink(missing_ok=True)
    return shards


def remove_unfinished(folder: Path) -> None:
    """Delete what killed writers left; only for the process that holds the folder's lock."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


class ShardWriter:
    """Writes clips into shards of bounded size; on leaving, also by an error, the last one is completed."""

    def __init__(self, folder: Path, corpus: str) -> None:
        self._folder = folder
        self._corpus = corpus
        self._file: Any = None
        self._path = folder
        self._clips: list[Clip] = []
        self._batch_bytes = 0
        self._shard_bytes = 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            self._path.unlink(missing_ok=True)
        else:
            self._complete()

    def write(self, clip: Clip) -> None:
        """Add a clip."""
        self._clips.append(clip)
        self._batch_bytes += clip.pcm.nbytes
        self._shard_bytes += clip.pcm.nbytes
        if self._batch_bytes >= _BATCH_BYTES:
            self._flush()
        if self._shard_bytes >= SHARD_BYTES:
            self._complete()

    def _flush(self) -> None:
        import pyarrow

        if not self._clips:
            return
        if self._file is None:
            self._path = self._folder / f".{uuid.uuid4().hex}.tmp"
            self._file = pyarrow.ipc.new_file(str(self._path), schema(self._corpus))
        columns = [
            [clip.file_digest for clip in self._clips],
            [clip.pcm_digest for clip in self._clips],
            [len(clip.pcm) for clip in self._clips],
            [clip.peak for clip in self._clips],
            [clip.pcm.tobytes() for clip in self._clips],
        ]
        arrays = [
            pyarrow.array(values, kind.type)
            for values, kind in zip(columns, schema(self._corpus), strict=True)
        ]
        self._file.write_batch(pyarrow.record_batch(arrays, schema=schema(self._corpus)))
        self._clips, self._batch_bytes = [], 0

    def _complete(self) -> None:
        """Give the shard its name; only then do readers see it."""
        self._flush()
        if self._file is None:
            return
        self._file.close()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
        self._path.rename(self._folder / f"{self._path.name[1:-4]}{_SUFFIX}")
        self._file, self._shard_bytes = None, 0


def schema(corpus: str = "") -> pyarrow.Schema:
    """Columns of a shard, and the corpora it was written for."""
    import pyarrow

    return pyarrow.schema(
        [
            ("file", pyarrow.binary(DIGEST_BYTES)),
            ("sound", pyarrow.binary(DIGEST_BYTES)),
            ("samples", pyarrow.int64()),
            ("peak", pyarrow.int32()),
            ("pcm", pyarrow.large_binary()),
        ],
        metadata={"corpora": json.dumps(corpus.split("+"))},
    )


def _open(path: Path) -> Shard:
    import pyarrow

    with pyarrow.memory_map(str(path)) as file:
        table = pyarrow.ipc.open_file(file).read_all()
    stated = (table.schema.metadata or {}).get(b"corpora")
    if not table.schema.equals(schema()) or stated is None:
        raise ValueError(f"columns {table.column_names}")
    return Shard(path, tuple(json.loads(stated)), table)
