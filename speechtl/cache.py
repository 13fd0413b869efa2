"""Decoded audio, kept so that no file is decoded twice: found by the content of the file, not by its name."""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speechtl.audio import FULL_SCALE, SAMPLE_RATE
from speechtl.clip_decoding import decode_clips, processors
from speechtl.corpus import Corpus
from speechtl.faults import counted, listed
from speechtl.file_digests import file_digests
from speechtl.shards import DIGEST_BYTES, Shard, explained_write, open_shards, remove_unfinished, schema
from speechtl.waveforms import Waveforms

if TYPE_CHECKING:
    import pyarrow

SILENT_PEAK = 10
"""A clip whose level swings by less than this, of 32,768, is silent."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BadClip:
    """A clip that cannot be trained or tested on."""

    index: int
    """Position in the corpus."""
    reason: str
    """absent, unreadable or silent."""
    message: str


@dataclass(frozen=True)
class CachedShard:
    """One file of the cache."""

    shard: str
    corpora: tuple[str, ...]
    clips: int
    hours: float
    bytes: int


@dataclass(frozen=True)
class _Index:
    """Where each utterance's samples are in the cache."""

    shards: list[Shard]
    rows: NDArray[np.int64]
    """(utterances,) rows counted over all shards; -1 where there is none."""

    def column(self, name: str) -> pyarrow.ChunkedArray:
        """A column over all shards, in the order in which rows are counted."""
        import pyarrow

        kind = schema().field(name).type
        return pyarrow.chunked_array(
            [chunk for shard in self.shards for chunk in shard.table.column(name).chunks], kind
        )


def cache_folder() -> Path:
    """$SPEECHTL_CACHE, or ~/.cache/speechtl."""
    return (
        Path(os.environ.get("SPEECHTL_CACHE") or Path.home() / ".cache" / "speechtl").expanduser().absolute()
    )


def load_waveforms(corpus: Corpus, show_progress: bool = False) -> Waveforms:
    """The corpus's audio; what is not in the cache is decoded and stored there.

    Recordings are stored whole; where the corpus has its silence trimmed, that is cut off as they are read.

    Raises:
        ValueError: Clips that are absent, unreadable or silent, all in one message.
    """
    index, bad = _decoded(corpus, show_progress)
    if bad:
        ids = corpus.column("id")
        lines = listed([f"{ids[clip.index]}: {clip.message}" for clip in bad], "\n  ")
        raise ValueError(
            f"corpus {corpus.name}: {len(bad)} of {counted(len(corpus), 'clip')} cannot be used:\n  {lines}\n"
            "Mend the files or take them out of the manifest; for a corpus of `speechtl prepare --list`, "
            "preparing it again leaves such clips out."
        )
    found = _waveforms(index)
    return found if corpus.trim_db is None else found.trimmed(corpus.trim_db)


def silent(peak: int) -> str:
    """Why a clip whose level swings by so much is not used."""
    return f"silent, its level swings by {peak} of {FULL_SCALE:,} (at least {SILENT_PEAK})"


def bad_clips(corpus: Corpus, show_progress: bool = False) -> list[BadClip]:
    """The absent, unreadable and silent clips; the others are in the cache afterwards."""
    return _decoded(corpus, show_progress)[1]


def without_bad_clips(corpus: Corpus, show_progress: bool = False) -> Corpus:
    """The corpus without absent, unreadable and silent clips, which are counted in `left_out` by reason."""
    _, bad = _decoded(corpus, show_progress)
    keep = np.ones(len(corpus), dtype=bool)
    keep[[clip.index for clip in bad]] = False
    counts = Counter(corpus.left_out)
    counts.update(clip.reason for clip in bad)
    return replace(corpus.select(np.flatnonzero(keep)), left_out=dict(counts), is_checked=True)


def list_cache() -> list[CachedShard]:
    """The shards of the cache, with what they hold."""
    import pyarrow.compute as compute

    rows = []
    for shard in open_shards(_shard_folder()):
        samples = compute.sum(shard.table.column("samples"), min_count=0).as_py()
        hours = samples / SAMPLE_RATE / 3600
        size = shard.path.stat().st_size
        rows.append(CachedShard(shard.path.name, shard.corpora, len(shard.table), hours, size))
    return rows


