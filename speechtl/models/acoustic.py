"""AcousticModel: inputs by domain, an encoder of named blocks, and a head per language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn

from speechtl.features import FeatureSettings, LogMel
from speechtl.models.heads import CTCHead, blank_row, ctc_losses
from speechtl.models.layers import seeded
from speechtl.models.tdnn import TDNNBlock, TDNNInput

if TYPE_CHECKING:
    from speechtl.batches import Batch
    from speechtl.text import Tokenizer


@dataclass(frozen=True)
class ModelSettings:
    """Size and layout of an acoustic model."""

    dim: int = 256
    """Width of the encoder."""
    blocks: int = 8
    """Residual blocks of the encoder."""
    kernel: int = 3
    """Frames (of 40 ms) that a block's convolution sees; odd."""
    dilations: tuple[int, ...] = (1, 1, 2, 2, 4, 4, 1, 1)
    """Frames between the taps of each block's convolution, block by block and over again. A tone is often
    emitted where a clip ends, so the encoder must see from there to the last vowel."""
    heads: Literal["tagged", "separate"] = "tagged"
    """`tagged`: one softmax over language-tagged units, blank shared, masked by the utterance's
    language. `separate`: a softmax per language."""

    def __post_init__(self) -> None:
        if self.dim < 1 or self.blocks < 1:
            raise ValueError(f"dim={self.dim}, blocks={self.blocks}: both must be at least 1")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel={self.kernel}: expected an odd number, which keeps the length")
        if not self.dilations or min(self.dilations) < 1:
            raise ValueError(f"dilations={self.dilations}: expected one or more numbers of at least 1")


@dataclass(frozen=True)
class Encoded:
    """What the encoder made of a batch."""

    states: Mapping[str, Tensor]
    """(batch, time, dim) by column; one column, `main`, unless the model is progressive."""
    lengths: Tensor
    """(batch,) in frames."""
    taps: Mapping[str, Tensor] = field(default_factory=dict)
    """Outputs (batch, time, dim) of the blocks that were asked for, by name."""


class Input(nn.Module):
    """One domain's featurizer and input layers."""

    def __init__(self, features: FeatureSettings, dim: int) -> None:
        super().__init__()
        self.featurizer = LogMel(features)
        self.layers = TDNNInput(features.width, dim)


