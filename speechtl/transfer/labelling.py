"""Labelling: what a model makes of speech without labels, how sure it is, and the file that keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speechtl.decode import DecodeSettings, log_likelihoods, unit_ids
from speechtl.json_lines import written_lines
from speechtl.recognition import posteriors
from speechtl.transfer.confidence import confidences
from speechtl.whole_files import explained, write_bytes

if TYPE_CHECKING:
    from speechtl.batches import Examples
    from speechtl.models.acoustic import AcousticModel

Texts = Mapping[str, Sequence[Sequence[int]]]
"""By language: the unit ids of each text that may be chosen."""


@dataclass(frozen=True)
class Guess:
    """What a model makes of an utterance."""

    units: Sequence[int]
    """Their ids; none where it hears nothing."""
    confidence: float
    """In [0, 1]; see `confidences`."""


def guesses(model: AcousticModel, speech: Examples, texts: Texts | None) -> list[Guess]:
    """A model's own label of each utterance, in the order of the speech; its labels are not looked at.

    Args:
        model: on the device to encode on; it is in eval mode meanwhile, and in its own after.
        speech: in languages that it has heads for.
        texts: what it chooses from, for every language; None: it writes what it hears.
    """
    found: dict[int, Guess] = {}
    for language in dict.fromkeys(speech.languages):
        rows = [row for row, tag in enumerate(speech.languages) if tag == language]
        own = speech.some(rows, [[]] * len(rows))
        for places, log_probs, lengths in posteriors(model, own, language):
            units: list[Sequence[int]] = []
            if texts is None:
                units += unit_ids(log_probs, lengths, model.tokenizers[language], DecodeSettings())
            else:
                scores = log_likelihoods(log_probs, lengths, texts[language])
                units += [texts[language][place] for place in scores.argmax(dim=1).tolist()]
            sure = confidences(log_probs, lengths, units).tolist()
            found |= zip((rows[place] for place in places), map(Guess, units, sure), strict=True)
    return [found[row] for row in range(len(speech))]


def write_guesses(
    path: Path, speech: Examples, guessed: Sequence[Guess], kept: Sequence[int], model: AcousticModel
) -> None:
    """Write a line for each utterance: id, language, text, units, confidence, and whether it is trained on.

    Raises:
        OSError: the disk is full or not writable; no half of a file is left.
    """
    trained, entries = set(kept), zip(speech.ids, speech.languages, guessed, strict=True)
    lines = [
        {
            "id": id_,
            "language": tag,
            "text": model.tokenizers[tag].decode(guess.units),
            "units": list(guess.units),
            "confidence": round(guess.confidence, 6),
            "is_kept": row in trained,
        }
        for row, (id_, tag, guess) in enumerate(entries)
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    beside = path.with_suffix(".new")
    with explained("the model's own labels", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(beside, text.encode())
        beside.rename(path)


def read_guesses(path: Path, speech: Examples) -> tuple[list[Guess], list[int]]:
    """What `write_guesses` wrote of this speech, and the rows that are trained on.

    Raises:
        ValueError: the file is damaged, or of other speech. Nobody can make it again: by now the model is
            another one.
    """
    mend = "Restore it from a copy, or start the run again with --fresh."
    try:
        lines = [json.loads(line) for line in written_lines(path)]
        guessed = [Guess([int(unit) for unit in line["units"]], float(line["confidence"])) for line in lines]
        named = [(line["id"], line["language"]) for line in lines]
        kept = [row for row, line in enumerate(lines) if line["is_kept"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({type(error).__name__}: {error}). {mend}") from error
    if named != list(zip(speech.ids, speech.languages, strict=True)):
        raise ValueError(
            f"{path} has labels of {len(named)} utterances, and these are not the {len(speech)} of the "
            f"unlabelled speech in their order. {mend}"
        )
    return guessed, kept
