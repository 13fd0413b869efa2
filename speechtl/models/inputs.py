"""Inputs: a featurizer and the layers behind it, one for each domain that has its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from speechtl.features import FeatureSettings, LogMel, Masking
from speechtl.models.inserted import UNCHANGED, Adjustment
from speechtl.models.layers import MaskedBatchNorm, convolve, seeded

if TYPE_CHECKING:
    from speechtl.batches import Batch
    from speechtl.feature_cache import Clip
    from speechtl.models.inserted import Inserted

SUBSAMPLING = 4
"""Frames of features for each frame that enters the encoder."""
DEFAULT = "default"
"""The input of all domains that have none of their own."""


@dataclass(frozen=True)
class DomainInput:
    """An input of its own for one domain of speech, such as the telephone's."""

    domain: str
    """The utterances' domain, as the corpus names it; all others go through the default input."""
    features: FeatureSettings
    """What the model sees of them."""

    def __post_init__(self) -> None:
        if not self.domain or "." in self.domain or self.domain == DEFAULT:
            raise ValueError(
                f"inputs: domain={self.domain!r} names a block; expected a name without dots, and not "
                "`default`, which is the input of all other domains"
            )

    def require_hop_of(self, features: FeatureSettings) -> None:
        """Refuse frames that are not as far apart as those of the default input.

        Raises:
            ValueError: they are not; one encoder could not serve both.
        """
        if self.features.hop_ms != features.hop_ms:
            raise ValueError(
                f"inputs: hop_ms={self.features.hop_ms:g} for {self.domain}, but {features.hop_ms:g} for the "
                "default input; the encoder that they share needs frames that are equally far apart"
            )


