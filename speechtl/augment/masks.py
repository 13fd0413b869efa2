"""SpecAugment: masks on the features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b

import torch
from torch import Tensor

from speechtl.augment.settings import AugmentSettings


@dataclass(frozen=True)
class SpecAugment:
    """Masks bands of filters and stretches of time with zero, the middle of the levels and of the others.

    Draws on each utterance's own length, not on the padded one, and anew from `seed` at every call: the
    same features always get the same masks.
    Source: Park et al. 2019, SpecAugment, section 2.
    """

    settings: AugmentSettings
    seed: int
    mels: int
    """Filters of a view."""

    def __call__(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Mask features (batch, time, views * mel), all views alike, with lengths (batch,) in frames."""
        batch, time, width = features.shape
        mels = self.mels
        settings, generator = self.settings, torch.Generator().manual_seed(self.seed)
        masked = features
        if settings.mel_masks:
            total = torch.full((batch, settings.mel_masks), float(mels))
            kept = ~_spans(total, settings.mel_width, mels, generator)
            masked = masked * kept.repeat(1, width // mels).unsqueeze(1).to(features)
        if settings.time_masks:
            total = lengths.cpu().float().unsqueeze(1).expand(batch, settings.time_masks)
            kept = ~_spans(total, total * settings.time_share, time, generator)
            kept = kept.unsqueeze(2).to(features)
            masked = masked * kept if masked is features else masked.mul_(kept)
        return masked

    def of_input(self, domain: str, mels: int) -> SpecAugment:
        """The masks of the utterances of a domain that has an input of its own, with so many filters."""
        digest = blake2b(f"{self.seed} {domain}".encode(), digest_size=8).digest()
        return replace(self, seed=int.from_bytes(digest, "little") >> 1, mels=mels)


def _spans(total: Tensor, widest: Tensor | float, size: int, generator: torch.Generator) -> Tensor:
    """Union (batch, size) of random spans, each up to `widest` long and inside its total (batch, n)."""
    width = torch.rand(total.shape, generator=generator) * widest
    start = (torch.rand(total.shape, generator=generator) * (total - width).clamp_min(0)).floor()
    position = torch.arange(size)
    inside = (position >= start.unsqueeze(2)) & (position < (start + width.floor()).unsqueeze(2))
    return inside.any(dim=1)
