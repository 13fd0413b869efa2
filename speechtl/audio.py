"""Audio files of any format, rate and channels as 16 kHz mono; the only file that touches codecs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechtl.completeness import missing_end, unstated_seconds

SAMPLE_RATE = 16_000
"""Samples per second of everything that is read."""

FULL_SCALE = 32_768
"""int16 value that stands for 1.0."""

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")
"""Endings that are searched for when a publisher's list names another one."""

STATED_SECONDS, STATED_SHARE = 0.1, 0.02
"""By so much a stated length may differ from the sound's, in seconds or as a share of it."""

_BLOCK = 1 << 20
"""Samples, of each channel, that are decoded at once."""
_UNKNOWN = 1 << 62
"""From this many samples on, the file does not state its length: a FLAC that was written to a pipe."""
_READABLE = "WAV, FLAC, MP3, Ogg Vorbis and Opus are read"


class AudioError(ValueError):
    """Why a file that is there cannot be used."""

    def __init__(self, path: str | Path, kind: str, mend: str, found: str) -> None:
        super().__init__(f"{path}: {found}; {mend}")
        self.kind = kind
        """What a list of faults is grouped by, such as `audio cut short`."""
        self.mend = mend
        self.found = found


def read_audio(path: str | Path) -> NDArray[np.float32]:
    """Samples in [-1, 1], float32 (samples,), mono, 16 kHz: channels are averaged, other rates resampled.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: The file is not audio, holds no samples, is cut short, or holds NaN or infinity.
    """
    blocks, rate = [], SAMPLE_RATE
    for block, rate in decode(path):  # noqa: B007 - the rate is the same in all of them
        blocks.append(block.mean(axis=1, dtype=np.float32))
    mono = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    if not np.isfinite(mono).all():
        raise not_numbers(Path(path))
    return mono if rate == SAMPLE_RATE else resample(mono, rate)


