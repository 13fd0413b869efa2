"""Augmentation: random changes to training speech, one file per method, each a function of what was drawn."""

from speechtl.augment.masks import SpecAugment
from speechtl.augment.settings import AugmentSettings

__all__ = ["AugmentSettings", "SpecAugment"]
