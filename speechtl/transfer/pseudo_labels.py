"""Pseudo-labels: the model's own transcripts of the target domain, where it is sure of them, as labels."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import torch

from speechtl.augment import AugmentSettings
from speechtl.batches import Examples, Stream
from speechtl.faults import counted
from speechtl.label_faults import encoder_frames
from speechtl.models.heads import frames_needed
from speechtl.padding import padded_labels
from speechtl.transfer.base import Transfer
from speechtl.transfer.data import TransferData
from speechtl.transfer.labelling import Guess, Texts, guesses, read_guesses, write_guesses
from speechtl.transfer.stages import Stage

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

FOLDER = "pseudo_labels"
"""In a run: `round-1.jsonl` and so on, what the model made of each utterance without labels."""
FEW = 0.05
"""Of the speech without labels: a round that keeps less of it is warned of."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PseudoLabels(Transfer):
    """Self-training: rounds in which the model labels the target domain's speech and then trains on it.

    A round begins with the running average of the weights so far, in eval mode and without augmentation; the
    first one with the source, as it is adapted. That labels all speech without labels. What it is surer of
    than the threshold then fills the half of every batch that this speech has, with these labels; the rest of
    it is not heard in that round, and neither is what it hears nothing in, or what is too short for its label
    at the fastest speed. Where nothing at all is kept, that half stays as it was, all of the speech without
    labels: with a threshold above 1 this is `MixedBatches`, the control, with a learning rate that restarts.

    The labels of a round are a file of the run, which a resumed run reads back and never makes anew. A run
    from which that file is taken away labels again, with the weights that it has come to.

    Sources: Lee 2013, Pseudo-label; Kahn, Lee and Hannun 2020 (arXiv:1909.09116), for the confidence; Xie et
    al. 2020 and Park et al. 2020 (noisy student), for rounds and augmentation.
    """

    threshold: float = 0.9
    """Labels with a confidence above it are trained on; see `confidences`. 0 takes nearly all, 1 none."""
    rounds: int = 3
    """Equal parts of the steps, in each of which the speech is labelled anew and the rate's schedule
    restarts."""
    among: Literal["units", "texts"] = "units"
    """`units`: the label is what the model hears, unit by unit. `texts`: it is the likeliest of the texts of
    the labelled training speech in that language, as for commands and digits."""
    is_noisy: bool = True
    """Whether this speech is heard through the run's augmentation, as by a noisy student. If not, its
    waveforms are left as they are; masks are those of the whole batch."""

    needs_source: ClassVar[bool] = True
    hears_unlabelled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.threshold >= 0:
            raise ValueError(f"threshold={self.threshold}; expected a confidence of 0 or more, such as 0.9")
        if self.rounds < 1:
            raise ValueError(f"rounds={self.rounds}; expected 1 or more")

    @property
    def control(self) -> str:
        """Nothing is sure enough."""
        return "--method.threshold 1" if self.threshold < 1 else ""

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse speech without labels that no head, or no text, is there for."""
        tags = set(data.unlabelled_speech.languages)
        known = {*model.languages, *data.tokenizers}
        if strange := sorted(tags - known):
            raise ValueError(
                f"PseudoLabels: the unlabelled speech is in {', '.join(strange)}, for which there is no head "
                f"to label it; there are heads for {', '.join(sorted(known))}. Leave these languages out, or "
                "give some labelled speech in them"
            )
        if self.among == "texts":
            labelled = [data.target] if data.source is None else [data.target, data.source]
            _require_texts(tags, {tag for examples in labelled for tag in examples.languages})

    def heard(self, data: TransferData) -> tuple[Examples, ...]:
        """The labelled speech and that without labels, which is trained on once it has some."""
        return (data.target,) if data.unlabelled is None else (data.target, data.unlabelled)

    def stages(self, model: AcousticModel) -> tuple[Stage, ...]:
        """The rounds."""
        return tuple(Stage(1 / self.rounds, restarts=number > 0) for number in range(self.rounds))

    def streams_at(
        self, stage: int, streams: Mapping[str, Stream], model: AcousticModel, folder: Path | None
    ) -> dict[str, Stream]:
        """The labelled streams, and beside them what this round has labels for.

        Raises:
            ValueError: the labels that the run has of this round are damaged.
            OSError: the labels cannot be written.
        """
        stream = streams["unlabelled"]
        speech = stream.examples
        augment = stream.augment if self.is_noisy else AugmentSettings.off()
        path = None if folder is None else folder / FOLDER / f"round-{stage + 1}.jsonl"
        if path is not None and path.exists():
            guessed, kept = read_guesses(path, speech)
        else:
            labelled = [other.examples for name, other in streams.items() if name != "unlabelled"]
            texts = _texts(labelled, set(speech.languages)) if self.among == "texts" else None
            guessed = guesses(model, speech, texts)
            kept = self._kept(guessed, speech, model, augment)
            if path is not None:
                write_guesses(path, speech, guessed, kept, model)
        self._tell(stage + 1, guessed, kept, speech, model)
        if not kept:
            return dict(streams)
        heard = speech.relabelled(kept, [guessed[row].units for row in kept], model.tokenizers)
        return {**streams, "unlabelled": stream.part(kept, heard, augment)}

    def _kept(
        self, guessed: Sequence[Guess], speech: Examples, model: AcousticModel, augment: AugmentSettings
    ) -> list[int]:
        """The utterances whose labels are trusted, and fit into them as short as they get."""
        rows = [
            row
            for row, guess in enumerate(guessed)
            if len(guess.units) > 0 and guess.confidence > self.threshold
        ]
        if not rows:
            return []
        labels = [guessed[row].units for row in rows]
        needed = frames_needed(padded_labels(labels), torch.tensor([len(units) for units in labels]))
        frames = encoder_frames(model, speech.seconds[rows], augment, [speech.domains[row] for row in rows])
        return [row for row, fits in zip(rows, needed.numpy() <= frames, strict=True) if fits]

    def _tell(
        self,
        number: int,
        guessed: Sequence[Guess],
        kept: Sequence[int],
        speech: Examples,
        model: AcousticModel,
    ) -> None:
        """Log how much is kept; warn where it is little, unless that was asked for, or mostly one text."""
        labels = ((speech.languages[row], tuple(guessed[row].units)) for row in kept)
        texts = Counter(model.tokenizers[language].decode(units) for language, units in labels)
        account = f"pseudo-labels, round {number} of {self.rounds}"
        logger.info(
            "%s: %d of %s kept, confidence above %g; %s",
            account,
            len(kept),
            counted(len(guessed), "utterance"),
            self.threshold,
            counted(len(texts), "distinct text"),
        )
        unheard = sum(not len(guess.units) for guess in guessed)
        unsure = sum(len(guess.units) > 0 and guess.confidence <= self.threshold for guess in guessed)
        if self.threshold < 1 and (advice := _advice(texts, len(guessed), unheard, unsure)):
            logger.warning("%s: %s", account, advice)


def _advice(kept: Counter[str], whole: int, unheard: int, unsure: int) -> str | None:
    """What to do where too little of the speech is kept, or mostly one text; None where all is well.

    Args:
        kept: by text, the utterances that are.
        whole: all utterances.
        unheard: those in which nothing is heard.
        unsure: those whose label is not sure enough; the others that are not kept do not fit.
    """
    count = kept.total()
    speech = counted(whole, "utterance")
    if count < FEW * whole:
        lost = {
            f"in {unheard} it hears nothing: take a source that reads more of them": unheard,
            f"of {unsure} it is not sure enough: lower --method.threshold": unsure,
            "the others are too short for their labels: slow the fastest speed (--augment.speeds), or take a "
            "source that reads them better": whole - count - unheard - unsure,
        }
        why = "; ".join(reason for reason, utterances in lost.items() if utterances)
        if not count:
            return f"none of {speech} is kept, so it hears them without labels; {why}"
        return f"half of every batch is the {count} of {speech} that are kept; {why}"
    text, most = kept.most_common(1)[0]
    if 2 * most > count > 1:
        return (
            f"{most} of the {count} labels that are kept are {text!r}; if that text is not as frequent, the "
            "model has begun to answer it to everything: change --method.threshold, or take fewer rounds"
        )
    return None


def _texts(labelled: Sequence[Examples], languages: Collection[str]) -> Texts:
    """The distinct labels of each language, sorted.

    Raises:
        ValueError: a language has none.
    """
    found: dict[str, set[tuple[int, ...]]] = {}
    for examples in labelled:
        for tag, units in zip(examples.languages, examples.labels, strict=True):
            if tag in languages and len(units):
                found.setdefault(tag, set()).add(tuple(units))
    _require_texts(languages, found.keys())
    return {tag: sorted(texts) for tag, texts in found.items()}


def _require_texts(languages: Collection[str], known: Collection[str]) -> None:
    if missing := sorted(set(languages) - set(known)):
        raise ValueError(
            "PseudoLabels: among=texts chooses among the texts of the labelled speech, which has none in "
            f"{', '.join(missing)}; leave these languages out, or take --method.among units"
        )
