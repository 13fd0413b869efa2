"""ModelSettings: which encoder, how large, and which kind of heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from speechtl.choices import refuse_unknown_words

Encoder = Literal["tdnn", "bilstm", "conformer"]
_OWN = {
    "kernel": "tdnn",
    "dilations": "tdnn",
    "attention_heads": "conformer",
    "feed_forward": "conformer",
    "depthwise_kernel": "conformer",
}
"""Settings that only one encoder has."""


@dataclass(frozen=True)
class ModelSettings:
    """Size and layout of an acoustic model."""

    encoder: Encoder = "tdnn"
    """`tdnn`: dilated convolutions. `bilstm`: recurrence in both directions. `conformer`: attention and
    convolution. The weights of 8 TDNN blocks at dim 256 are those of 4 BiLSTM blocks at 256, and of 5
    Conformer blocks at 144."""
    dim: int = 256
    """Width of the encoder."""
    blocks: int = 8
    """Residual blocks of the encoder."""
    kernel: int = 3
    """TDNN: frames (of 40 ms) that a block's convolution sees; odd."""
    dilations: tuple[int, ...] = (1, 1, 2, 2, 4, 4, 1, 1)
    """TDNN: frames between the taps of each block's convolution, block by block and over again. A tone is
    often emitted where a clip ends, so the encoder must see from there to the last vowel."""
    attention_heads: int = 4
    """Conformer: parts that the attention is cut into; each takes an even share of `dim`."""
    feed_forward: int = 2
    """Conformer: hidden width of the feed-forward modules, in multiples of `dim`."""
    depthwise_kernel: int = 15
    """Conformer: frames (of 40 ms) that a block's depthwise convolution sees; odd."""
    head: Literal["ctc", "classifier"] = "ctc"
    """`ctc`: a unit or the blank for every frame. `classifier`: one decision for the whole utterance, among
    the texts of training; needs text.units=whole."""
    heads: Literal["tagged", "separate"] = "tagged"
    """`tagged`: one softmax over language-tagged units, blank shared, masked by the utterance's
    language. `separate`: a softmax per language."""

    def __post_init__(self) -> None:
        refuse_unknown_words(self)
        if self.dim < 1 or self.blocks < 1:
            raise ValueError(f"dim={self.dim}, blocks={self.blocks}: both must be at least 1")
        for name in ("kernel", "depthwise_kernel"):
            if (size := getattr(self, name)) < 1 or size % 2 == 0:
                raise ValueError(f"{name}={size}: expected an odd number, which keeps the length")
        if not self.dilations or min(self.dilations) < 1:
            raise ValueError(f"dilations={self.dilations}: expected one or more numbers of at least 1")
        for name, encoder in _OWN.items():
            value, usual = getattr(self, name), type(self).__dataclass_fields__[name].default
            if encoder != self.encoder and value != usual:
                raise ValueError(f"{name}={value} is for encoder={encoder}, not for {self.encoder}")
        if self.encoder == "bilstm" and self.dim % 2:
            raise ValueError(
                f"dim={self.dim}: a BiLSTM gives half of it to each direction, so it must be even"
            )
        if self.encoder == "conformer":
            self._check_attention()

    def _check_attention(self) -> None:
        if self.feed_forward < 1 or self.attention_heads < 1:
            raise ValueError(
                f"feed_forward={self.feed_forward}, attention_heads={self.attention_heads}: both must be at "
                "least 1"
            )
        if self.dim % (2 * self.attention_heads):
            raise ValueError(
                f"dim={self.dim} cannot be cut into attention_heads={self.attention_heads} parts of an even "
                f"width, which rotary positions need; choose a multiple of {2 * self.attention_heads}"
            )
