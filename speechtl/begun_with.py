"""What a training began with: resumed on other speech, or from another source, it would be neither's."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from speechtl.faults import listed
from speechtl.run_folder import RunFolder
from speechtl.transfer.receipt import digest
from speechtl.whole_files import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from speechtl.checkpoint import LoadedModel
    from speechtl.experiment import Experiment
    from speechtl.material import Material, Speech

FACT = "begun_with"
"""Its name beside the settings of a run."""


def note_beginning(
    folder: RunFolder, experiment: Experiment, material: Material, source: LoadedModel | None
) -> None:
    """Keep digests of the speech and the source in a run that begins; compare them where one is resumed.

    Raises:
        ValueError: it began with others; names which.
        OSError: the disk is full or not writable.
    """
    now = _digests(experiment, material, source)
    if folder.has_begun():
        before = read_json(folder.path / "experiment.json").get(FACT, now)
        other = [name for name in sorted(before | now) if before.get(name) != now.get(name)]
        if other:
            raise ValueError(
                f"{folder.path} was begun with other data: {listed(other)} changed since. Going on would mix "
                "both, and might test what was trained on. Bring back what was, or begin anew with --fresh, "
                "which moves it aside"
            )
    folder.note({FACT: now})


def _digests(experiment: Experiment, material: Material, source: LoadedModel | None) -> dict[str, str]:
    reads = experiment.method.reads_texts
    speech: dict[str, tuple[Speech | None, bool]] = {
        "the training speech": (material.target, reads),
        "the dev speech": (material.dev, True),
        "the source's speech": (material.source, True),
        "the speech without labels": (material.unlabelled, False),
    }
    found = {name: _speech(one, has_texts) for name, (one, has_texts) in speech.items() if one is not None}
    if source is not None:
        state = source.model.state_dict()
        found["the source's weights"] = _joined(f"{name} {digest(value)}" for name, value in state.items())
    return found


def _speech(speech: Speech, has_texts: bool) -> str:
    """Of its ids, samples and, where they are trained on, texts, in their order."""
    columns = [speech.corpus.column("id"), speech.waveforms.digests]
    if has_texts:
        columns.append(speech.corpus.column("text"))
    return _joined(map("\t".join, zip(*columns, strict=True)))


def _joined(lines: Iterable[str]) -> str:
    whole = hashlib.sha256()
    for line in lines:
        whole.update(line.encode() + b"\n")
    return whole.hexdigest()
