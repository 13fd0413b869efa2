"""A choice of weights without labels: how sure and how varied decisions on unlabelled speech are.

The mutual information between what is heard and what is decided, I = H(mean p) - mean H(p), is high where
each decision is sure and all of them together use many units; it is zero where all are equally likely, and
where one unit is always decided on. It needs no labels, and dev speech of another domain is not asked.
Sources: Bridle, Heading and MacKay 1991, Unsupervised classifiers, mutual information and phantom targets,
equation 8; Shi and Sha 2012, Information-theoretical learning of discriminative clusters for unsupervised
domain adaptation (arXiv:1206.6438), equation 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from speechtl.batches import Examples, inference_batches
from speechtl.domain_shift import drawn

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

MOST = 400
"""Utterances that are heard at an evaluation."""
MOST_SECONDS = 600.0
COLLAPSED = 0.1
"""Share of the entropy of equally frequent units, below which the decisions are always the same."""
EMPTY = 0.02
"""Share of the same, below which information is none."""
SILENT = 0.005
"""The mean share of a frame that is no blank, with less than which nothing is decided. Three letters in ten
seconds, heard in frames of 30 ms, are 0.01."""


@dataclass(frozen=True)
class Decisions:
    """What a model decides on unlabelled speech, in nats; means over the languages."""

    information: float
    """Mutual information between what is heard and the unit."""
    entropy: float
    """H(mean p): how many units are decided on; zero if always the same one, log(units) if all alike."""
    most: float
    """log(units): the most that both could be."""
    emitted: float = 1.0
    """The mean share of a frame that is no blank; 1 in a classifier."""

    @property
    def is_silent(self) -> bool:
        """Whether there is nearly nothing but blanks, of which the rest tells nothing."""
        return self.emitted < SILENT

    def to_dict(self) -> dict[str, Any]:
        """For metrics.jsonl; what is not finite is None."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}

    @property
    def collapse(self) -> str | None:
        """What is wrong if nearly always the same unit is decided on, or nothing is; None if all is well."""
        decided = "the decisions on the unlabelled speech"
        if self.is_silent:
            return f"{decided} are nearly nothing but blanks ({100 * self.emitted:.2f} % of a frame is none)"
        if not math.isfinite(self.information):
            return f"{decided} are not finite"
        if self.most > 0 and self.entropy < COLLAPSED * self.most:
            told = f"entropy {self.entropy:.2f} of at most {self.most:.2f} nats"
            return f"{decided} are nearly always the same ({told})"
        if self.most > 0 and self.information < EMPTY * self.most:
            told = f"information {self.information:.2f} of at most {self.most:.2f} nats"
            return f"{decided} do not depend on what is heard ({told})"
        return None


@dataclass(frozen=True)
class LabelFree:
    """Unlabelled speech, ready to be decided on; callable on a model."""

    examples: Examples

    @classmethod
    def of(cls, speech: Examples, languages: Iterable[str], seed: int) -> LabelFree | None:
        """Some of the speech that is in a language of the model; None where there is none.

        Args:
            speech: of the domain without labels.
            languages: those that the model has heads for.
            seed: draws from more than is wanted.
        """
        rows = np.flatnonzero(np.isin(speech.languages, list(languages))).tolist()
        known = speech.some(rows, [[]] * len(rows))
        if not len(known):
            return None
        return cls(known.some(drawn(known, MOST, seed, MOST_SECONDS).tolist()))

    def __call__(self, model: AcousticModel) -> Decisions:
        """Hear all of it with a model in eval mode."""
        tallies: dict[str, Tally] = {}
        device = next(model.parameters()).device
        with torch.inference_mode():
            for _, batch in inference_batches(self.examples):
                encoded = model.encode(batch.to(device))
                tags = np.asarray(batch.languages)
                for language in dict.fromkeys(batch.languages):
                    rows = torch.from_numpy(np.flatnonzero(tags == language)).to(device)
                    log_probs = model.log_probs(encoded, language, rows).cpu()
                    lengths = model.output_lengths(encoded, language, rows).cpu()
                    tallies.setdefault(language, Tally()).add(log_probs, lengths)
        found = [tally.decisions for tally in tallies.values()]
        return Decisions(
            information=float(np.mean([one.information for one in found])),
            entropy=float(np.mean([one.entropy for one in found])),
            most=float(np.mean([one.most for one in found])),
            emitted=float(np.mean([one.emitted for one in found])),
        )


class Tally:
    """Sums over frames, each counted as much as it is not blank."""

    def __init__(self) -> None:
        self._frames = 0
        self._weight = 0.0
        self._entropies = 0.0
        self._posteriors: Tensor | None = None

    def add(self, log_probs: Tensor, lengths: Tensor) -> None:
        """Take in the frames of a batch.

        Args:
            log_probs: (batch, time, 1 + units); column 0 is the blank, minus infinity in a classifier.
            lengths: (batch,) of them in frames; what is behind is padding, and not looked at.
        """
        frames = torch.cat([row[:length] for row, length in zip(log_probs, lengths.tolist(), strict=True)])
        units = frames[:, 1:].double()
        weights = units.logsumexp(dim=1, keepdim=True).exp()
        posteriors = units.softmax(dim=1).where(weights != 0, 0)
        entropies = torch.special.entr(posteriors).sum(dim=1, keepdim=True)
        self._frames += len(frames)
        self._weight += float(weights.sum())
        self._entropies += float((weights * entropies).sum())
        total = (weights * posteriors).sum(dim=0)
        self._posteriors = total if self._posteriors is None else self._posteriors + total

    @property
    def decisions(self) -> Decisions:
        """What the frames so far tell; not a number where none is anything but blank."""
        assert self._posteriors is not None, "there is speech"
        emitted = self._weight / self._frames
        if self._weight <= 0:
            return Decisions(math.nan, math.nan, math.log(len(self._posteriors)), emitted)
        mean = self._posteriors / self._weight
        entropy = float(torch.special.entr(mean).sum())
        information = max(entropy - self._entropies / self._weight, 0.0)  # not a number stays so
        return Decisions(information, entropy, math.log(len(mean)), emitted)
