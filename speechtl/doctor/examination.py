"""Doctor: every fault of a corpus at once, before an hour is lost; nothing is written.

What is a fault and what is a notice. A fault makes speech unusable, a result untrue, or a part of the speech
useless: exit status 2. A notice says what will be done, or what may be meant so. Of the softer findings,
units that training lacks are faults from 1 % of a split's utterances on; a vocabulary of which over half
occurs only once in training is one; and so is a language that is drawn more than ten times as often as
another. Below that they are notices, or nothing. What is clipped and what is silent, `doctor.audio` says.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speechtl.corpus_summary import SummaryRow
from speechtl.doctor.audio import Sounds, audio_faults, listen, sound_notices
from speechtl.doctor.opening import opened
from speechtl.doctor.splits import shared_speakers, shared_texts, sound_faults
from speechtl.doctor.subject import Subject
from speechtl.doctor.texts import Texts, cutting, read_texts, script_notices, unspoken_notices
from speechtl.doctor.units import (
    length_faults,
    rare_units,
    short_faults,
    unbalanced_languages,
    unseen_units,
    unwritten_tones,
)
from speechtl.faults import Fault

if TYPE_CHECKING:
    from speechtl.doctor.cost import Cost
    from speechtl.experiment import Experiment


@dataclass(frozen=True)
class Examination:
    """What was found."""

    name: str
    format: str
    rows: int
    """All that were met."""
    faults: tuple[Fault, ...]
    notices: tuple[Fault, ...]
    summary: tuple[SummaryRow, ...]
    """What can be read of it, per split and language."""
    cost: Cost | None = None
    """What training the recipe will take."""

    @property
    def is_clean(self) -> bool:
        """Whether there is no fault."""
        return not self.faults


def examine(
    path: str | Path,
    *,
    recipe: Experiment | None = None,
    language: str | None = None,
    audio_root: Path | None = None,
    ignore_columns: Collection[str] = (),
    split_by: Collection[str] = (),
    needs_text: bool = True,
    show_progress: bool = False,
) -> Examination:
    """Look at every row, text and recording of a corpus.

    Args:
        path: A prepared corpus by name or folder, a manifest, folder or dataset of any format that is read,
            or a corpus of `speechtl prepare --list`.
        recipe: Whose units, speeds and features count, and whose cost is estimated.
        language: The orthography of rows that name none.
        audio_root: The folder of relative audio paths.
        ignore_columns: Columns of a manifest that are passed over.
        split_by: What the splits are said not to share, beside what a prepared corpus says of itself.
        needs_text: Whether an utterance without a text is a fault; else a folder of sound files will do.
        show_progress: Whether to show a bar.

    Raises:
        FileNotFoundError: There is nothing of this name.
        ValueError: The format is none that is read.
    """
    with opened(str(path), language, audio_root, ignore_columns, split_by, needs_text) as subject:
        texts, faults = read_texts(subject, cutting(subject, None if recipe is None else recipe.text))
        sounds = listen(subject, show_progress)
        found, notices = _findings(subject, texts, sounds, recipe)
        return Examination(
            name=subject.name,
            format=subject.format,
            rows=subject.rows,
            faults=(*subject.faults, *audio_faults(subject, sounds), *faults, *found),
            notices=(*sound_notices(subject, sounds), *notices),
            summary=_summary(subject, texts, sounds),
            cost=None if recipe is None else _cost(subject, texts, sounds, recipe),
        )


def _findings(
    subject: Subject, texts: Texts, sounds: Sounds, recipe: Experiment | None
) -> tuple[list[Fault], list[Fault]]:
    """Faults and notices that no single row or recording shows."""
    temperature = 1.0 if recipe is None else recipe.train.temperature
    faults = [*sound_faults(subject, sounds), *_short(subject, texts, sounds, recipe)]
    faults += unbalanced_languages(subject, sounds.utterance_seconds, temperature)
    notices = [*script_notices(texts), *unspoken_notices(texts), *unwritten_tones(texts)]
    for more_faults, more_notices in (
        shared_texts(subject, texts),
        shared_speakers(subject),
        unseen_units(subject, texts),
        rare_units(subject, texts),
        length_faults(subject, sounds.utterance_seconds),
    ):
        faults += more_faults
        notices += more_notices
    if subject.left_out:
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(subject.left_out.items()))
        notices.append(Fault("left out by its preparation", "", subject.name, counts))
    return faults, notices


def _short(subject: Subject, texts: Texts, sounds: Sounds, recipe: Experiment | None) -> list[Fault]:
    from speechtl.augment import AugmentSettings
    from speechtl.features import FeatureSettings
    from speechtl.label_faults import encoder_frames, fastest_way, slower_way
    from speechtl.models.acoustic import AcousticModel, ModelSettings

    features = FeatureSettings() if recipe is None else recipe.features
    augment = AugmentSettings() if recipe is None else recipe.augment
    model = AcousticModel(ModelSettings(dim=1, blocks=1), features, {})

    def frames(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
        return encoder_frames(model, seconds, augment)

    how, mend = fastest_way(augment), slower_way(augment)
    return list(short_faults(subject, texts, sounds.utterance_seconds, frames, how, mend))


def _summary(subject: Subject, texts: Texts, sounds: Sounds) -> tuple[SummaryRow, ...]:
    """What can be read, per split and language; minutes are those heard, else those stated."""
    languages, speakers = subject.codes("language"), subject.codes("speaker").numbers
    stated = subject.table.column("duration").to_numpy()
    seconds = np.where(np.isfinite(sounds.utterance_seconds), sounds.utterance_seconds, stated)
    normal = np.frombuffer(texts.normal, dtype=np.int64)
    rows = []
    for rank, split in enumerate(subject.splits.names):
        for number, tag in sorted(enumerate(languages.values.to_pylist()), key=lambda pair: str(pair[1])):
            inside = (subject.splits.ranks == rank) & (languages.numbers == number)
            inside &= (texts.entries >= 0) | texts.without_text
            if not inside.any():
                continue
            entries = np.unique(texts.entries[inside & (texts.entries >= 0)])
            known = speakers[inside & (speakers >= 0)]
            rows.append(
                SummaryRow(
                    split=split,
                    language=tag,
                    utterances=int(inside.sum()),
                    minutes=float(seconds[inside].sum()) / 60,
                    speakers=len(np.unique(known)) or None,
                    unknown_speakers=int(inside.sum()) - len(known),
                    texts=len(np.unique(normal[entries])),
                    units=int(np.count_nonzero(texts.occurrences(inside))),
                )
            )
    return tuple(rows)


def _cost(subject: Subject, texts: Texts, sounds: Sounds, recipe: Experiment) -> Cost | None:
    """The cost of training on this corpus; None where nothing of it can be trained on."""
    from speechtl.doctor.cost import Clips, estimate

    usable = (texts.entries >= 0) & np.isfinite(sounds.utterance_seconds)
    chosen = usable & subject.splits.is_in("train")
    rows = np.flatnonzero(chosen if chosen.any() else usable)
    if not len(rows):
        return None
    dev = np.flatnonzero(usable & subject.splits.is_in("dev"))
    languages = {tag for tag, _ in texts.numbers}
    most = recipe.train.dev_utterances * len(languages)
    clips = Clips(
        seconds=sounds.utterance_seconds[rows],
        lengths=np.array(texts.lengths, dtype=np.int64)[texts.entries[rows]],
        languages=[texts.tags[entry] for entry in texts.entries[rows].tolist()],
        units={tag: sum(other == tag for other, _ in texts.numbers) for tag in sorted(languages)},
        dev_seconds=float(sounds.utterance_seconds[dev][:most].sum()),
    )
    return estimate(recipe, clips)
