"""Transfer: what a method decides. The base class is plain fine-tuning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from speechtl.augment import AugmentSettings
from speechtl.batches import Batch, Examples, Stream
from speechtl.feature_cache import FeatureCache
from speechtl.transfer.head_rows import Coverage, copy_rows, corresponding_rows

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel
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

    def table_of(self, language: str) -> UnitTable | None:
        """The table for a language; None where its units go by equal symbol."""
        is_for = self.table_languages is None or language in self.table_languages
        return self.unit_table if is_for else None


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


@dataclass(frozen=True)
class Transfer:
    """Fine-tuning: start from the source's weights and train all of them on the target.

    Every other method is a subclass that overrides what makes it different. Methods hold no state.
    """

    head_rows: Literal["source", "random"] = "source"
    """`source`: a new language's head starts from the rows of corresponding units of the source's heads,
    as the recipe's table says, else by equal symbol. `random`: all its rows are new."""
    trains: Literal["all", "head"] = "all"
    """`head`: only the heads of the target's languages are trained; inputs and encoder stay the source's, bit
    for bit, their batch norms too."""

    def coverage(self, model: AcousticModel, data: TransferData) -> list[Coverage]:
        """Where the head rows of each language that the source lacks will come from."""
        new = [tokenizer for tag, tokenizer in data.tokenizers.items() if tag not in model.tokenizers]
        if self.head_rows == "random":
            return [corresponding_rows(model, tokenizer, {}) for tokenizer in new]
        return [corresponding_rows(model, tokenizer, data.table_of(tokenizer.language)) for tokenizer in new]

    def adapt(self, model: AcousticModel, data: TransferData, seed: int) -> AcousticModel:
        """Prepare a copy of the source for training on the target, keeping the source's heads.

        A language that the model knows keeps its head and tokenizer. Heads and inputs that no target
        utterance goes through are left out of training.
        """
        for coverage in self.coverage(model, data):
            model.add_head(data.tokenizers[coverage.language], seed=seed)
            if self.head_rows == "source":
                copy_rows(model, coverage)
        for language in set(model.languages) - set(data.target.languages):
            model.head(language).requires_grad_(False)
        if model.shared_blank is not None and not any(
            model.head(language).shares_blank for language in set(data.target.languages)
        ):
            model.shared_blank.requires_grad_(False)
        used = {model.inputs.of(domain) for domain in set(data.target.domains)}
        for entry in model.inputs.values():
            if entry not in used:
                entry.requires_grad_(False)
        if self.trains == "head":
            shared = (model.inputs, model.encoder, model.norm)
            for part in shared:
                part.requires_grad_(False)
        return model.train(model.training)  # what is frozen now leaves training mode

    def streams(self, data: TransferData, settings: StreamSettings) -> dict[str, Stream]:
        """The corpora that fill every batch; here the target alone."""
        return {
            "target": Stream(
                data.target,
                settings.batch_seconds,
                settings.seed,
                settings.augment,
                settings.temperature,
                settings.is_mixed,
                settings.cache,
            )
        }

    def groups(self, model: AcousticModel, weight_decay: float) -> list[ParameterGroup]:
        """Parameter groups: weights decay, biases and norms do not, frozen parameters are in neither."""
        trained = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
        groups = []
        for decays in (True, False):
            chosen = [(name, value) for name, value in trained if (value.ndim > 1) == decays]
            names, values = tuple(n for n, _ in chosen), tuple(v for _, v in chosen)
            groups.append(ParameterGroup(names, values, weight_decay if decays else 0.0))
        return [group for group in groups if group.parameters]

    def optimiser(self, groups: list[ParameterGroup], lr: float) -> torch.optim.Optimizer:
        """AdamW over the groups, fused: a third of the time of the loop over parameters on a CPU."""
        arguments: list[dict[str, Any]] = [
            {
                "params": list(group.parameters),
                "weight_decay": group.weight_decay,
                "lr": lr * group.lr_scale,
                "lr_scale": group.lr_scale,
            }
            for group in groups
        ]
        return torch.optim.AdamW(arguments, lr=lr, betas=(0.9, 0.98), fused=True)

    def rate(self, progress: float, warmup: float) -> float:
        """Multiplier on the learning rate: linear over the warm-up's share, then half a cosine to zero.

        >>> [round(Transfer().rate(p, warmup=0.1), 3) for p in (0, 0.05, 0.1, 0.55, 1)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
        """
        if progress < warmup:
            return progress / warmup
        return 0.5 + 0.5 * math.cos(math.pi * (progress - warmup) / (1 - warmup))

    def losses(
        self, model: AcousticModel, source: AcousticModel | None, batch: Batch, progress: float
    ) -> dict[str, Tensor]:
        """Named, weighted terms: (batch,) for one value per utterance, or a scalar."""
        return model.task_losses(model.encode(batch), batch)

    def finish(self, model: AcousticModel) -> AcousticModel:
        """Remove what only training needed."""
        return model.requires_grad_(True)
