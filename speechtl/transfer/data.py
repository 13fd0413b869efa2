"""What a transfer method draws on, and how its batches are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from speechtl.augment import AugmentSettings
from speechtl.batches import Batch, Examples
from speechtl.feature_cache import FeatureCache

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel, Encoded
    from speechtl.text import Tokenizer

UnitTable = Mapping[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class TransferData:
    """What a method may draw on."""

    target: Examples
    """The labelled target speech."""
    tokenizers: Mapping[str, Tokenizer]
    """The target's tokenizers by language, fitted on its training text."""
    unit_table: UnitTable | None = None
    """Which source units (language, unit) a target unit's head row starts from: their mean."""
    table_languages: tuple[str, ...] | None = None
    """The languages that the table is for; None: all."""
    source: Examples | None = None
    """The source's labelled training speech, for methods that need it."""
    unlabelled: Examples | None = None
    """Speech of the target domain without labels, for methods that need it."""

    def table_of(self, language: str) -> UnitTable | None:
        """The table for a language; None where its units go by equal symbol."""
        is_for = self.table_languages is None or language in self.table_languages
        return self.unit_table if is_for else None

    @property
    def has_audio(self) -> bool:
        """Whether there is anything to hear; not where a plan is made before training, by sizes alone."""
        return len(self.target.waveforms) > 0

    @property
    def source_speech(self) -> Examples:
        """The source's training speech.

        Raises:
            ValueError: there is none.
        """
        if self.source is None:
            raise ValueError(
                "this method needs the training speech of its source, and there is none. Name it by "
                "source_speech, or take a source that is a recipe or a run, which says what it was trained on"
            )
        return self.source

    @property
    def unlabelled_speech(self) -> Examples:
        """The target domain's speech without labels.

        Raises:
            ValueError: there is none.
        """
        if self.unlabelled is None:
            raise ValueError(
                "this method learns from speech without labels, and there is none. Name it by unlabelled"
            )
        return self.unlabelled

    def with_domains(self, *, has_source: bool = False) -> TransferData:
        """The same, where each utterance says by `is_target` which of two domains it is of.

        Of the target domain is what has no labels. Of the labelled speech, it is what has the column `domain`
        of some of that; where all of it would be, the column tells nothing, and none is.

        Args:
            has_source: Whether the source's speech is heard as well, and is the other domain.
        """
        unlabelled = self.unlabelled_speech
        domains = set(unlabelled.domains) - {None}
        is_target = np.array([domain in domains for domain in self.target.domains])
        if is_target.all() and not has_source:
            is_target[:] = False
        return replace(
            self,
            target=replace(self.target, is_target=is_target),
            unlabelled=replace(unlabelled, is_target=True, labels=[[]] * len(unlabelled)),
        )


@dataclass(frozen=True)
class StreamSettings:
    """How a run draws its batches."""

    batch_seconds: float
    seed: int
    augment: AugmentSettings = field(default_factory=AugmentSettings.off)
    temperature: float = 1.0
    is_mixed: bool = True
    cache: FeatureCache | None = None
    """Where the features of the streams come from."""


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate and a weight decay."""

    names: tuple[str, ...]
    parameters: tuple[Tensor, ...]
    weight_decay: float
    lr_scale: float = 1.0
    is_clipped: bool = True
    """Whether its gradient counts, and is shortened, with that of the model; helpers' are not."""


@dataclass(frozen=True)
class ForwardPass:
    """One forward pass of training, as a method's own losses see it."""

    model: AcousticModel
    """In training."""
    source: AcousticModel | None
    """The frozen source in eval mode; None from scratch."""
    batch: Batch
    encoded: Encoded
    """What the model made of the batch."""
    progress: float
    """Of the whole training, in [0, 1)."""
