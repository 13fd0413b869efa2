"""DANN: the features learn to hide which domain they come from."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import torch
from torch import Tensor

from speechtl.batches import Batch, Examples
from speechtl.faults import listed
from speechtl.models.layers import seeded
from speechtl.transfer.base import ForwardPass, Transfer, TransferData
from speechtl.transfer.conditional import Conditioning
from speechtl.transfer.domain_features import pooled
from speechtl.transfer.domain_head import DomainHead, balanced_mean, losses_and_hits
from speechtl.transfer.reversal import reverse, strength

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

HELPER = "domain"
DOMAINS = ("source", "target")
"""The classes of `over="domain"`: labelled speech of another domain, and speech of the target's."""
COLUMNS = {"accent": "domain", "speaker": "speaker", "language": "language"}
"""The columns of a corpus whose values are the classes."""


@dataclass(frozen=True)
class DANN(Transfer):
    """Domain-adversarial training: a head learns to tell domains apart, and the features to prevent it.

    Adds the head's cross-entropy, whose gradient is multiplied by -λ where it enters the model, so that the
    model learns what its labels need and what looks alike in both domains. The head itself learns at full
    strength. λ(p) = weight · (2 / (1 + e^(-γp)) - 1) over the training's progress p. Every class in a batch
    weighs alike. The head is dropped after training; `domain_accuracy`, `domain_chance` and `reversal`, which
    is λ, stand in metrics.jsonl.

    Source: Ganin, Ustinova, Ajakan, Germain, Larochelle, Laviolette, Marchand and Lempitsky 2016,
    Domain-adversarial training of neural networks, equations 13 to 18; conditional on posteriors, Long, Cao,
    Wang and Jordan 2018, Conditional adversarial domain adaptation, section 3.2.
    """

    over: Literal["domain", "accent", "speaker", "language"] = "domain"
    """What is to be hidden: whether speech is of the labelled or of the unlabelled domain; or which value it
    has of the column `domain` (accents), `speaker` or `language`. An utterance without one counts nothing."""
    block: str = "norm"
    """The block whose output the head hears, through the reversal; `norm` is the last before the heads."""
    weight: float = 1.0
    """The highest λ. 0 is the control: the head learns and is measured, and the model hears nothing of it."""
    gamma: float = 10.0
    """How soon λ rises: at 10 it has 99 % of its height at half of the training."""
    schedule: Literal["rising", "constant"] = "rising"
    """`constant`: λ is `weight` from the first step on."""
    level: Literal["utterance", "frame"] = "utterance"
    """What the head decides on: the mean of an utterance's frames, or each frame."""
    hidden: tuple[int, ...] = (100,)
    """Widths of the head's hidden layers."""
    is_conditional: bool = False
    """Whether the head also sees what the model reads, so that it compares the domains sound by sound."""

    hears_unlabelled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight < 0:
            raise ValueError(
                f"weight={self.weight}: expected 0 or more; below 0 the model would help the head"
            )
        if self.gamma <= 0:
            raise ValueError(f"gamma={self.gamma}: expected a number above 0; for no rise, schedule=constant")
        if any(width < 1 for width in self.hidden):
            raise ValueError(f"hidden={self.hidden}: expected widths of 1 or more")
        if self.trains == "head":
            raise ValueError("trains=head freezes every block that the reversal could change; train all")

    @property
    def control(self) -> str:
        """Without the term."""
        return "--method.weight 0" if self.weight else ""

    @property
    def taps(self) -> tuple[str, ...]:
        """The block that the head hears."""
        return (self.block,)

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse a block that the model lacks, a single class, and speech that has no posteriors.

        Raises:
            ValueError: as said; names the blocks or classes that there are.
        """
        blocks = [name for name in model.blocks() if not name.startswith("head.")]
        if self.block not in blocks:
            near = difflib.get_close_matches(self.block, blocks, n=3, cutoff=0.4)
            meant = f"the nearest are {', '.join(near)}; all" if near else "they"
            raise ValueError(
                f"block={self.block!r} is no block before the heads: {meant} are {', '.join(blocks)}"
            )
        classes = self.classes(data)
        if len(classes) < 2:
            raise ValueError(
                f"over={self.over} needs two classes or more to tell apart, and the labelled and unlabelled "
                f"speech has {classes[0] if classes else 'none'}. Fill the column `{COLUMNS[self.over]}` of "
                "both corpora, or hide something else: --method.over domain"
            )
        if self.over != "domain" and not any(self._values(data.unlabelled_speech)):
            column = COLUMNS[self.over]
            raise ValueError(
                f"over={self.over}: none of the unlabelled utterances says its {column}, so the head would "
                f"hear none of them, and nothing be adapted to. Fill the column `{column}` of their corpus"
                + (" or say it of all (--unlabelled.0.as-domain NAME)" if column == "domain" else "")
                + ", or hide which speech has labels: --method.over domain"
            )
        spoken = {tag for examples in _speech(data) for tag in examples.languages}
        missing = spoken - set(model.languages) - data.tokenizers.keys()
        if self.is_conditional and missing:
            raise ValueError(
                f"is_conditional needs what the model reads in {listed(sorted(missing))}, and it will have "
                "no head for that; leave this speech out, or set is_conditional=False"
            )

    def classes(self, data: TransferData) -> tuple[str, ...]:
        """The names of what the head tells apart, in the order of its scores."""
        if self.over == "domain":
            return DOMAINS
        values = {value for examples in _speech(data) for value in self._values(examples)}
        return tuple(sorted(value for value in values if value is not None))

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Put the head beside the model as the helper `domain`."""
        width, conditioning = model.block_width(self.block), None
        if self.is_conditional:
            tags = dict.fromkeys(tag for examples in _speech(data) for tag in examples.languages)
            units = {tag: 1 + len(model.tokenizers[tag].units) for tag in tags}
            conditioning = Conditioning(width, units, seed)
        with seeded(seed, f"helper.{HELPER}"):
            model.helpers[HELPER] = DomainHead(self.classes(data), width, self.hidden, conditioning)

    def reversal(self, progress: float) -> float:
        """λ at a moment of the training."""
        risen = 1.0 if self.schedule == "constant" else strength(progress, self.gamma)
        return self.weight * risen

    def terms(self, losses: Mapping[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """The losses so far and `domain`, the head's cross-entropy, a scalar."""
        head = cast(DomainHead, forward.model.helpers[HELPER])
        reversal = self.reversal(forward.progress)
        rows, classes = self._targets(forward.batch, head.classes)
        loss = torch.zeros((), device=rows.device)
        head.measures = {
            "domain_chance": loss.new_tensor(1 / len(head.classes)),
            "reversal": loss.new_tensor(reversal),
        }
        if len(rows):
            with torch.autocast(rows.device.type, enabled=False):
                scores, lengths = self._scores(head, forward, reversal)
                each, hits = losses_and_hits(scores[rows], lengths[rows], classes)
                loss = balanced_mean(each, classes)
                head.measures["domain_accuracy"] = balanced_mean(hits, classes)
        return {**losses, "domain": loss}

    def _scores(self, head: DomainHead, forward: ForwardPass, reversal: float) -> tuple[Tensor, Tensor]:
        """The head's scores (batch, time, classes) and how many of them count (batch,)."""
        lengths = forward.encoded.lengths
        features = reverse(forward.encoded.taps[self.block].float(), reversal)
        posteriors = None if head.conditioning is None else head.conditioning.posteriors(forward)
        if self.level == "frame":
            return head(features, posteriors), lengths
        mean = None if posteriors is None else pooled(posteriors, lengths)
        return head(pooled(features, lengths), mean).unsqueeze(1), torch.ones_like(lengths)

    def _targets(self, batch: Batch, classes: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The utterances (n,) of a batch that count, and the class (n,) of each."""
        device = batch.lengths.device
        if self.over == "domain":
            return torch.arange(len(batch.ids), device=device), batch.is_target.long()
        known = {name: number for number, name in enumerate(classes)}
        values = enumerate(self._values(batch))
        found = [(row, known[value]) for row, value in values if value is not None and value in known]
        rows = torch.tensor([row for row, _ in found], dtype=torch.long, device=device)
        return rows, torch.tensor([number for _, number in found], dtype=torch.long, device=device)

    def _values(self, speech: Examples | Batch) -> Sequence[str | None]:
        """What each utterance is by the column that the classes come from."""
        return values_of(self.over, speech)


def values_of(over: str, speech: Examples | Batch) -> Sequence[str | None]:
    """What each utterance is by the column of an accent, a speaker or a language."""
    return cast(Sequence[str | None], getattr(speech, f"{COLUMNS[over]}s"))


def told_by_heads(method: Transfer, is_reversed: bool = False) -> list[str]:
    """What the heads of a method, or of several at once, tell: `domain`, or classes that one hides.

    Args:
        method: any.
        is_reversed: only those whose reversal has a weight.
    """
    heads = [part for part in getattr(method, "parts", (method,)) if isinstance(part, DANN)]
    return [head.over for head in heads if head.weight > 0 or not is_reversed]


def hidden_classes(method: Transfer) -> list[str]:
    """What it hides other than which speech has labels, or would at another weight."""
    return [over for over in told_by_heads(method) if over != "domain"]


def _speech(data: TransferData) -> list[Examples]:
    """All speech that batches may hold."""
    return [data.target, data.unlabelled_speech, *([] if data.source is None else [data.source])]
