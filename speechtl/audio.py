"""Audio files of any format, rate and channels as 16 kHz mono; the only file that touches codecs."""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Samples per second of everything that is read."""

FULL_SCALE = 32_768
"""int16 value that stands for 1.0."""

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")
"""Endings that are searched for when a publisher's list names another one."""

_MP3_FRAME = 1152
_RIFF_HEADER = struct.Struct("<4sI4s")
_UNSTATED = 0x7FFFF000
"""From this length on, a WAV was written by a program that did not know it in advance."""
_READABLE = "WAV, FLAC, MP3, Ogg Vorbis and Opus are read"


def read_audio(path: str | Path) -> NDArray[np.float32]:
    """Samples in [-1, 1], float32 (samples,), mono, 16 kHz: channels are averaged, other rates resampled.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not audio, holds no samples, is cut short, or holds NaN or infinity.
    """
    samples, rate = _decode(Path(path))
    mono = samples.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise ValueError(f"{path}: holds samples that are not numbers (NaN or infinity); write the file anew")
    return mono if rate == SAMPLE_RATE else resample(mono, rate)


def read_pcm(path: str | Path) -> NDArray[np.int16]:
    """The same samples, rounded and clipped to int16 (samples,); 16 kHz 16-bit mono files bit for bit."""
    return _to_int16(read_audio(path))


def write_audio(path: str | Path, waveform: NDArray[np.floating[Any]], sample_rate: int) -> None:
    """Write samples in [-1, 1], (samples,) or (samples, channels); the format follows the file's ending.

    Raises:
        ValueError: The ending is unknown, or the format cannot hold this sample rate.
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
    try:
        soundfile.write(str(path), samples, sample_rate, format=container, subtype=encoding)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: {suffix} at {sample_rate} Hz cannot be written ({error})") from error


def duration(path: str | Path) -> float:
    """Seconds of audio that the file's header promises; nothing is decoded.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not audio or holds no samples.
    """
    import soundfile

    _require_file(Path(path))
    try:
        header = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise ValueError(_unreadable(Path(path), error)) from error
    if header.frames <= 0:
        raise ValueError(f"{path}: holds no samples")
    return float(header.frames / header.samplerate)


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


def _decode(path: Path) -> tuple[NDArray[np.float32], int]:
    """Samples (samples, channels) and their rate."""
    import soundfile

    _require_file(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            promised = file.frames
            samples = file.read(dtype="float32", always_2d=True)
            rate = file.samplerate
            is_mp3 = file.format == "MP3"
    except soundfile.LibsndfileError as error:
        raise ValueError(_unreadable(path, error)) from error
    if len(samples) == 0:
        raise ValueError(f"{path}: holds no samples")
    if missing := _missing_bytes(path):
        raise ValueError(f"{path}: cut short, its header promises {missing} bytes more; fetch the file again")
    if is_mp3 and len(samples) + _MP3_FRAME < promised and _has_frame_count(path):
        lengths = f"{len(samples) / rate:.2f} s of the {promised / rate:.2f} s its header promises"
        raise ValueError(f"{path}: cut short, it holds {lengths}; fetch the file again")
    return samples, rate


def _missing_bytes(path: Path) -> int:
    """How many bytes a WAV lacks; the decoder takes what there is. Other formats do not state their size."""
    with path.open("rb") as file:
        head = file.read(_RIFF_HEADER.size)
    if len(head) < _RIFF_HEADER.size:
        return 0
    container, size, kind = _RIFF_HEADER.unpack(head)
    if (container, kind) != (b"RIFF", b"WAVE") or size >= _UNSTATED:
        return 0
    return max(0, int(size) + 8 - 1 - path.stat().st_size)


def _has_frame_count(path: Path) -> bool:
    """Whether an MP3 states its length; without it the promised length is a guess from the file's size."""
    with path.open("rb") as file:
        head = file.read(1 << 18)
    return any(tag in head for tag in (b"Xing", b"Info", b"VBRI"))


def _require_file(path: Path) -> None:
    if not path.is_file():
        found = "a folder is there" if path.is_dir() else "no such file"
        raise FileNotFoundError(f"{path}: {found}; an audio file was expected")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty (0 bytes); fetch it again")


def _unreadable(path: Path, error: Exception) -> str:
    reason = str(error).removeprefix(f"Error opening {str(path)!r}: ").strip() or "decoding stopped"
    return f"{path}: not readable as audio ({reason}); {_READABLE}, so convert the file or fetch it again"
