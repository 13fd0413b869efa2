"""Audio that has no file of its own, parts of recordings and bytes in tables, put into files, each once.

A file's name is a hash of what it holds or is cut from, so that what is there already is not written again,
and an interrupted preparation goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechtl.audio import SUFFIXES, decode, write_audio
from speechtl.failed_writes import explained
from speechtl.formats.listing import Span
from speechtl.formats.whole import whole_file

OVERSHOOT = 0.5
"""Seconds by which a segment may end after its recording: times in Kaldi's lists are rounded."""

_MAGIC = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3"}
_KEPT = "Clips that are written stay, and are not written again"


def keep_bytes(folder: Path, content: bytes, name: str | None) -> Path:
    """The file that holds an audio file's bytes.

    Args:
        folder: Where such files are.
        content: The file as it is: nothing is decoded.
        name: What it was called; its ending is kept.

    Raises:
        OSError: The disk is full or not writable.
    """
    suffix = Path(name or "").suffix.lower()
    if suffix not in SUFFIXES:
        suffix = next((ending for magic, ending in _MAGIC.items() if content.startswith(magic)), ".mp3")
    path = _place(folder, hashlib.sha256(content).hexdigest(), suffix)
    if not path.is_file():
        with explained("a clip", path, _KEPT):
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as beside:
                beside.write_bytes(content)
    return path


def cut(folder: Path, recording: Path, spans: Sequence[Span]) -> Mapping[Span, Path | str]:
    """The FLAC file of each part of a recording, or what is wrong with that part.

    The recording is decoded once, block by block; 16-bit samples stay as they are.

    Args:
        folder: Where such files are.
        recording: An audio file of any length.
        spans: The parts, in any order; they may overlap.

    Raises:
        ValueError: The recording cannot be read.
        OSError: The disk is full or not writable.
    """
    stamp = _stamp(recording)
    places = {
        span: _place(folder, hashlib.sha256(f"{stamp}\0{span}".encode()).hexdigest(), ".flac")
        for span in spans
    }
    found: dict[Span, Path | str] = {span: path for span, path in places.items() if path.is_file()}
    for part in _parts(recording, sorted(set(spans) - set(found), key=lambda span: span.start)):
        found[part.span] = part.fault() or places[part.span]
        if not part.fault():
            _write(places[part.span], part)
    return found


def prune(folder: Path, used: Collection[str]) -> None:
    """Remove clips that no utterance uses any more, and the folder if none is left."""
    if not folder.is_dir():
        return
    for path in list(folder.glob("??/*")):
        if str(path) not in used:
            path.unlink(missing_ok=True)
    for below in [*folder.iterdir(), folder]:
        if below.is_dir() and not any(below.iterdir()):
            below.rmdir()


@dataclass
class _Part:
    """A part of a recording while that is decoded."""

    span: Span
    pieces: list[NDArray[np.float32]] = field(default_factory=list)
    rate: int = 0
    seconds: float = 0.0
    """Length of the recording as far as it is decoded."""
    channels: int = 0

    def add(self, block: NDArray[np.float32], first: int, rate: int) -> None:
        """Take what lies inside from a block (samples, channels), whose first sample is the first-th."""
        start, end = round(self.span.start * rate) - first, len(block)
        if self.span.end is not None:
            end = round(self.span.end * rate) - first
        inside = block[max(0, start) : max(0, end)]
        self.rate, self.channels, self.seconds = rate, block.shape[1], (first + len(block)) / rate
        if self.span.channel is not None:
            inside = inside[:, self.span.channel : self.span.channel + 1]
        if len(inside):
            self.pieces.append(inside.copy())

    def is_complete(self) -> bool:
        """Whether no later block holds anything of it."""
        return self.span.end is not None and self.seconds * self.rate >= round(self.span.end * self.rate)

    def fault(self) -> str:
        """What is wrong with it, once the recording is decoded."""
        end = self.span.start if self.span.end is None else self.span.end - OVERSHOOT
        if self.span.channel is not None and self.span.channel >= self.channels:
            return f"channel {self.span.channel} of a recording with {self.channels}"
        if end > self.seconds or not self.pieces:
            last = "the end" if self.span.end is None else f"{self.span.end:g} s"
            return f"{self.span.start:g} s to {last} of a recording of {self.seconds:.2f} s"
        return ""


def _parts(recording: Path, spans: list[Span]) -> Iterator[_Part]:
    """Parts in the order in which they end; only those that the decoder is inside of are in memory."""
    waiting = [_Part(span) for span in reversed(spans)]
    current: list[_Part] = []
    first = 0
    if not waiting:
        return
    for block, rate in _decoded(recording):
        while waiting and round(waiting[-1].span.start * rate) < first + len(block):
            current.append(waiting.pop())
        for part in current:
            part.add(block, first, rate)
        yield from (part for part in current if part.is_complete())
        current = [part for part in current if not part.is_complete()]
        first += len(block)
        if not current and not waiting:
            return
    for part in waiting:
        part.seconds, part.channels = first / rate, block.shape[1]
    yield from (*current, *waiting)


def _decoded(recording: Path) -> Iterator[tuple[NDArray[np.float32], int]]:
    try:
        yield from decode(recording)
    except OSError as error:
        raise ValueError(f"{recording}: {error.strerror}") from error


def _stamp(recording: Path) -> str:
    try:
        status = recording.stat()
    except OSError as error:
        raise ValueError(f"{recording}: {error.strerror}") from error
    return f"{recording}\0{status.st_size}\0{status.st_mtime_ns}"


def _write(path: Path, part: _Part) -> None:
    with explained("a clip", path, _KEPT):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as beside:  # keeps the ending, which tells the format
            write_audio(beside, np.concatenate(part.pieces), part.rate)


def _place(folder: Path, digest: str, suffix: str) -> Path:
    """Spread over 256 folders, which keeps each of them small."""
    return folder.absolute() / digest[:2] / f"{digest[2:34]}{suffix}"
