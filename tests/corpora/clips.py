"""Clips of noise, and files that are none."""

from pathlib import Path

import numpy as np

from speechtl.audio import write_audio

RANDOM = np.random.default_rng(7)


def clip(path: Path, rate: int = 16_000, silent: bool = False) -> None:
    """A quarter of a second of noise, or of a peak of 5 of 32,768."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.full(rate // 4, 5 / 32_768) if silent else RANDOM.uniform(-0.3, 0.3, rate // 4)
    write_audio(path, samples, rate)


def broken(path: Path) -> None:
    """A file that is no audio."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("<html>not found</html>")