def clear_cache(name: str | None = None) -> int:
    """Delete the clips decoded for one corpus, or all of them; the bytes that this freed.

    Raises:
        ValueError: Nothing was decoded for a corpus of this name.
    """
    rows = list_cache()
    chosen = [row for row in rows if name is None or name in row.corpora]
    if name is not None and not chosen:
        names = sorted({corpus for row in rows for corpus in row.corpora})
        raise ValueError(
            f"the cache {cache_folder()} has nothing of {name!r}, only of: {listed(names) or 'none'}"
        )
    for row in chosen:
        (_shard_folder() / row.shard).unlink(missing_ok=True)
    freed = sum(row.bytes for row in chosen)
    if name is None and _memo().exists():
        freed += _memo().stat().st_size
        _memo().unlink()
    if name is None and clip_folder().exists():
        freed += sum(path.stat().st_size for path in clip_folder().rglob("*") if path.is_file())
        shutil.rmtree(clip_folder())
    return freed


def clip_folder() -> Path:
    """Where clips without a file of their own are written, when a corpus is read without being prepared."""
    return cache_folder() / "clips"


def _shard_folder() -> Path:
    return cache_folder() / "pcm-2"


def _memo() -> Path:
    return cache_folder() / "files.sqlite"


def _decoded(corpus: Corpus, show_progress: bool) -> tuple[_Index, list[BadClip]]:
    """Decode what is missing; where the clips are, and which are bad."""
    with explained_write(_shard_folder()):
        _shard_folder().mkdir(parents=True, exist_ok=True)
    paths = corpus.column("audio")
    digests = file_digests(paths, _memo(), processors())
    index = _look_up(digests)
    unreadable: dict[bytes, str] = {}
    if _missing(index, digests):
        with _locked():
            remove_unfinished(_shard_folder())
            missing = _missing(_look_up(digests), digests)
            unreadable = decode_clips(corpus.name, _shard_folder(), paths, missing, show_progress)
        index = _look_up(digests)
    return index, _bad_clips(index, paths, digests, unreadable)


def _look_up(digests: Sequence[bytes | None]) -> _Index:
    import pyarrow
    import pyarrow.compute as compute

    index = _Index(open_shards(_shard_folder()), np.empty(0, np.int64))
    wanted = pyarrow.array(digests, pyarrow.binary(DIGEST_BYTES))
    rows = compute.index_in(wanted, value_set=index.column("file").combine_chunks())
    return replace(index, rows=rows.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64))


def _missing(index: _Index, digests: Sequence[bytes | None]) -> dict[bytes, int]:
    """Contents that are not in the cache, each with one utterance that has it."""
    found: dict[bytes, int] = {}
    for position in np.flatnonzero(index.rows < 0).tolist():
        digest = digests[position]
        if digest is not None:
            found.setdefault(digest, position)
    return found


def _bad_clips(
    index: _Index, paths: Sequence[str], digests: Sequence[bytes | None], unreadable: dict[bytes, str]
) -> list[BadClip]:
    bad = []
    peaks = index.column("peak").to_numpy()
    for position in np.flatnonzero(index.rows < 0).tolist():
        digest = digests[position]
        if digest is None:
            bad.append(BadClip(position, "absent", f"{paths[position]}: no such file, or it may not be read"))
        else:
            message = unreadable.get(digest, f"{paths[position]}: changed while it was read; run again")
            bad.append(BadClip(position, "unreadable", message))
    cached = np.flatnonzero(index.rows >= 0)
    for position in cached[peaks[index.rows[cached]] < SILENT_PEAK].tolist():
        peak = int(peaks[index.rows[position]])
        message = f"{paths[position]}: {silent(peak)}"
        bad.append(BadClip(position, "silent", message))
    return sorted(bad, key=lambda clip: clip.index)


def _waveforms(index: _Index) -> Waveforms:
    batches = tuple(index.column("pcm").chunks)
    ends = np.cumsum([len(batch) for batch in batches])
    which = np.searchsorted(ends, index.rows, side="right")
    firsts = np.concatenate([[0], ends])
    return Waveforms(
        batches=batches,
        places=np.stack([which, index.rows - firsts[which]], axis=1),
        samples=index.column("samples").to_numpy()[index.rows],
        sounds=index.column("sound").combine_chunks().take(index.rows),
    )


@contextmanager
def _locked() -> Iterator[None]:
    """Hold the cache for writing; readers need no lock, since shards appear whole."""
    import fcntl

    with explained_write(cache_folder()):
        file = (cache_folder() / "lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.warning("another process fills the cache %s: waiting for it", cache_folder())
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
