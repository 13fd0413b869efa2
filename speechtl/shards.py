"""Arrow files of decoded audio: written beside and renamed, read memory-mapped, found by content."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from speechtl.audio import swing
from speechtl.failed_writes import explained

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
    pcm_digest: bytes
    """Equal for equal sound, whatever file it came in."""
    peak: int
    """Half of what its samples swing over, of 32,768."""

    @classmethod
    def of(cls, file_digest: bytes, pcm: NDArray[np.int16]) -> Clip:
        """A decoded file with what has to be computed from its samples."""
        return cls(file_digest, pcm, digest_of(pcm.data), swing(pcm))


@dataclass(frozen=True)
class Shard:
    """An open Arrow file; its samples stay on disk until they are used."""

    path: Path
    corpora: tuple[str, ...]
    """Corpora for which the clips were decoded."""
    table: pyarrow.Table
    """Columns file, sound (digests), samples, peak, pcm."""


def digest_of(content: bytes | memoryview) -> bytes:
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


def explained_write(folder: Path) -> AbstractContextManager[None]:
    """Say of a write to the cache that fails inside how to mend it.

    Raises:
        OSError: The disk is full or not writable.
    """
    kept = "What was decoded before stays in the cache"
    return explained("decoded audio", folder, kept, "set SPEECHTL_CACHE to a folder on another disk")


def remove_unfinished(folder: Path) -> None:
    """Delete what killed writers left; only for the process that holds the folder's lock."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


class ShardWriter:
    """Writes clips into shards of bounded size; on leaving, also by an error, the last one is completed.

    A shard that cannot be written to its end, because the disk is full, is deleted.
    """

    def __init__(self, folder: Path, corpus: str) -> None:
        self._folder = folder
        self._schema = schema(corpus)
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
        self._complete()

    def write(self, clip: Clip) -> None:
        """Add a clip.

        Raises:
            OSError: It cannot be written.
        """
        self._clips.append(clip)
        self._batch_bytes += clip.pcm.nbytes
        self._shard_bytes += clip.pcm.nbytes
        if self._batch_bytes >= _BATCH_BYTES:
            with self._deleted_on_failure():
                self._flush()
        if self._shard_bytes >= SHARD_BYTES:
            self._complete()

    def _flush(self) -> None:
        import pyarrow

        if not self._clips:
            return
        if self._file is None:
            self._path = self._folder / f".{uuid.uuid4().hex}.tmp"
            self._file = pyarrow.ipc.new_file(str(self._path), self._schema)
        self._file.write_batch(_batch(self._clips, self._schema))
        self._clips, self._batch_bytes = [], 0

    def _complete(self) -> None:
        """Give the shard its name; only then do readers see it."""
        with self._deleted_on_failure():
            self._flush()
            if self._file is None:
                return
            self._file.close()
            with self._path.open("rb") as file:
                os.fsync(file.fileno())
            self._path.rename(self._folder / f"{self._path.name[1:-4]}{_SUFFIX}")
            self._file, self._shard_bytes = None, 0

    @contextmanager
    def _deleted_on_failure(self) -> Iterator[None]:
        """Delete the unfinished shard when something inside fails; nothing is written of it later."""
        try:
            yield
        except BaseException:
            self._file, self._clips, self._batch_bytes, self._shard_bytes = None, [], 0, 0
            if self._path != self._folder:
                self._path.unlink(missing_ok=True)
            raise


def _batch(clips: Sequence[Clip], kinds: pyarrow.Schema) -> pyarrow.RecordBatch:
    """Clips as a record batch; their samples are copied once."""
    import pyarrow

    ends = np.cumsum([0, *(clip.pcm.nbytes for clip in clips)], dtype=np.int64)
    samples = np.concatenate([clip.pcm for clip in clips])
    buffers = [None, pyarrow.py_buffer(ends), pyarrow.py_buffer(samples)]
    arrays = [
        pyarrow.array([clip.file_digest for clip in clips], pyarrow.binary(DIGEST_BYTES)),
        pyarrow.array([clip.pcm_digest for clip in clips], pyarrow.binary(DIGEST_BYTES)),
        pyarrow.array([len(clip.pcm) for clip in clips], pyarrow.int64()),
        pyarrow.array([clip.peak for clip in clips], pyarrow.int32()),
        pyarrow.LargeBinaryArray.from_buffers(pyarrow.large_binary(), len(clips), buffers),
    ]
    return pyarrow.record_batch(arrays, schema=kinds)


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