def decode(path: str | Path) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Blocks of samples as they are in the file, float32 (samples, channels), and their rate; one at least.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: The file is not audio, holds no samples, is cut short, or would be read in part only.
    """
    import soundfile

    path = Path(path)
    _require_whole(path)
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.LibsndfileError as error:
        raise _unreadable(path, error) from error
    if file.frames >= _UNKNOWN:
        # soundfile asks libsndfile to seek after each block, which fails where this one ends.
        file.seekable = lambda: False
    with file:
        if file.format == "MP3":
            _seconds_of_mp3(path, file.frames / file.samplerate)
        done = 0
        while True:
            try:
                block = file.read(_BLOCK, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise _cut_short(path, " or damaged: the decoder stops before its end") from error
            if len(block):
                yield block, file.samplerate
            elif not done:
                raise _without_samples(path)
            done += len(block)
            if len(block) < _BLOCK:
                return


def read_pieces(path: str | Path) -> Iterator[NDArray[np.int16]]:
    """The samples of `read_pcm` piece by piece, int16 (samples,), so that a long file needs little memory.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: As `read_audio` does, from the piece on where it is found.
    """
    resampled = None
    for block, rate in decode(path):
        mono = block.mean(axis=1, dtype=np.float32)
        if not np.isfinite(mono).all():
            raise not_numbers(Path(path))
        if rate == SAMPLE_RATE:
            yield _to_int16(mono)
            continue
        resampled = resampled or PieceResampler(rate)
        yield _to_int16(resampled.feed(mono))
    if resampled is not None:
        yield _to_int16(resampled.finish())


class PieceResampler:
    """`resample` piece by piece: the filter sees as much before and after each piece as it reaches."""

    def __init__(self, rate: int) -> None:
        common = math.gcd(SAMPLE_RATE, rate)
        self._rate, self._up, self._down = rate, SAMPLE_RATE // common, rate // common
        reach = 12 * max(self._up, self._down) // self._up + 1
        self._reach = -(-reach // self._down) * self._down
        self._held = np.zeros(0, dtype=np.float32)
        self._done = 0
        """Samples of `_held` whose output is out already, a multiple of `_down`."""

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output that does not depend on what is still to come."""
        self._held = np.concatenate([self._held, samples])
        ready = (len(self._held) - self._reach) // self._down * self._down
        return self._until(ready) if ready > self._done else np.zeros(0, dtype=np.float32)

    def finish(self) -> NDArray[np.float32]:
        """The rest of the output."""
        return self._until(len(self._held))

    def _until(self, ready: int) -> NDArray[np.float32]:
        first, last = (-(-place * self._up // self._down) for place in (self._done, ready))
        output = resample(self._held[: ready + self._reach], self._rate)[first:last]
        forgotten = max(0, ready - self._reach) // self._down * self._down
        self._held, self._done = self._held[forgotten:], ready - forgotten
        return output


def not_numbers(path: str | Path) -> AudioError:
    """The fault of samples that are NaN or infinity."""
    found = "holds samples that are not numbers (NaN or infinity)"
    return AudioError(path, "audio that is not numbers", "write it anew", found)


def read_pcm(path: str | Path) -> NDArray[np.int16]:
    """The same samples, rounded and clipped to int16 (samples,); 16 kHz 16-bit mono files bit for bit."""
    return _to_int16(read_audio(path))


def write_audio(path: str | Path, waveform: NDArray[np.floating[Any]], sample_rate: int) -> None:
    """Write samples in [-1, 1], (samples,) or (samples, channels); the format follows the file's ending.

    Raises:
        ValueError: The ending is unknown, or the format cannot hold this sample rate.
        OSError: The disk is full or not writable.
    """
    import soundfile

    formats = {
        ".wav": ("WAV", "PCM_16"),
        ".flac": ("FLAC", "PCM_16"),
        ".mp3": ("MP3", "MPEG_LAYER_III"),
        ".ogg": ("OGG", "VORBIS"),
        ".opus": ("OGG", "OPUS"),
    }
    suffix = Path(path).suffix.lower()
    if suffix not in formats:
        raise ValueError(
            f"{path}: cannot write {suffix or 'a file without an ending'!r}; use {' '.join(SUFFIXES)}"
        )
    container, encoding = formats[suffix]
    samples = _to_int16(waveform) if encoding == "PCM_16" else waveform
    content = BytesIO()  # libsndfile does not say that a disk is full
    try:
        soundfile.write(content, samples, sample_rate, format=container, subtype=encoding)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: {suffix} at {sample_rate} Hz cannot be written ({error})") from error
    Path(path).write_bytes(content.getvalue())


def duration(path: str | Path) -> float:
    """Seconds of audio that the file's header promises; decoded only where it promises nothing.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: The file is not audio, holds no samples, or is cut short.
    """
    import soundfile

    _require_whole(Path(path))
    try:
        header = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise _unreadable(Path(path), error) from error
    if header.frames >= _UNKNOWN:
        return sum(len(block) / rate for block, rate in decode(path))
    if header.frames <= 0:
        raise _without_samples(Path(path))
    promised = float(header.frames / header.samplerate)
    return promised if header.format != "MP3" else _seconds_of_mp3(Path(path), promised)


def _seconds_of_mp3(path: Path, promised: float) -> float:
    """What its header promises, or, where it promises nothing, what its frames are.

    Raises:
        AudioError: The decoder has guessed less, and would stop there.
    """
    counted = unstated_seconds(path)
    if counted is None:
        return promised
    if promised < counted - STATED_SECONDS:
        found = (
            f"an MP3 of variable bit rate that does not state its length, of which {promised:.1f} s of "
            f"{counted:.1f} s would be read"
        )
        raise AudioError(path, "audio that is read only in part", "convert it", found)
    return counted


def is_as_stated(stated: NDArray[np.float64] | float, found: NDArray[np.float64] | float) -> Any:
    """Whether stated lengths, in seconds, are near those that were found: lists are rounded, and a compressed
    recording's length is known to a frame or two."""
    return np.abs(np.subtract(stated, found)) <= np.maximum(STATED_SECONDS, np.multiply(STATED_SHARE, stated))


def swing(samples: NDArray[np.int16]) -> int:
    """Half of what samples swing over, of 32,768: their peak but for an offset, which is no sound."""
    return (int(samples.max()) - int(samples.min()) + 1) // 2 if len(samples) else 0


def resample(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Samples at `rate` to 16 kHz, float32 (samples,) to (ceil(samples * 16000 / rate),).

    A polyphase filter of scipy's: it uses no threads of its own, so that clips are decoded side by side.
    """
    from scipy.signal import resample_poly

    common = math.gcd(SAMPLE_RATE, rate)
    up, down = SAMPLE_RATE // common, rate // common
    resampled: NDArray[np.float32] = resample_poly(samples, up, down, window=_low_pass(max(up, down)))
    return resampled


@lru_cache(maxsize=16)
def _low_pass(factor: int) -> NDArray[np.float32]:
    """Taps that pass the lowest 1/factor of the band; 12 zero crossings to each side, 60 dB down beyond."""
    from scipy.signal import firwin

    taps: NDArray[np.float64] = firwin(24 * factor + 1, 0.97 / factor, window=("kaiser", 6.0))
    return taps.astype(np.float32)


def _to_int16(samples: NDArray[np.floating[Any]]) -> NDArray[np.int16]:
    """Rounded and clipped, not wrapped."""
    scaled = np.rint(np.asarray(samples, dtype=np.float64) * FULL_SCALE)
    rounded: NDArray[np.int16] = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return rounded


def _require_whole(path: Path) -> None:
    _require_file(path)
    gap = missing_end(path)
    if gap is not None and gap.is_certain:
        raise _cut_short(path, f", {gap.message}")


def _require_file(path: Path) -> None:
    if not path.is_file():
        found = "a folder is there" if path.is_dir() else "no such file"
        raise FileNotFoundError(f"{path}: {found}; an audio file was expected")
    if path.stat().st_size == 0:
        raise AudioError(path, "empty audio file", "fetch it again", "the file is empty (0 bytes)")


def _cut_short(path: Path, how: str) -> AudioError:
    return AudioError(path, "audio cut short", "fetch it again", f"cut short{how}")


def _without_samples(path: Path) -> AudioError:
    return AudioError(path, "audio of no length", "record it again", "holds no samples")


def _unreadable(path: Path, error: Exception) -> AudioError:
    reason = str(error).removeprefix(f"Error opening {str(path)!r}: ").strip() or "decoding stopped"
    found = f"not readable as audio ({reason}); {_READABLE}"
    return AudioError(path, "audio that cannot be read", "convert it", found)
