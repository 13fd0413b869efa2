"""What a domain head sees of features and posteriors together, so that it compares like sounds."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from speechtl.models.layers import seeded
from speechtl.transfer.data import ForwardPass

WIDEST = 4096
"""Products of a feature and a posterior, at most, that the head sees one by one."""
RANDOM = 1024
"""Random combinations that stand for them where there are more."""


class Conditioning(nn.Module):
    """Features f and posteriors g as one vector: all products f ⊗ g, or random combinations of them.

    The posteriors are those of the utterance's own language; those of other languages are zero. Above 4096
    products it is (R_f f) ⊙ (R_g g) / √1024, where R_f and R_g are drawn once from a normal distribution and
    never trained.
    Source: Long, Cao, Wang and Jordan 2018, Conditional adversarial domain adaptation, section 3.2.
    """

    feature_map: Tensor | None
    posterior_map: Tensor | None

    def __init__(self, width: int, units: Mapping[str, int], seed: int) -> None:
        """Draw the random maps where they are needed.

        Args:
            width: of the features.
            units: of the head of each language, the blank included.
            seed: draws the maps.
        """
        super().__init__()
        ends = torch.tensor(list(units.values())).cumsum(0).tolist()
        self.places = {tag: slice(end - units[tag], end) for tag, end in zip(units, ends, strict=True)}
        """Where the posteriors of each language stand among those of all."""
        self.units = sum(units.values())
        is_random = width * self.units > WIDEST
        self.width = RANDOM if is_random else width * self.units
        """Of what the head sees."""
        with seeded(seed, "helper.domain.maps"):
            self.register_buffer("feature_map", torch.randn(width, RANDOM) if is_random else None)
            self.register_buffer("posterior_map", torch.randn(self.units, RANDOM) if is_random else None)

    def forward(self, features: Tensor, posteriors: Tensor) -> Tensor:
        """Join features (..., width) and posteriors (..., units) to (..., products or combinations)."""
        if self.feature_map is None or self.posterior_map is None:
            return (features.unsqueeze(-1) * posteriors.unsqueeze(-2)).flatten(-2)
        return (features @ self.feature_map) * (posteriors @ self.posterior_map) / math.sqrt(RANDOM)

    @torch.no_grad()
    def posteriors(self, forward: ForwardPass) -> Tensor:
        """What the model makes of each frame (batch, time, units), without a gradient.

        A classifier's only decision is that of all frames.
        """
        model, encoded, languages = forward.model, forward.encoded, forward.batch.languages
        batch, time = encoded.states["main"].shape[:2]
        device = encoded.lengths.device
        found = torch.zeros(batch, time, self.units, device=device)
        for language in dict.fromkeys(languages):
            rows = torch.tensor([row for row, tag in enumerate(languages) if tag == language], device=device)
            shares = model.log_probs(encoded, language, rows).exp().expand(-1, time, -1)
            found[rows, :, self.places[language]] = shares
        return found
