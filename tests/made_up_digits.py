"""A made-up folder of digits and photos in the layout of the real one: each digit is a bar somewhere else."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BLUE, RED = (0, 0, 200), (200, 0, 0)


def bars(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Grey images (count, 28, 28) and their labels: digit k is a bright bar in the rows from 2 k + 4 on."""
    random = np.random.default_rng(seed)
    labels = (np.arange(count) % 10).astype(np.uint8)
    images = random.integers(0, 20, (count, 28, 28))
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 4 : 2 * label + 6, 4:24] = random.integers(200, 256)
    return images.astype(np.uint8), labels


def write_digits(folder: Path, train: int = 128, test: int = 40) -> Path:
    """Fill a folder; photos behind training digits are reddish noise, those behind test digits bluish."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[np.uint8]] = {}
    for seed, (split, count) in enumerate((("train", train), ("test", test))):
        arrays[f"x_{split}"], arrays[f"y_{split}"] = bars(count, seed)
    np.savez(folder / "mnist.npz", **arrays)
    random = np.random.default_rng(2)
    for split, colour in (("train", RED), ("test", BLUE)):
        noise = random.integers(0, 40, (2, 40, 60, 3)) + np.array(colour)
        write_photos(folder, split, {f"{number}.jpg": one for number, one in enumerate(noise)})
    return folder


def write_photos(folder: Path, split: str, photos: Mapping[str, NDArray]) -> None:
    """Write photos (height, width, channel) by their names."""
    (folder / "photos" / split).mkdir(parents=True, exist_ok=True)
    for name, pixels in photos.items():
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "photos" / split / name, quality=100)
