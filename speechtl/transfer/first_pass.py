"""First pass: the source's own transcripts of the target, to adapt on in place of labels."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from speechtl.devices import device
from speechtl.faults import counted
from speechtl.transfer.labelling import Guess, guesses, read_guesses, write_guesses

if TYPE_CHECKING:
    from speechtl.batches import Examples
    from speechtl.models.acoustic import AcousticModel
    from speechtl.transfer.data import TransferData

Labels = Literal["given", "first_pass"]
FILE = "first_pass.jsonl"
"""In a run: what the source made of each of the target's utterances, in the corpus's order."""

logger = logging.getLogger(__name__)


def labelled(data: TransferData, source: AcousticModel, folder: Path | None) -> TransferData:
    """The data with a first pass of the source as the labels to adapt on.

    Utterances in which the source hears nothing are left out: they would only teach it silence.
    Source: Swietojanski, Li and Renals 2016, section 4 (two-pass unsupervised adaptation).

    Args:
        data: the target's labels are not looked at.
        source: the model to adapt.
        folder: where the transcripts are kept, and taken from if they are there; None: nowhere.

    Raises:
        ValueError: the source has no head for a language of the target, or hears nothing in it at all.
        OSError: the transcripts cannot be written.
    """
    target = data.target
    if strange := sorted(set(target.languages) - set(source.languages)):
        raise ValueError(headless(strange, source.languages))
    guessed = _transcribed(source, target, folder)
    heard = _heard(guessed)
    if not heard:
        raise ValueError(
            "labels=first_pass: the source hears nothing in any utterance of the target, so there is nothing "
            "to adapt on; take a source that recognises some of it, or give labels (--method.labels given)"
        )
    if silent := len(guessed) - len(heard):
        logger.warning("the source hears nothing in %s of the target: left out", counted(silent, "utterance"))
    labels = [guessed[place].units for place in heard]
    return replace(data, target=target.relabelled(heard, labels, source.tokenizers))


def headless(strange: Sequence[str], known: Iterable[str]) -> str:
    """That a source cannot transcribe some languages, in sentences."""
    return (
        "labels=first_pass adapts on the source's own transcripts, and the source has no head for "
        f"{', '.join(strange)}; it has heads for {', '.join(known)}. Adapt on given labels: --method.labels "
        "given"
    )


def _transcribed(source: AcousticModel, target: Examples, folder: Path | None) -> list[Guess]:
    """What the source makes of each utterance, or what a run that is resumed has kept of it already."""
    path = None if folder is None else folder / FILE
    if path is not None and path.is_file():
        try:
            return read_guesses(path, target)[0]
        except ValueError:
            logger.warning("%s is damaged, or of other speech: the source transcribes this one", path)
    guessed = guesses(source.to(device()), target, None)
    if path is not None:
        write_guesses(path, target, guessed, _heard(guessed), source)
    return guessed


def _heard(guessed: Sequence[Guess]) -> list[int]:
    return [place for place, guess in enumerate(guessed) if guess.units]
