"""Mixing: how much of each language a training has drawn so far."""

from __future__ import annotations

from collections.abc import Mapping

from speechtl.batches import Batch
from speechtl.features import SAMPLE_RATE


def count_drawn(drawn: dict[str, float], batch: Batch) -> None:
    """Add the seconds of speech of a batch to those of its languages, padding left out.

    What is the source's, and what has no labels, is counted apart, under names such as `en (source)`.
    """
    flags = zip(batch.is_target.tolist(), batch.is_labelled.tolist(), strict=True)
    for language, (is_target, is_labelled), samples in zip(
        batch.languages, flags, batch.lengths.tolist(), strict=True
    ):
        name = language if is_target else f"{language} (source)"
        name = name if is_labelled else f"{language} (unlabelled)"
        drawn[name] = drawn.get(name, 0.0) + samples / SAMPLE_RATE


def shares(drawn: Mapping[str, float]) -> dict[str, float]:
    """Each language's share of the seconds; P(language) ∝ hours^(1/temperature) is what is aimed at.

    >>> shares({"en": 30.0, "ar": 10.0})
    {'ar': 0.25, 'en': 0.75}
    """
    whole = sum(drawn.values())
    return {language: round(drawn[language] / whole, 6) for language in sorted(drawn)} if whole else {}
