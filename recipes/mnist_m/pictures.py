"""Pictures of the benchmark: blended digits, and the features without and with an adaptation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recipes.mnist_m.cells import Cell, trained_model
from recipes.mnist_m.material import Material
from recipes.mnist_m.scores import pooled_tests
from speechtl.embedding import draw_tsne
from speechtl.whole_files import explained, replaced

SHOWN = 10
"""Digits of each domain in the picture."""
SCALE = 4
"""Pixels of the picture, in each direction, for a pixel of a digit."""
POOLED = 500
"""Test images of each domain in the plane."""


def draw_digits(material: Material, picture: Path) -> None:
    """Draw one digit of each class: above as MNIST has it, below blended with a photo.

    Raises:
        OSError: the disk is full or not writable.
    """
    from PIL import Image

    grey, blended = material.test
    chosen = [int(np.flatnonzero(grey.labels == label)[0]) for label in range(SHOWN)]
    rows = [np.concatenate(list(digits.pixels[chosen]), axis=2) for digits in (grey, blended)]
    pixels = np.concatenate(rows, axis=1).transpose(1, 2, 0).repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    with explained("the picture of the digits", picture), replaced(picture) as beside:
        Image.fromarray(pixels).save(beside, format="png")


def draw_features(plain: Cell, adapted: Cell, material: Material, picture: Path) -> None:
    """Draw t-SNEs of both domains' test images by the features of two finished cells, with the points beside.

    Args:
        plain: trained on labelled MNIST alone.
        adapted: trained by a method that also hears MNIST-M.
        material: the images.
        picture: the PNG.

    Raises:
        FileNotFoundError: a cell is not finished.
        OSError: the disk is full or not writable.
    """
    draw_tsne(
        pooled_tests(trained_model(plain), material, POOLED),
        pooled_tests(trained_model(adapted), material, POOLED),
        picture,
        f"Features of MNIST and MNIST-M, {plain.network} network, seed {plain.seed}",
        start="labelled MNIST alone",
        names=("MNIST", "MNIST-M"),
    )
