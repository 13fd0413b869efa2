"""Audio files of any format, rate and channels as 16 kHz mono; the only file that touches codecs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

SAMPLE_RATE = 16_000
"""Samples per second of everything that is read."""

FULL_SCALE = 32_768
"""int16 value that stands for 1.0."""

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")
"""Endings that are searched for when a publisher's list names another one."""

_MP3_FRAME = 1152
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
    scaled = np.rint(read_audio(path) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


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
    try:
        soundfile.write(str(path), waveform, sample_rate, format=container, subtype=encoding)
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
    """Samples at `rate` to 16 kHz, float32 (samples,) to (ceil(samples * 16000 / rate),)."""
    import torch

    with torch.inference_mode():
        resampled: NDArray[np.float32] = _resampler(rate)(torch.from_numpy(samples)).numpy()
    return resampled


@lru_cache(maxsize=16)
def _resampler(rate: int) -> torch.nn.Module:
    from torchaudio.transforms import Resample

    resampler: torch.nn.Module = Resample(rate, SAMPLE_RATE)
    return resampler


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
    if is_mp3 and len(samples) + _MP3_FRAME < promised and _has_frame_count(path):
        lengths = f"{len(samples) / rate:.2f} s of the {promised / rate:.2f} s its header promises"
        raise ValueError(f"{path}: cut short, it holds {lengths}; fetch the file again")
    return samples, rate


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