class Subsampling(nn.Module):
    """Two convolutions of stride 2 from features to the encoder's width: a quarter of the frames."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(width, dim, 5, stride=2, padding=2, bias=False)
        self.first_norm = MaskedBatchNorm(dim)
        self.second = nn.Conv1d(dim, dim, 5, stride=2, padding=2, bias=False)
        self.second_norm = MaskedBatchNorm(dim)

    def forward(
        self, features: Tensor, lengths: Tensor, adjust: Adjustment = UNCHANGED
    ) -> tuple[Tensor, Tensor]:
        """Map features (batch, time, width) to states (batch, time / 4, dim) and their lengths.

        `adjust` says whose batch norms utterances go through.
        """
        lengths = (lengths + 1) // 2
        states = convolve(self.first, features)
        states = torch.relu(adjust.normalise("first_norm", self.first_norm, states, lengths))
        lengths = (lengths + 1) // 2
        states = convolve(self.second, states)
        return torch.relu(adjust.normalise("second_norm", self.second_norm, states, lengths)), lengths


class Input(nn.Module):
    """One domain's featurizer and input layers."""

    def __init__(self, features: FeatureSettings, dim: int) -> None:
        super().__init__()
        self.featurizer = LogMel(features)
        self.layers = Subsampling(features.width, dim)

    def frames(self, samples: Tensor) -> Tensor:
        """Frames (batch,) that the layers make of clips of so many samples."""
        return ((self.featurizer.frames(samples) + 1) // 2 + 1) // 2

    def forward(
        self,
        waveforms: Tensor,
        lengths: Tensor,
        warps: Tensor | None = None,
        masking: Masking | None = None,
        adjust: Adjustment = UNCHANGED,
    ) -> tuple[Tensor, Tensor]:
        """Map waveforms (batch, samples) to states (batch, time, dim) and their lengths."""
        features, frames = self.featurizer(waveforms, lengths, warps)
        return self.enter(features, frames, masking, adjust)

    def enter(
        self, features: Tensor, lengths: Tensor, masking: Masking | None, adjust: Adjustment = UNCHANGED
    ) -> tuple[Tensor, Tensor]:
        """Map features (batch, time, width) to states (batch, time, dim) and their lengths.

        `adjust` changes the features, and what is masked stays masked; or the batch norms of the layers.
        """
        features = adjust(features, lengths)
        if masking is not None:
            features = masking(features, lengths)
        entered: tuple[Tensor, Tensor] = self.layers(features, lengths, adjust=adjust)
        return entered


class Inputs(nn.ModuleDict):
    """The inputs by domain; `default` is that of all domains that have none of their own."""

    def __init__(self, features: FeatureSettings, dim: int, *, seed: int) -> None:
        with seeded(seed, "input"):
            super().__init__({DEFAULT: Input(features, dim)})
        self.dim = dim
        self.features = features
        self.added: tuple[DomainInput, ...] = ()

    @property
    def domains(self) -> list[str]:
        """The domains that have an input of their own, in the order they were added."""
        return [entry.domain for entry in self.added]

    def add(self, entry: DomainInput, *, seed: int) -> None:
        """Add a randomly initialised input for a domain.

        Raises:
            ValueError: the domain has an input already, or its frames are not as far apart as the others'.
        """
        if entry.domain in self.domains:
            raise ValueError(f"the model already has an input for the domain {entry.domain}")
        entry.require_hop_of(self.features)
        with seeded(seed, f"input.{entry.domain}"):
            self[module_name(entry.domain)] = Input(entry.features, self.dim)
        self.added = (*self.added, entry)

    def of(self, domain: str | None) -> Input:
        """The input that utterances of a domain go through: its own, or the default one."""
        return cast(Input, self[module_name(domain) if domain in self.domains else DEFAULT])

    def blocks(self) -> dict[str, nn.Module]:
        """The inputs by the names of their blocks: `input`, `input.<domain>` ..."""
        named: dict[str, nn.Module] = {"input": self.of(None)}
        return named | {block_name(domain): self.of(domain) for domain in self.domains}

    def frames(self, samples: Tensor, domains: Sequence[str | None] = ()) -> Tensor:
        """Frames (batch,) of clips of so many samples; without their domains all are default ones."""
        frames = self.of(None).frames(samples)
        for entry in self.added:
            is_own = torch.tensor([domain == entry.domain for domain in domains], device=samples.device)
            if is_own.any():
                frames = torch.where(is_own, self.of(entry.domain).frames(samples), frames)
        return frames

    def forward(self, batch: Batch, inserted: Inserted | None = None) -> tuple[Tensor, Tensor]:
        """States (batch, time, dim) that enter the encoder, and their lengths (batch,)."""
        names = [domain if domain in self.domains else None for domain in batch.domains]
        if len(set(names)) == 1:
            return self._through(names[0], batch, inserted)
        lengths = self.frames(batch.lengths, batch.domains)
        states = batch.waveforms.new_zeros(len(names), int(lengths.max()), self.dim)
        for name in dict.fromkeys(names):
            rows = torch.tensor([row for row, other in enumerate(names) if other == name])
            rows = rows.to(lengths.device)
            own, _ = self._through(name, batch, inserted, rows)
            own = F.pad(own, (0, 0, 0, states.shape[1] - own.shape[1]))
            states = states.to(own.dtype).index_copy(0, rows, own)
        return states, lengths

    def featurize(self, clips: Sequence[Clip], inserted: Inserted | None = None) -> list[Tensor]:
        """Features (time, views * mel) of each clip, as its domain's input makes them, with its warps."""
        made: dict[int, Tensor] = {}
        domains = [clip.domain if clip.domain in self.domains else None for clip in clips]
        for domain in dict.fromkeys(domains):
            rows = [row for row, other in enumerate(domains) if other == domain]
            waves = [clips[row].waveform for row in rows]
            device = waves[0].device
            warps = torch.tensor([clips[row].warp for row in rows], device=device)
            if inserted is not None:
                warps = inserted.clip_warps(block_name(domain), [clips[row] for row in rows], warps)
            features, frames = self.of(domain).featurizer(
                pad_sequence(waves, batch_first=True),
                torch.tensor([len(wave) for wave in waves], device=device),
                None if bool((warps == 1).all()) else warps,
            )
            counts = frames.tolist()
            made |= {row: own[:count] for row, own, count in zip(rows, features, counts, strict=True)}
        return [made[row] for row in range(len(clips))]

    @property
    def feature_rate(self) -> float:
        """Most values of features that a second of speech has, of all domains."""
        settings = [self.features, *(entry.features for entry in self.added)]
        return max(one.width * 1000 / one.hop_ms for one in settings)

    def _through(
        self, domain: str | None, batch: Batch, inserted: Inserted | None, rows: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Put the utterances of one domain, at these rows of a batch, through its input."""
        entry = self.of(domain)
        adjust, bend, block = UNCHANGED, UNCHANGED, block_name(domain)
        if inserted is not None:
            adjust = inserted.at([block], "features", batch).of(rows)
            bend = inserted.at([block], "warp", batch).of(rows)
        masking = batch.masking
        if masking is not None and domain is not None:
            masking = masking.of_input(domain, entry.featurizer.settings.mels)
        if batch.features is not None:
            chosen = batch.features if rows is None else [batch.features[row] for row in rows.tolist()]
            frames = torch.tensor([len(own) for own in chosen], device=batch.lengths.device)
            return entry.enter(pad_sequence(list(chosen), batch_first=True), frames, masking, adjust)
        waveforms, lengths, warps = batch.waveforms, batch.lengths, batch.warps
        if rows is not None:
            waveforms, lengths = waveforms[rows], lengths[rows]
            waveforms = waveforms[:, : int(lengths.max())]
            warps = None if warps is None else warps[rows]
        if bend.modules:
            warps = bend.warps(torch.ones(len(lengths), device=lengths.device) if warps is None else warps)
        entered: tuple[Tensor, Tensor] = entry(waveforms, lengths, warps, masking, adjust)
        return entered


def block_name(domain: str | None) -> str:
    """The name of the block that is a domain's own input; None: the default one."""
    return "input" if domain is None else f"input.{domain}"


def module_name(name: str) -> str:
    """A head's or input's name among modules; some, such as Tongan's `to`, are attributes of every module."""
    return f"{name}_" if hasattr(nn.ModuleDict, name) else name
