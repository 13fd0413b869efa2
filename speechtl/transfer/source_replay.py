"""SourceReplay: a stated share of every batch is the source's speech."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import ClassVar

from speechtl.batches import Examples, Stream
from speechtl.models.layers import seed_of
from speechtl.transfer.base import Transfer
from speechtl.transfer.data import StreamSettings, TransferData

logger = logging.getLogger(__name__)

TRIES, NEAR = 14, 0.005
"""Most halvings of the range in which the bound on a stream's part of a batch lies, and the relative error of
its speech at which they end."""


@dataclass(frozen=True)
class SourceReplay(Transfer):
    """Fine-tuning that goes on hearing the source's speech, through the source's heads, against forgetting.

    The heads of the replayed languages are trained along. The loss is the mean over the utterances of the
    batch, of either kind. With a share of 0 it is fine-tuning, bit for bit.

    Source: Robins 1995, Catastrophic forgetting, rehearsal and pseudorehearsal (rehearsal of old items).
    """

    share: float = 0.2
    """Share of the seconds of speech of each batch, on average, that are the source's."""

    needs_source: ClassVar[bool] = True
    needs_source_speech: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.share < 1:
            raise ValueError(
                f"share={self.share}: expected a share of source speech from 0 up to, not including, 1"
            )

    @property
    def target_share(self) -> float:
        """What is not replayed."""
        return 1 - self.share

    def heard(self, data: TransferData) -> tuple[Examples, ...]:
        """Target and source, unless nothing is replayed."""
        return (data.target, data.source_speech) if self.share else (data.target,)

    def streams(self, data: TransferData, settings: StreamSettings) -> dict[str, Stream]:
        """The target's stream and one of the source with draws of its own; together they fill a batch."""
        alone = self.stream(data.target, settings)
        if not self.share:
            return {"target": alone}
        seconds = filled(alone)
        own = replace(settings, seed=seed_of(settings.seed, "stream", "source"))
        target = filling(alone, seconds * (1 - self.share))
        source = filling(self.stream(data.source_speech, own), seconds * self.share)
        reached = filled(source) / (filled(source) + filled(target))
        if abs(reached - self.share) > 0.1 * self.share:
            logger.warning(
                "replay fills %.3f of a batch, not %.3f as asked: target and source have utterances of %.1f "
                "and %.1f s and more. Change method.share or train.batch_seconds (now %g)",
                reached,
                self.share,
                data.target.seconds.min(),
                data.source_speech.seconds.min(),
                settings.batch_seconds,
            )
        return {"target": target, "source": source}


def filled(stream: Stream) -> float:
    """Seconds of speech, padding left out, in a batch of a stream: the mean over its first epoch."""
    plan = stream.plan(0)
    return float(plan.seconds.sum()) / len(plan.batches)


def filling(stream: Stream, seconds: float) -> Stream:
    """The stream whose batches hold so many seconds of speech on average.

    A bound counts padding and leaves room where no further utterance fits, the more so the lower it is: of
    two streams the shares of the bounds are not the shares of the speech. So the bound is searched for.
    """
    low, high = 0.0, 2 * seconds + float(stream.examples.seconds.max()) / stream.augment.slowest
    best, least = stream, float("inf")
    for _ in range(TRIES):
        tried = replace(stream, batch_seconds=(low + high) / 2)
        missing = seconds - filled(tried)
        if abs(missing) < least:
            best, least = tried, abs(missing)
        if least < NEAR * seconds:
            break
        low, high = (tried.batch_seconds, high) if missing > 0 else (low, tried.batch_seconds)
    return best