class AcousticModel(nn.Module):
    """Waveforms to log-probabilities of the units of each language it has a head for."""

    def __init__(
        self,
        settings: ModelSettings,
        features: FeatureSettings,
        tokenizers: Mapping[str, Tokenizer],
        *,
        words: Mapping[str, tuple[str, ...]] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.features = features
        self.tokenizers: dict[str, Tokenizer] = {}
        self.words = dict(words or {})
        with seeded(seed, "input"):
            self.inputs = nn.ModuleDict({"default": Input(features, settings.dim)})
        blocks = []
        for index in range(settings.blocks):
            with seeded(seed, f"encoder.{index}"):
                dilation = settings.dilations[index % len(settings.dilations)]
                blocks.append(TDNNBlock(settings.dim, settings.kernel, dilation))
        self.encoder = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(settings.dim)
        with seeded(seed, "blank"):
            self.shared_blank = blank_row(settings.dim) if settings.heads == "tagged" else None
        self.heads = nn.ModuleDict()
        for tokenizer in tokenizers.values():
            self.add_head(tokenizer, seed=seed, own_blank=settings.heads == "separate")

    @property
    def languages(self) -> list[str]:
        """Orthography tags of the heads, in the order they were added."""
        return list(self.tokenizers)

    def add_head(self, tokenizer: Tokenizer, *, seed: int, own_blank: bool = True) -> CTCHead:
        """Add a randomly initialised head for a tokenizer's language and return it.

        Raises:
            ValueError: the model already has a head for this language.
        """
        language = tokenizer.language
        if language in self.tokenizers:
            raise ValueError(f"the model already has a head for {language}")
        with seeded(seed, f"head.{language}"):
            head = CTCHead(self.settings.dim, len(tokenizer.units), own_blank=own_blank)
        self.heads[_module_name(language)] = head
        self.tokenizers[language] = tokenizer
        return head

    def head(self, language: str) -> CTCHead:
        """The head of a language.

        Raises:
            ValueError: the model has none; names those it has.
        """
        if language not in self.tokenizers:
            raise ValueError(
                f"the model has no head for {language}; it knows {', '.join(self.languages)}. "
                "Choose one of these, or adapt it with `speechtl run`."
            )
        return cast(CTCHead, self.heads[_module_name(language)])

    def blocks(self) -> dict[str, nn.Module]:
        """The named blocks from input to output: `input`, `encoder.0` ..., `norm`, `head.<language>` ..."""
        named: dict[str, nn.Module] = {"input": self.inputs["default"]}
        named |= {f"encoder.{index}": block for index, block in enumerate(self.encoder)}
        named["norm"] = self.norm
        return named | {f"head.{language}": self.head(language) for language in self.languages}

    def encode(self, batch: Batch, taps: Iterable[str] = ()) -> Encoded:
        """Encode a batch's waveforms (batch, samples), with the batch's own masking if it has one.

        Args:
            batch: utterances with their lengths.
            taps: names of the blocks whose outputs are wanted too.
        """
        wanted = set(taps)
        unknown = wanted - self.blocks().keys()
        if unknown:
            raise ValueError(f"no block named {sorted(unknown)}; this model has {list(self.blocks())}")
        source = cast(Input, self.inputs["default"])
        states, lengths = source.featurizer(batch.waveforms, batch.lengths)
        if batch.masking is not None:
            states = batch.masking(states, lengths)
        tapped: dict[str, Tensor] = {}
        encoder = {f"encoder.{index}": block for index, block in enumerate(self.encoder)}
        for name, block in {"input": source.layers, **encoder}.items():
            states, lengths = block(states, lengths)
            if name in wanted:
                tapped[name] = states
        states = self.norm(states)
        if "norm" in wanted:
            tapped["norm"] = states
        return Encoded({"main": states}, lengths, tapped)

    def log_probs(self, encoded: Encoded, language: str, rows: Tensor | None = None) -> Tensor:
        """Log-probabilities (batch, time, 1 + units) of a language's units; column 0 is the blank.

        Args:
            encoded: the encoder's output.
            language: the orthography tag of the head.
            rows: utterances (n,) of the batch to decode; all of them if None.
        """
        states = encoded.states["main"]
        chosen = states if rows is None else states[rows]
        return cast(Tensor, self.head(language)(chosen, self.shared_blank))

    def task_losses(self, encoded: Encoded, batch: Batch) -> dict[str, Tensor]:
        """The heads' own losses: `ctc` (batch,), one value per utterance, through its language's head."""
        losses = encoded.states["main"].new_zeros(len(batch.ids), dtype=torch.float32)
        for language in dict.fromkeys(batch.languages):
            rows = torch.tensor([i for i, tag in enumerate(batch.languages) if tag == language])
            rows = rows.to(losses.device)
            values = ctc_losses(
                self.log_probs(encoded, language, rows),
                encoded.lengths[rows],
                batch.labels[rows],
                batch.label_lengths[rows],
            )
            losses = losses.index_copy(0, rows, values)
        return {"ctc": losses}

    def encoded_frames(self, samples: Tensor) -> Tensor:
        """Frames (batch,) that the encoder makes of clips of so many samples, without running it."""
        frames = cast(Input, self.inputs["default"]).featurizer.frames(samples)
        return ((frames + 1) // 2 + 1) // 2


def _module_name(language: str) -> str:
    """A head's name among the modules; some tags, such as Tongan's `to`, are attributes of every module."""
    return f"{language}_" if hasattr(nn.ModuleDict, language) else language
