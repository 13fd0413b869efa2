"""Decode a corpus's files, on all processors, into shards of the cache."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from speechtl.audio import read_pcm
from speechtl.faults import counted
from speechtl.shards import Clip, ShardWriter, explained_write
from speechtl.terminal import progress_bar

_AT_ONCE = 8
"""Clips that a thread decodes before it hands them over."""


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decode_clips(
    name: str, folder: Path, paths: Sequence[str], missing: Mapping[bytes, int], show_progress: bool
) -> dict[bytes, str]:
    """Decode into new shards; why each content that cannot be decoded cannot.

    Args:
        name: The corpus's name.
        folder: The folder of the shards.
        paths: The corpus's files.
        missing: Digests of contents, and the position of a file that has each.
        show_progress: Show a bar.

    Raises:
        OSError: The disk is full or not writable; whole shards stay.
    """
    unreadable: dict[bytes, str] = {}
    what = f"decoding {counted(len(missing), 'clip')} of {name}"
    with (
        progress_bar(what, len(missing), show_progress) as advance,
        explained_write(folder),
        ShardWriter(folder, name) as writer,
    ):
        for digest, clip in _in_threads(paths, missing):
            if isinstance(clip, str):
                unreadable[digest] = clip
            else:
                writer.write(clip)
            advance(1)
    return unreadable


def _in_threads(paths: Sequence[str], missing: Mapping[bytes, int]) -> Iterator[tuple[bytes, Clip | str]]:
    """Clips in order, with few of them waiting: decoders, resampling and hashes release the GIL."""
    waiting: deque[Future[list[tuple[bytes, Clip | str]]]] = deque()
    left = ((digest, paths[position]) for digest, position in missing.items())
    count = processors()
    with ThreadPoolExecutor(count) as pool:
        try:
            while part := list(islice(left, _AT_ONCE)):
                waiting.append(pool.submit(_read, part))
                if len(waiting) > 2 * count:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _read(files: Sequence[tuple[bytes, str]]) -> list[tuple[bytes, Clip | str]]:
    """Digests, and the decoded files or why they cannot be decoded."""
    clips: list[tuple[bytes, Clip | str]] = []
    for digest, path in files:
        try:
            clips.append((digest, Clip.of(digest, read_pcm(path))))
        except (OSError, ValueError) as error:
            clips.append((digest, str(error)))
    return clips
