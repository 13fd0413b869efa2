"""AcousticModel: inputs by domain, an encoder of named blocks, and a head per language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from speechtl.feature_cache import Clip
from speechtl.features import FeatureSettings
from speechtl.models.bilstm import BiLSTMBlock
from speechtl.models.conformer import ConformerBlock
from speechtl.models.fates import Fate
from speechtl.models.heads import ClassifierHead, CTCHead, blank_row, class_losses, ctc_losses
from speechtl.models.inputs import DomainInput, Input, Inputs, module_name
from speechtl.models.inserted import KINDS, Inserted, InsertedModule, Insertion
from speechtl.models.inserted_norm import norms_of
from speechtl.models.layers import MaskedBatchNorm, seeded
from speechtl.models.settings import ModelSettings
from speechtl.models.tdnn import TDNNBlock

if TYPE_CHECKING:
    from speechtl.batches import Batch
    from speechtl.text import Tokenizer

__all__ = ["AcousticModel", "Encoded", "ModelSettings"]


@dataclass(frozen=True)
class Encoded:
    """What the encoder made of a batch."""

    states: Mapping[str, Tensor]
    """(batch, time, dim) by column; one column, `main`, unless the model is progressive."""
    lengths: Tensor
    """(batch,) in frames."""
    taps: Mapping[str, Tensor] = field(default_factory=dict)
    """Outputs (batch, time, dim) of the blocks that were asked for, by name; for every input, what enters the
    encoder, of all domains."""


class AcousticModel(nn.Module):
    """Waveforms to log-probabilities of the units of each language it has a head for."""

    def __init__(
        self,
        settings: ModelSettings,
        features: FeatureSettings,
        tokenizers: Mapping[str, Tokenizer],
        *,
        inputs: Sequence[DomainInput] = (),
        words: Mapping[str, tuple[str, ...]] | None = None,
        trim_db: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.features = features
        self.tokenizers: dict[str, Tokenizer] = {}
        self.words = dict(words or {})
        self.trim_db = dict(trim_db or {})
        self.inputs = Inputs(features, settings.dim, seed=seed)
        for entry in inputs:
            self.inputs.add(entry, seed=seed)
        blocks = []
        for index in range(settings.blocks):
            with seeded(seed, f"encoder.{index}"):
                blocks.append(_block(settings, index))
        self.encoder = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(settings.dim)
        shares_blank = settings.head == "ctc" and settings.heads == "tagged"
        with seeded(seed, "blank"):
            self.shared_blank = blank_row(settings.dim) if shares_blank else None
        self.heads = nn.ModuleDict()
        self.inserted = Inserted()
        self.helpers = nn.ModuleDict()
        self.fates: dict[str, Fate] = {}
        for tokenizer in tokenizers.values():
            self.add_head(tokenizer, seed=seed, own_blank=settings.heads == "separate")

    @property
    def languages(self) -> list[str]:
        """Orthography tags of the heads, in the order they were added."""
        return list(self.tokenizers)

    def add_head(
        self, tokenizer: Tokenizer, *, seed: int, own_blank: bool = True
    ) -> CTCHead | ClassifierHead:
        """Add a randomly initialised head for a tokenizer's language and return it.

        Whole texts as units get a classifier, all others a CTC head.

        Raises:
            ValueError: the model already has a head for this language.
        """
        language = tokenizer.language
        if language in self.tokenizers:
            raise ValueError(f"the model already has a head for {language}")
        dim, units = self.settings.dim, len(tokenizer.units)
        head: CTCHead | ClassifierHead
        with seeded(seed, f"head.{language}"):
            if tokenizer.kind == "whole":
                head = ClassifierHead(dim, units)
            else:
                head = CTCHead(dim, units, own_blank=own_blank)
        self.heads[module_name(language)] = head
        self.tokenizers[language] = tokenizer
        return head

    def head(self, language: str) -> CTCHead | ClassifierHead:
        """The head of a language.

        Raises:
            ValueError: the model has none; names those it has.
        """
        if language not in self.tokenizers:
            raise ValueError(
                f"the model has no head for {language}; it knows {', '.join(self.languages)}. "
                "Choose one of these, or adapt it with `speechtl run`."
            )
        return cast(CTCHead | ClassifierHead, self.heads[module_name(language)])

    def blocks(self) -> dict[str, nn.Module]:
        """The named blocks: `input`, `input.<domain>` ..., `encoder.0` ..., `norm`, `head.<language>` ..."""
        named = self.inputs.blocks()
        named |= {f"encoder.{index}": block for index, block in enumerate(self.encoder)}
        named["norm"] = self.norm
        return named | {f"head.{language}": self.head(language) for language in self.languages}

    def block_width(self, block: str) -> int:
        """Width of the states (batch, time, width) that come out of a block.

        Raises:
            ValueError: there is no such block before the heads.
        """
        blocks = [name for name in self.blocks() if not name.startswith("head.")]
        if block not in blocks:
            raise ValueError(f"no block named {block!r} has states; this model has {', '.join(blocks)}")
        return self.settings.dim

    def train(self, mode: bool = True) -> AcousticModel:
        """Switch to training; a block or norm whose parameters are all frozen stays in eval mode."""
        super().train(mode)
        blocks = self.blocks()
        for block in blocks.values():
            if not any(value.requires_grad for value in block.parameters()):
                block.eval()
        for norm in self.modules():
            if isinstance(norm, MaskedBatchNorm) and not any(v.requires_grad for v in norm.parameters()):
                norm.eval()  # or the statistics of a frozen norm in a trained block would drift
        for module in self.inserted.all():
            module.follow(blocks[module.insertion.block])
        for recurrent in self.modules():
            if isinstance(recurrent, nn.RNNBase):
                recurrent.train(mode)  # changes nothing without dropout, and cuDNN needs it for a gradient
        return self

    def featurize(self, clips: Sequence[Clip]) -> list[Tensor]:
        """Features (time, views * mel) of each clip, warped as the model does, before all that it learned."""
        return self.inputs.featurize(clips, self.inserted)

    @property
    def warps(self) -> bool:
        """Whether inserted modules warp the filters of an input."""
        return any(KINDS[one.kind].where == "warp" for one in self.inserted.insertions)

    def featurized(self, batch: Batch) -> Batch:
        """A batch with features in place of waveforms, as this model makes them."""
        if batch.features is not None:
            return batch
        warps = [1.0] * len(batch.ids) if batch.warps is None else batch.warps.tolist()
        told = zip(batch.domains, batch.speakers, batch.languages, strict=True)
        clips = [
            Clip(samples[:length], warp, domain, 1.0, speaker, language)
            for samples, length, warp, (domain, speaker, language) in zip(
                batch.waveforms, batch.lengths.tolist(), warps, told, strict=True
            )
        ]
        return replace(batch, features=tuple(self.featurize(clips)))

    def encode(self, batch: Batch, taps: Iterable[str] = ()) -> Encoded:
        """Encode a batch's waveforms (batch, samples), with the batch's own masking and warps if it has them.

        Args:
            batch: utterances with their lengths.
            taps: names of the blocks whose outputs are wanted too.
        """
        wanted = set(taps)
        unknown = wanted - self.blocks().keys()
        if unknown:
            raise ValueError(f"no block named {sorted(unknown)}; this model has {list(self.blocks())}")
        states, lengths = self.inputs(batch, self.inserted)
        states = self._adjusted(self.inputs.blocks(), batch, states, lengths)
        tapped = {name: states for name in wanted if name.partition(".")[0] == "input"}
        for index, block in enumerate(self.encoder):
            name = f"encoder.{index}"
            states, lengths = block(states, lengths, self.inserted.at([name], "hidden", batch))
            states = self._adjusted([name], batch, states, lengths)
            if name in wanted:
                tapped[name] = states
        states = self.norm(states)
        if "norm" in wanted:
            tapped["norm"] = states
        return Encoded({"main": states}, lengths, tapped)

    def _adjusted(self, blocks: Iterable[str], batch: Batch, states: Tensor, lengths: Tensor) -> Tensor:
        """The output of a block as the inserted modules change it."""
        return self.inserted.at(blocks, "output", batch)(states, lengths)

    def insert(self, insertion: Insertion) -> InsertedModule:
        """Put a module into a block, as the identity.

        Raises:
            ValueError: there is no such block, or it has a module of this kind.
        """
        blocks = self.blocks()
        if insertion.block not in blocks:
            raise ValueError(f"no block named {insertion.block!r}; this model has {list(blocks)}")
        where, block = KINDS[insertion.kind].where, blocks[insertion.block]
        width = self.settings.dim
        if where in ("features", "warp"):
            if not isinstance(block, Input):
                raise ValueError(f"{insertion.kind} goes into an input, not into {insertion.block}")
            width = block.featurizer.settings.width
        elif where == "hidden":
            if not hasattr(block, "hidden_width"):
                raise ValueError(f"{insertion.kind} goes into an encoder block, not into {insertion.block}")
            width = cast(int, block.hidden_width)
        elif where == "norm":
            width = next((norm.num_features for norm in norms_of(block).values()), width)
        module = self.inserted.put(insertion, width)
        module.begin(block)
        return module

    def log_probs(self, encoded: Encoded, language: str, rows: Tensor | None = None) -> Tensor:
        """Log-probabilities (batch, time, 1 + units) of a language's units; column 0 is the blank.

        A classifier gives one frame for each utterance; `output_lengths` tells how many frames count.

        Args:
            encoded: the encoder's output.
            language: the orthography tag of the head.
            rows: utterances (n,) of the batch to decode; all of them if None.
        """
        states, lengths = encoded.states["main"], encoded.lengths
        if rows is not None:
            states, lengths = states[rows], lengths[rows]
        head = self.head(language)
        if isinstance(head, ClassifierHead):
            return cast(Tensor, head(states, lengths))
        return cast(Tensor, head(states, self.shared_blank))

    def output_lengths(self, encoded: Encoded, language: str, rows: Tensor | None = None) -> Tensor:
        """Frames (batch,) of `log_probs` with the same arguments that belong to each utterance."""
        lengths = encoded.lengths if rows is None else encoded.lengths[rows]
        return torch.ones_like(lengths) if isinstance(self.head(language), ClassifierHead) else lengths

    def task_losses(self, encoded: Encoded, batch: Batch) -> dict[str, Tensor]:
        """The heads' own losses (batch,), one value per utterance, through its language's head.

        `ctc` of the utterances that a CTC head reads, `classification` of those that a classifier decides on;
        zero for the others where a batch has both. What has no labels has a loss of zero, and does not count:
        the mean over the batch is that over what has labels.
        """
        losses: dict[str, Tensor] = {}
        labelled = batch.is_labelled.nonzero().flatten().tolist()
        weight = len(batch.ids) / max(1, len(labelled))
        for language in dict.fromkeys(batch.languages[row] for row in labelled):
            rows = torch.tensor([row for row in labelled if batch.languages[row] == language])
            rows = rows.to(encoded.lengths.device)
            log_probs = self.log_probs(encoded, language, rows)
            if isinstance(self.head(language), ClassifierHead):
                name = "classification"
                values = class_losses(log_probs, batch.labels[rows])
            else:
                name, lengths = "ctc", encoded.lengths[rows]
                values = ctc_losses(log_probs, lengths, batch.labels[rows], batch.label_lengths[rows])
            if weight != 1:
                values = values * weight
            start = losses.get(name, values.new_zeros(len(batch.ids)))
            losses[name] = start.index_copy(0, rows, values)
        return losses

    def encoded_frames(self, samples: Tensor, domains: Sequence[str | None] = ()) -> Tensor:
        """Frames (batch,) that the encoder makes of clips of so many samples, without running it.

        Args:
            samples: (batch,).
            domains: of each clip; without them all go through the default input.
        """
        return self.inputs.frames(samples, domains)


def _block(settings: ModelSettings, index: int) -> nn.Module:
    """The encoder's block of this number, counted from the input."""
    if settings.encoder == "bilstm":
        return BiLSTMBlock(settings.dim)
    if settings.encoder == "conformer":
        return ConformerBlock(
            settings.dim, settings.attention_heads, settings.feed_forward, settings.depthwise_kernel
        )
    return TDNNBlock(settings.dim, settings.kernel, settings.dilations[index % len(settings.dilations)])
