"""MNIST, and MNIST-M made of it: digits that are blended with patches of colour photos.

A pixel of MNIST-M is |digit - photo|, where the grey digit stands in all three channels and the photo is a
random patch of its size (Ganin et al. 2016, Domain-adversarial training of neural networks, section 5.2.4;
the photos are from BSDS500, Arbelaez, Maire, Fowlkes and Malik 2011). The set that its authors distribute is
made the same way with other draws. The digits of a split are those of MNIST, and no photo of the training
split lies behind a test digit.

The folder holds `mnist.npz` with `x_train`, `y_train`, `x_test` and `y_test`, and colour photos in
`photos/train` and `photos/test`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from speechtl.batches import Examples
from speechtl.models.layers import seed_of
from speechtl.text import Tokenizer

Split = Literal["train", "test"]

SIDE = 28
"""Pixels of an image's height and of its width."""
CHANNELS = 3
SOURCE, TARGET = "mnist", "mnist-m"
"""The two domains, as the column `domain` has them."""
LANGUAGE = "zxx"
"""The tag for what is no language."""
CLASSES = tuple("0123456789")
BLENDING_SEED = 0
"""Draws the photos and the patches: MNIST-M is one data set, whatever the seed of a training."""


@dataclass(frozen=True)
class Digits:
    """Images of digits from one domain."""

    domain: str
    pixels: NDArray[np.uint8]
    """(images, channel, height, width)."""
    labels: NDArray[np.uint8]
    """(images,)."""

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int | None) -> Digits:
        """The first so many of the images; None: all of them."""
        return Digits(self.domain, self.pixels[:count], self.labels[:count])

    def examples(self, *, is_labelled: bool = True) -> Examples:
        """The images as utterances of one second, whose samples are pixels in the order of `pixels`.

        Args:
            is_labelled: whether their labels come along.
        """
        count = len(self)
        samples = self.pixels.reshape(count, -1).astype(np.int16)
        return Examples(
            waveforms=list(samples),
            seconds=np.ones(count),
            labels=[[label + 1] for label in self.labels.tolist()] if is_labelled else [[]] * count,
            languages=[LANGUAGE] * count,
            ids=[f"{self.domain}/{number}" for number in range(count)],
            speakers=[None] * count,
            domains=[self.domain] * count,
            is_target=self.domain == TARGET,
        )


def tokenizer() -> Tokenizer:
    """The ten digits as classes."""
    return Tokenizer(LANGUAGE, CLASSES, "whole")


def data_folder(folder: Path | None = None) -> Path:
    """The folder of digits and photos: the one that is given, else `mnist-m` in $SPEECHTL_CORPORA.

    Raises:
        FileNotFoundError: it does not hold what it must.
    """
    if folder is None:
        corpora = os.environ.get("SPEECHTL_CORPORA")
        if not corpora:
            raise FileNotFoundError(
                "no folder of digits and photos: give one with --data, or set SPEECHTL_CORPORA to the folder "
                "that holds mnist-m"
            )
        folder = Path(corpora) / "mnist-m"
    missing = [name for name in ("mnist.npz", "photos/train", "photos/test") if not (folder / name).exists()]
    if missing:
        raise FileNotFoundError(
            f"{folder} lacks {', '.join(missing)}: expected mnist.npz (x_train, y_train, x_test, y_test) and "
            "colour photos in photos/train and photos/test"
        )
    return folder


def load_mnist(folder: Path, split: Split) -> Digits:
    """The digits of MNIST, grey, in three equal channels.

    Raises:
        ValueError: mnist.npz does not hold images of 28 by 28 pixels and a label for each.
    """
    path = folder / "mnist.npz"
    with np.load(path) as arrays:
        lacking = [name for name in (f"x_{split}", f"y_{split}") if name not in arrays]
        if lacking:
            raise ValueError(f"{path} lacks {' and '.join(lacking)}; it has {', '.join(arrays)}")
        grey, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
    if grey.shape != (len(labels), SIDE, SIDE) or grey.dtype != np.uint8:
        raise ValueError(
            f"{path}: x_{split} is {grey.dtype} {grey.shape}; expected uint8 {(len(labels), SIDE, SIDE)}, an "
            f"image for each label in y_{split}"
        )
    pixels = np.repeat(grey[:, None], CHANNELS, axis=1)
    return Digits(SOURCE, pixels, labels.astype(np.uint8))


def load_photos(folder: Path, split: Split) -> list[NDArray[np.uint8]]:
    """The colour photos (channel, height, width) of a split, in the order of their names.

    Raises:
        FileNotFoundError: there are none.
        ValueError: one is smaller than a digit.
    """
    from PIL import Image

    paths = sorted((folder / "photos" / split).glob("*.jpg"))
    if not paths:
        raise FileNotFoundError(f"no photo (*.jpg) in {folder / 'photos' / split}")
    photos = []
    for path in paths:
        with Image.open(path) as image:
            photo = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
        if min(photo.shape[1:]) < SIDE:
            raise ValueError(
                f"{path} is {photo.shape[2]} by {photo.shape[1]} pixels; a digit has {SIDE} by {SIDE}"
            )
        photos.append(photo)
    return photos


def blend(digits: Digits, photos: Sequence[NDArray[np.uint8]], seed: int) -> Digits:
    """|digit - photo| of each digit and a random patch of a random photo.

    Args:
        digits: the digits, whose labels stay.
        photos: each (channel, height, width).
        seed: draws the photos and the patches.
    """
    random = np.random.default_rng(seed)
    chosen = random.integers(len(photos), size=len(digits))
    places = random.random((len(digits), 2))
    pixels = np.empty_like(digits.pixels)
    for image, (photo, place, digit) in enumerate(zip(chosen, places, digits.pixels, strict=True)):
        pixels[image] = np.abs(digit.astype(np.int16) - _patch(photos[photo], place))
    return Digits(TARGET, pixels, digits.labels)


def _patch(photo: NDArray[np.uint8], place: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The patch (channel, height, width) of a digit's size at a place in [0, 1)² of all that there are."""
    top, left = (place * (np.array(photo.shape[1:]) - SIDE + 1)).astype(int)
    return photo[:, top : top + SIDE, left : left + SIDE]


def load_domains(folder: Path, split: Split, count: int | None = None) -> tuple[Digits, Digits]:
    """MNIST and MNIST-M of a split.

    Args:
        folder: of the digits and photos.
        split: which digits, and which photos behind them.
        count: only the first so many of each.
    """
    digits = load_mnist(folder, split).first(count)
    return digits, blend(digits, load_photos(folder, split), seed_of(BLENDING_SEED, "photos", split))
