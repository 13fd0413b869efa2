"""JointTraining: source and target are trained together, as one corpus with one temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, overload

import numpy as np
from numpy.typing import NDArray

from speechtl.batches import Examples, Stream
from speechtl.transfer.base import Transfer
from speechtl.transfer.data import StreamSettings, TransferData
from speechtl.transfer.head_rows import Coverage
from speechtl.transfer.rules import Rule

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


@dataclass(frozen=True)
class JointTraining(Transfer):
    """Multi-task training on all languages of source and target at once.

    Fine-tuning cares for the target alone, this for all of them: each utterance is scored through its
    language's head, and the shared layers get the sum. P(language) ∝ hours^(1/T), with `train.temperature`
    for T: at 1 a target of minutes is hardly heard among hours, the higher T is the more often.

    Source: Huang, Li, Yu, Deng and Gong 2013, Cross-language knowledge transfer using multilingual deep
    neural network with shared hidden layers, section 2.
    """

    start: Literal["source", "random"] = "source"
    """`source`: the source's weights, trained on. `random`: none of them; the source only says which other
    speech is heard."""

    needs_source: ClassVar[bool] = True
    needs_source_speech: ClassVar[bool] = True

    @property
    def target_share(self) -> None:
        """The temperature says how often the target is heard."""
        return None

    def coverage(self, model: AcousticModel, data: TransferData) -> list[Coverage]:
        """Where a new head's rows come from; from nowhere with random weights."""
        if self.start == "random":
            return Transfer.coverage(replace(self, head_rows="random"), model, data)
        return super().coverage(model, data)

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """All weights from the source, or none."""
        own = (Rule("*", start="random"),) if self.start == "random" else ()
        return (*super().rules(model, data), *own)

    def heard(self, data: TransferData) -> tuple[Examples, ...]:
        """All speech."""
        return (data.target, data.source_speech)

    def streams(self, data: TransferData, settings: StreamSettings) -> dict[str, Stream]:
        """One stream over all speech."""
        return {"joint": self.stream(joined(data.target, data.source_speech), settings)}


def joined(first: Examples, second: Examples) -> Examples:
    """Two corpora's examples as one corpus, the first one's before the second one's.

    All of it is the target, unless the first tells two domains apart: then the second keeps its own.
    """
    parts = (first, second)
    has_domains = not isinstance(first.is_target, bool)
    domains = np.concatenate([np.broadcast_to(one.is_target, len(one)) for one in parts])
    return Examples(
        waveforms=_Joined(first.waveforms, second.waveforms),
        seconds=np.concatenate([first.seconds, second.seconds]),
        labels=[*first.labels, *second.labels],
        languages=[*first.languages, *second.languages],
        ids=[*first.ids, *second.ids],
        speakers=[*first.speakers, *second.speakers],
        domains=[*first.domains, *second.domains],
        is_target=domains if has_domains else True,
        separators={**second.separators, **first.separators},
    )


@dataclass(frozen=True)
class _Joined(Sequence[NDArray[np.int16]]):
    """Waveforms of two corpora, neither of them copied."""

    first: Sequence[NDArray[np.int16]]
    second: Sequence[NDArray[np.int16]]

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.int16]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.int16]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.int16] | list[NDArray[np.int16]]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        place = range(len(self))[index]
        return self.first[place] if place < len(self.first) else self.second[place - len(self.first)]
