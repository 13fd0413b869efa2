"""The images of the benchmark, loaded once for all its cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recipes.mnist_m.data import SOURCE, TARGET, Digits, load_domains
from recipes.mnist_m.network import mean_pixel
from speechtl.batches import Examples


@dataclass(frozen=True)
class Material:
    """The images of both domains, loaded once for all cells."""

    train: tuple[Digits, Digits]
    """MNIST and MNIST-M."""
    test: tuple[Digits, Digits]

    @classmethod
    def load(cls, folder: Path, images: int | None = None) -> Material:
        """Load what is in a folder.

        Args:
            folder: of the digits and photos.
            images: only the first so many of the training images; None: all of them.
        """
        return cls(load_domains(folder, "train", images), load_domains(folder, "test"))

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """The mean (channel,) of all training pixels, which every network takes off."""
        return mean_pixel(*self.train)

    @cached_property
    def labelled(self) -> tuple[Examples, Examples]:
        """The training images of MNIST and of MNIST-M with their labels."""
        return self.train[0].examples(), self.train[1].examples()

    @cached_property
    def unlabelled(self) -> Examples:
        """The training images of MNIST-M."""
        count = len(self.train[1])
        return replace(self.labelled[1], labels=[[]] * count)

    @cached_property
    def tests(self) -> tuple[Examples, Examples]:
        """The test images of MNIST and of MNIST-M."""
        return self.test[0].examples(), self.test[1].examples()

    @property
    def named_tests(self) -> tuple[tuple[str, Examples], tuple[str, Examples]]:
        """The test images with the names of their domains."""
        return (SOURCE, self.tests[0]), (TARGET, self.tests[1])
