"""What the doctor finds by listening: every file is decoded once, on all cores, and nothing is kept of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechtl.audio import (
    FULL_SCALE,
    SAMPLE_RATE,
    AudioError,
    decode,
    is_as_stated,
    not_numbers,
)
from speechtl.cache import SILENT_PEAK
from speechtl.completeness import missing_end
from speechtl.faults import Fault, counted
from speechtl.terminal import printable, progress_bar

if TYPE_CHECKING:
    import pyarrow

    from speechtl.doctor.subject import Subject

CLIPPED_LEVEL = 0.99
"""Share of full scale from which on a sample is at the limit."""
CLIPPED_RUN = 3
"""So many samples at the limit, one after another, are a flat top."""
CLIPPED_SHARE = 0.005
"""A clip of which so much lies in flat tops is clipped."""
DIGEST_BYTES = 16
_AT_ONCE = 32
_SILENT = "silent audio"
_OR_REMOVE = "or remove the row"


class Sound(NamedTuple):
    """What is measured of one recording."""

    seconds: float
    rate: int
    channels: int
    digest: bytes
    """Equal for equal samples and rate, whatever file they came in."""


class Trouble(NamedTuple):
    """Why a recording cannot be used, or should not be."""

    kind: str
    mend: str
    found: str = ""


@dataclass(frozen=True)
class Sounds:
    """What was measured of all recordings, one entry each."""

    paths: pyarrow.Array
    """Each file once."""
    recordings: NDArray[np.int64]
    """(utterances,) which recording each is of."""
    seconds: NDArray[np.float64]
    """NaN where the recording could not be decoded."""
    rates: NDArray[np.int32]
    channels: NDArray[np.int32]
    digests: NDArray[np.void]
    troubles: dict[int, Trouble]
    """By recording."""

    @property
    def utterance_seconds(self) -> NDArray[np.float64]:
        """(utterances,) their lengths, NaN where unknown."""
        return self.seconds[self.recordings]

    @property
    def equal(self) -> NDArray[np.int64]:
        """(utterances,) equal numbers for equal sound, -1 where there is none."""
        _, numbers = np.unique(self.digests, return_inverse=True)
        silent = [index for index, trouble in self.troubles.items() if trouble.kind == _SILENT]
        numbers[~np.isfinite(self.seconds)] = -1
        numbers[silent] = -1
        return numbers[self.recordings]


def listen(subject: Subject, show_progress: bool = False) -> Sounds:
    """Decode every recording of a subject once, and measure it."""
    import pyarrow

    recordings, known = subject.codes("audio")
    others = pyarrow.array([other.audio for other in subject.others], pyarrow.string())
    paths = pyarrow.concat_arrays([known, others])
    count = len(paths)
    sounds = Sounds(
        paths=paths,
        recordings=recordings,
        seconds=np.full(count, np.nan),
        rates=np.zeros(count, dtype=np.int32),
        channels=np.zeros(count, dtype=np.int32),
        digests=np.zeros(count, dtype=f"V{DIGEST_BYTES}"),
        troubles={},
    )
    what = f"listening to {counted(count, 'recording')} of {printable(subject.name)}"
    with progress_bar(what, count, show_progress) as advance:
        for index, (sound, trouble) in enumerate(_measured(paths)):
            if sound is not None:
                sounds.seconds[index] = sound.seconds
                sounds.rates[index], sounds.channels[index] = sound.rate, sound.channels
                sounds.digests[index] = sound.digest
            if trouble is not None:
                sounds.troubles[index] = trouble
            advance(1)
    return sounds


def _measured(paths: pyarrow.Array) -> Iterator[tuple[Sound | None, Trouble | None]]:
    """In order, on all cores: decoders and numpy release the interpreter."""

    def part(start: int) -> list[tuple[Sound | None, Trouble | None]]:
        return [measure(Path(path)) for path in paths.slice(start, _AT_ONCE).to_pylist()]

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        for results in pool.map(part, range(0, len(paths), _AT_ONCE)):
            yield from results
    finally:
        pool.shutdown(cancel_futures=True)


def measure(path: Path) -> tuple[Sound | None, Trouble | None]:
    """Decode one recording; what was measured, and what is wrong with it."""
    try:
        sound, trouble = _measure(path)
    except FileNotFoundError:
        return None, Trouble("missing audio file", f"correct the path, {_OR_REMOVE}")
    except AudioError as error:
        return None, Trouble(error.kind, f"{error.mend}, {_OR_REMOVE}", error.found)
    except OSError as error:
        mend = f"change its rights, {_OR_REMOVE}"
        return None, Trouble("audio file that the system does not hand out", mend, str(error.strerror))
    if trouble is None and (gap := missing_end(path)):
        trouble = Trouble("audio cut short", f"fetch it again, {_OR_REMOVE}", gap.message)
    return sound, trouble


def _measure(path: Path) -> tuple[Sound, Trouble | None]:
    """Block by block, so that a recording of hours needs no more memory than one of seconds."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    samples = rate = channels = at_limit = 0
    highest, lowest = -np.inf, np.inf
    for block, rate in decode(path):  # noqa: B007 - the same in all blocks
        mono = block.mean(axis=1, dtype=np.float32) if block.shape[1] > 1 else block[:, 0]
        top, bottom = float(mono.max()), float(mono.min())
        if not np.isfinite([top, bottom]).all():
            raise not_numbers(path)
        highest, lowest = max(highest, top), min(lowest, bottom)
        if np.abs(block).max() >= CLIPPED_LEVEL:
            at_limit += _flat_tops(block)
        pcm = np.rint(mono * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
        digest.update(pcm.data)
        samples, channels = samples + len(block), block.shape[1]
    digest.update(str(rate).encode())
    sound = Sound(samples / rate, rate, channels, digest.digest())
    return sound, _level_trouble((highest - lowest) / 2, at_limit / (samples * channels))


def _flat_tops(block: NDArray[np.float32]) -> int:
    """How many samples of a block (samples, channels) lie in runs at the limit."""
    limit = np.abs(block) >= CLIPPED_LEVEL
    length = len(block) - CLIPPED_RUN + 1
    starts = np.logical_and.reduce([limit[shift : shift + length] for shift in range(CLIPPED_RUN)])
    inside = np.zeros_like(limit)
    for shift in range(CLIPPED_RUN):
        inside[shift : shift + length] |= starts
    return int(inside.sum())


def _level_trouble(swing: float, clipped: float) -> Trouble | None:
    if swing * FULL_SCALE < SILENT_PEAK:
        found = f"its level swings by {swing * FULL_SCALE:.0f} of {FULL_SCALE:,}"
        return Trouble(_SILENT, f"record it again, {_OR_REMOVE}", found)
    if clipped >= CLIPPED_SHARE:
        found = f"{100 * clipped:.1f} % of its samples lie in flat tops at full scale"
        return Trouble("clipped audio", f"record it again at a lower level, {_OR_REMOVE}", found)
    return None


def audio_faults(subject: Subject, sounds: Sounds) -> Iterator[Fault]:
    """The troubles of recordings, as faults of the rows that they are of."""
    if not sounds.troubles:
        return
    troubled = np.zeros(len(sounds.paths), dtype=bool)
    troubled[list(sounds.troubles)] = True
    for row in np.flatnonzero(troubled[sounds.recordings]).tolist():
        kind, mend, found = sounds.troubles[int(sounds.recordings[row])]
        yield subject.fault(kind, mend, row, _detail(subject, subject.value("audio", row), found))
    first = len(sounds.paths) - len(subject.others)
    for index, other in enumerate(subject.others, start=first):
        if index in sounds.troubles:
            kind, mend, found = sounds.troubles[index]
            yield Fault(kind, mend, other.where, _detail(subject, other.audio, found), other.row)


def _detail(subject: Subject, path: str, found: str) -> str:
    """What was found, and in which file, unless that exists only for now."""
    if subject.clips and path.startswith(subject.clips):
        return found
    return f"{path}: {found}" if found else path


def sound_notices(subject: Subject, sounds: Sounds) -> Iterator[Fault]:
    """Speech that is changed when it is read, and stated lengths that are not those of the sound."""
    known = np.isfinite(sounds.utterance_seconds)
    rates = np.where(known, sounds.rates[sounds.recordings], SAMPLE_RATE)
    for rate in sorted(set(rates.tolist()) - {SAMPLE_RATE}):
        where = np.flatnonzero(rates == rate)
        mend = "nothing is to be done: everything is brought to 16 kHz"
        if rate < SAMPLE_RATE:
            mend += f", but above {rate / 2000:g} kHz there is nothing to hear"
        yield Fault("resampled audio", mend, f"{rate} Hz", _count(subject, where))
    where = np.flatnonzero(known & (sounds.channels[sounds.recordings] > 1))
    if len(where):
        mend = "nothing is to be done: channels are averaged"
        yield Fault("downmixed audio", mend, subject.name, _count(subject, where))
    stated = subject.table.column("duration").to_numpy()
    where = np.flatnonzero(known & ~is_as_stated(stated, sounds.utterance_seconds))
    if len(where):
        first = int(where[0])
        detail = f"{stated[first]:.2f} s for {sounds.utterance_seconds[first]:.2f} s"
        mend = "correct them or remove the column: minutes are chosen by them"
        yield Fault(
            "stated lengths that are not the sound's",
            mend,
            subject.name,
            f"{_count(subject, where)}: {detail}",
        )


def _count(subject: Subject, rows: NDArray[np.int64]) -> str:
    return f"{counted(len(rows), 'utterance')}, first {subject.where(int(rows[0]))}"
