"""TrainSettings: how long, how fast and how precisely to train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from speechtl.choices import refuse_unknown_words


@dataclass(frozen=True)
class TrainSettings:
    """How long and how fast to train."""

    steps: int = 1200
    """Optimiser steps; the learning rate falls to zero at the last one."""
    batch_seconds: float = 24.0
    """Most audio in a batch, padding included, in seconds."""
    lr: float = 2e-3
    """Highest learning rate."""
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises."""
    optimiser: Literal["adamw", "sgd"] = "adamw"
    """`adamw`, with betas of 0.9 and 0.98. `sgd`: gradient descent with a momentum of 0.9."""
    schedule: Literal["cosine", "constant", "inverse"] = "cosine"
    """`cosine`: a linear rise over the warm-up, then half a cosine to zero. `constant`: the same rise, and no
    fall. `inverse`: lr / (1 + 10 p)^0.75 at progress p, without a warm-up."""
    weight_decay: float = 0.01
    """AdamW's decay of weight matrices; biases and norms have none."""
    dropout: float = 0.0
    """Share of channels dropped in each block of the encoder."""
    clip: float = 5.0
    """Largest norm of the gradient."""
    average: float = 0.99
    """Decay of the averaged weights, which are what is evaluated and kept."""
    temperature: float = 1.0
    """P(language) ∝ hours^(1/temperature); at 1 every utterance comes once per epoch."""
    is_mixed: bool = True
    """Whether a batch may hold several languages, or only one."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Autocast type; `auto` is bf16 where the device has it, else fp32 on a CPU and fp16 on a GPU."""
    evaluations: int = 10
    """Evaluations on dev, evenly spaced; the best averaged weights of these are kept."""
    patience: int = 0
    """Evaluations without a lower dev error after which a stage of the training ends, and the training with
    its last one; 0 never. Only with the constant schedule."""
    dev_utterances: int = 400
    """Most dev utterances per language in these evaluations; the first by a hash of their ids."""
    checkpoint_seconds: float = 60.0
    """Time between training checkpoints, in seconds."""
    feature_cache_gb: float = 2.5
    """Most memory for the features of training speech that comes again, in gigabytes, without the margins
    around the clips; on a CPU only."""
    threads: int = 0
    """CPU threads; 0 takes as many as there are cores."""

    def __post_init__(self) -> None:
        refuse_unknown_words(self)
        if self.steps < 0 or self.batch_seconds <= 0 or self.lr <= 0:
            raise ValueError(
                f"steps={self.steps}, batch_seconds={self.batch_seconds}, lr={self.lr}: "
                "steps must not be negative, the others must be above 0"
            )
        if not all(0 <= share < 1 for share in (self.warmup, self.average, self.dropout)):
            raise ValueError("warmup, average and dropout are shares: from 0 up to, not including, 1")
        if self.temperature <= 0 or self.clip <= 0:
            raise ValueError(f"temperature={self.temperature}, clip={self.clip}: both must be above 0")
        if self.evaluations < 1 or self.dev_utterances < 1:
            raise ValueError(
                f"evaluations={self.evaluations}, dev_utterances={self.dev_utterances}: "
                "both must be at least 1"
            )
        for name in ("patience", "weight_decay", "checkpoint_seconds", "feature_cache_gb", "threads"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)}: expected 0 or more")

    @property
    def evaluation_steps(self) -> frozenset[int]:
        """The steps after which dev is evaluated, the last one always among them."""
        return frozenset(round(self.steps * (i + 1) / self.evaluations) for i in range(self.evaluations))

    @property
    def mixed_precision(self) -> str:
        """accelerate's name for the precision on this machine's device."""
        import torch

        if self.precision == "fp32":
            return "no"
        if self.precision != "auto":
            return self.precision
        if torch.cuda.is_available():
            return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        return "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "no"
