"""First pass: the source's own transcripts of the target, to adapt on in place of labels."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from speechtl.decode import DecodeSettings, unit_ids
from speechtl.devices import device
from speechtl.faults import counted
from speechtl.json_lines import written_lines
from speechtl.recognition import posteriors
from speechtl.whole_files import explained, write_bytes

if TYPE_CHECKING:
    from speechtl.batches import Examples
    from speechtl.models.acoustic import AcousticModel
    from speechtl.transfer.data import TransferData

Labels = Literal["given", "first_pass"]
FILE = "first_pass.jsonl"
"""In a run: what the source made of each of the target's utterances, in the corpus's order."""

logger = logging.getLogger(__name__)


def labelled(data: TransferData, source: AcousticModel, folder: Path | None, labels: Labels) -> TransferData:
    """The data with the labels to adapt on: the given ones, or a first pass of the source.

    Utterances in which the source hears nothing are left out: they would only teach it silence.
    Source: Swietojanski, Li and Renals 2016, section 4 (two-pass unsupervised adaptation).

    Args:
        data: the target's labels are not looked at for a first pass.
        source: the model to adapt.
        folder: where the transcripts are kept, and taken from if they are there; None: nowhere.
        labels: which.

    Raises:
        ValueError: the source has no head for a language of the target, or hears nothing in it at all.
        OSError: the transcripts cannot be written.
    """
    if labels == "given":
        return data
    target = data.target
    if strange := sorted(set(target.languages) - set(source.languages)):
        raise ValueError(headless(strange, source.languages))
    ids = (None if folder is None else _kept(folder, target)) or transcripts(source, target)
    if folder is not None:
        _keep(folder, target, ids, source)
    heard = [place for place, units in enumerate(ids) if units]
    if not heard:
        raise ValueError(
            "labels=first_pass: the source hears nothing in any utterance of the target, so there is nothing "
            "to adapt on; take a source that recognises some of it, or give labels (--method.labels given)"
        )
    if len(heard) < len(ids):
        silent = len(ids) - len(heard)
        logger.warning("the source hears nothing in %s of the target: left out", counted(silent, "utterance"))
    return replace(data, target=chosen(target, heard, [ids[place] for place in heard]))


def headless(strange: Sequence[str], known: Iterable[str]) -> str:
    """That a source cannot transcribe some languages, in sentences."""
    return (
        "labels=first_pass adapts on the source's own transcripts, and the source has no head for "
        f"{', '.join(strange)}; it has heads for {', '.join(known)}. Adapt on given labels: --method.labels "
        "given"
    )


def transcripts(source: AcousticModel, target: Examples) -> list[list[int]]:
    """The unit ids of each utterance, as a model in eval mode decodes it; empty where it hears nothing."""
    source.to(device())
    found: dict[int, list[int]] = {}
    for language in dict.fromkeys(target.languages):
        rows = [row for row, tag in enumerate(target.languages) if tag == language]
        own = chosen(target, rows, [[]] * len(rows))
        for places, log_probs, lengths in posteriors(source, own, language):
            ids = unit_ids(log_probs, lengths, source.tokenizers[language], DecodeSettings())
            found |= zip((rows[place] for place in places), ids, strict=True)
    return [found[row] for row in range(len(target))]


def chosen(examples: Examples, rows: Sequence[int], labels: Sequence[Sequence[int]]) -> Examples:
    """The utterances at these rows, with these labels."""
    return replace(
        examples,
        waveforms=[examples.waveforms[row] for row in rows],
        seconds=examples.seconds[list(rows)],
        labels=list(labels),
        languages=[examples.languages[row] for row in rows],
        ids=[examples.ids[row] for row in rows],
        speakers=[examples.speakers[row] for row in rows],
        domains=[examples.domains[row] for row in rows],
        is_target=np.broadcast_to(examples.is_target, len(examples))[list(rows)],
    )


def _keep(folder: Path, target: Examples, ids: Sequence[Sequence[int]], source: AcousticModel) -> None:
    lines = [
        {"id": id_, "language": tag, "text": source.tokenizers[tag].decode(list(units)), "units": list(units)}
        for id_, tag, units in zip(target.ids, target.languages, ids, strict=True)
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    with explained("the first pass", folder):
        write_bytes(folder / FILE, text.encode())


def _kept(folder: Path, target: Examples) -> list[list[int]] | None:
    """The transcripts that a run which is resumed has already; None if it has none of this target."""
    if not (folder / FILE).is_file():
        return None
    lines = written_lines(folder / FILE)
    try:
        values = [json.loads(line) for line in lines]
        found = [[int(unit) for unit in value["units"]] for value in values]
        return found if [value["id"] for value in values] == list(target.ids) else None
    except (ValueError, KeyError, TypeError):
        logger.warning("%s is damaged: the source transcribes the target again", folder / FILE)
        return None
