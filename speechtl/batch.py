"""A batch: utterances that travel together through a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from speechtl.features import SAMPLE_RATE, Masking
from speechtl.padding import padded


@dataclass(frozen=True)
class Batch:
    """Utterances that travel together, padded with zeros."""

    waveforms: Tensor
    """float32 (batch, samples)."""
    lengths: Tensor
    """int64 (batch,) in samples."""
    labels: Tensor
    """int64 (batch, units), padded with 0, the CTC blank."""
    label_lengths: Tensor
    """int64 (batch,)."""
    languages: tuple[str, ...]
    ids: tuple[str, ...]
    speakers: tuple[str | None, ...]
    domains: tuple[str | None, ...]
    is_target: Tensor
    """bool (batch,)."""
    is_labelled: Tensor
    """bool (batch,)."""
    masking: Masking | None = None
    """SpecAugment as drawn for this batch: every model that encodes it, teachers too, sees the same masks."""
    warps: Tensor | None = None
    """float32 (batch,) factors of vocal tract length that the filters are warped by; None and 1 are none."""
    features: tuple[Tensor, ...] | None = None
    """(time, views * mel) of each utterance, before masking; where they are given, there are no waveforms."""

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        return replace(self, **moved)


def concatenate(batches: Sequence[Batch]) -> Batch:
    """Put several streams' batches into one, padded to the longest."""
    if len(batches) == 1:
        return batches[0]
    joined: dict[str, object] = {"warps": _warps(batches)}
    for name in Batch.__dataclass_fields__.keys() - {"masking", "warps"}:
        values = [getattr(batch, name) for batch in batches]
        if values[0] is None:
            continue
        if name in ("waveforms", "labels"):
            joined[name] = padded([row for value in values for row in value])
        elif isinstance(values[0], Tensor):
            joined[name] = torch.cat(values)
        else:
            joined[name] = tuple(entry for value in values for entry in value)
    return Batch(**joined)  # type: ignore[arg-type]


def _warps(batches: Sequence[Batch]) -> Tensor | None:
    """The warps of several batches, 1 where one has none."""
    if all(batch.warps is None for batch in batches):
        return None
    return torch.cat([torch.ones(len(b.ids)) if b.warps is None else b.warps for b in batches])


def speech_seconds(batch: Batch) -> float:
    """Seconds of speech in a batch, padding left out."""
    return float(batch.lengths.sum()) / SAMPLE_RATE
