"""What a network is worth: its accuracy on test images, and what its features tell of their domain."""

from __future__ import annotations

from typing import Any

import torch

from recipes.mnist_m.data import CLASSES, LANGUAGE, SOURCE
from recipes.mnist_m.material import Material
from recipes.mnist_m.network import FEATURES
from speechtl.batches import Examples, inference_batches
from speechtl.development import DevScore
from speechtl.domain_shift import Pooled, domain_probe, pooled_features, within_classes
from speechtl.models.acoustic import AcousticModel

EVALUATED = 500.0
"""Images, which last a second each, that are evaluated at once."""
PROBED = 1000
"""Test images of each domain that a fresh probe is trained and asked on."""


def accuracy(model: AcousticModel, examples: Examples) -> float:
    """Share of the images that a model in eval mode decides rightly on."""
    right, place = 0, next(model.parameters()).device
    with torch.inference_mode():
        for _, batch in inference_batches(examples, EVALUATED):
            decided = model.log_probs(model.encode(batch.to(place)), LANGUAGE)[:, 0].argmax(dim=1).cpu()
            right += int((decided == batch.labels[:, 0]).sum())
    return right / len(examples)


def errors_on_tests(model: AcousticModel, material: Material) -> DevScore:
    """The errors on both test sets, for the log: no row chooses by them.

    Whether the training diverges is told by that on MNIST, whose labels it has.
    """
    errors = {name: 1 - accuracy(model, examples) for name, examples in material.named_tests}
    return DevScore(errors[SOURCE], errors, blank_share=0.0, length_ratio=1.0)


def pooled_tests(model: AcousticModel, material: Material, most: int) -> tuple[Pooled, Pooled]:
    """The features of some test images of MNIST and of MNIST-M, at most so many of each."""
    source, target = (
        pooled_features(model, examples, FEATURES, most, classes=[CLASSES[label] for label in digits.labels])
        for examples, digits in zip(material.tests, material.test, strict=True)
    )
    return source, target


def probes(model: AcousticModel, material: Material) -> dict[str, Any]:
    """How well a fresh probe tells the domains apart by the features of test images; chance is one half."""
    pools = pooled_tests(model, material, PROBED)
    domains, within = domain_probe(*pools), within_classes(*pools)
    return {
        "domains": None if domains is None else domains.value,
        "domains_within_classes": None if within is None else within.value,
    }
