"""Sentences read by volunteers in over a hundred languages: Common Voice.

What: a release as it is downloaded and unpacked, `cv-corpus-<version>/<locale>/`; several locales that are
    unpacked side by side become one corpus, and `--out` keeps it apart from that of another release.
    `train.tsv`, `dev.tsv` and `test.tsv` (columns path, sentence, client_id and others, which differ between
    versions) and `clips/*.mp3`. `validated.tsv` has more: of a sentence that several people read the lists
    have one recording, so that in small languages most is in none of them. `prepare(root, validated=True)`
    adds to train what is validated and shares neither speaker nor sentence with dev and test.
Who: volunteers with their own microphones; the speaker is client_id, the domain the accent they state, as
    they state it, if they do.
Language: that of the locale, without its region: cmn-Hans for zh-CN, cmn-Hant for zh-TW, yue-Hant for zh-HK
    and yue, nan-Hant for nan-tw (Han characters, often with a romanised reading behind them in parentheses).
    `language` names another orthography of a single locale, or chooses one of several.
Licence: CC0-1.0, Mozilla; Ardila and others 2020, "Common Voice: A Massively-Multilingual Speech Corpus",
    arXiv:1912.06670. It is forbidden to find out who the speakers are. https://commonvoice.mozilla.org/datasets
Splits: the publisher's, which share no speaker; checked, and what is shared in spite of that is left out of
    dev and train. They share no sentence either, but for its punctuation.
Left out: rows whose recording is absent, or was listed before.
Known faults: read by whoever came, in all rooms; the label is the prompt, and some misread it; the train list
    of small languages is shorter than dev and test; the first release has most sentences in all splits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from data_prep._releases import SPLITS, chosen, folders_with_lists, kept_apart, require_script, sentence_keys
from data_prep._tab_separated import named_rows
from speechtl.corpus import Corpus
from speechtl.preparation import Recording, assemble, find_audio

NAME = "common_voice"
_NEEDED = {"client_id", "path", "sentence"}


def prepare(root: Path, language: str | None = None, validated: bool = False) -> Corpus:
    """Read a release, or the folder of one locale.

    Args:
        root: The folder.
        language: See the data card.
        validated: Add to train what validated.tsv has beyond it.

    Raises:
        FileNotFoundError: The folder is laid out otherwise, or still packed.
        ValueError: A list lacks a column, the language is not there, or the texts are not written in it.
    """
    locales = {folder: _locale(folder) for folder in folders_with_lists(root, (".", "*", "cv-corpus-*/*"))}
    left_out: Counter[str] = Counter()
    recordings: list[Recording] = []
    for folder, tag in chosen(locales, root, language).items():
        found = _listed(folder, tag, left_out)
        if language is None:
            require_script(folder, tag, [recording.text for recording in found])
        listed = kept_apart(found, _speaker, left_out, "speaker")
        recordings += [*listed, *(_beyond(folder, tag, listed) if validated else ())]
    return assemble(NAME, recordings, left_out=left_out, split_by="speaker")


def _locale(folder: Path) -> str:
    """What the lists say, or the folder's name where they do not or are empty."""
    rows = (row for split in SPLITS for row in _rows(folder, split))
    return next((row["locale"] for row in rows if row.get("locale")), folder.name)


def _listed(folder: Path, tag: str, left_out: Counter[str]) -> list[Recording]:
    """What the lists of the splits have, each recording once."""
    recordings: dict[str, Recording] = {}
    for split in SPLITS:
        for row in _rows(folder, split):
            recording = _recording(folder, row, tag, split)
            if recording.id in recordings:
                left_out["listed before"] += 1
            else:
                recordings[recording.id] = recording
    return list(recordings.values())


def _beyond(folder: Path, tag: str, listed: list[Recording]) -> Iterator[Recording]:
    """What is validated and in no list, of speakers and sentences that are in neither dev nor test."""
    ids = {recording.id for recording in listed}
    held_out = [recording for recording in listed if recording.split != "train"]
    speakers = {recording.speaker for recording in held_out}
    sentences = {key for recording in held_out for key in sentence_keys(recording)}
    for row in _rows(folder, "validated"):
        recording = _recording(folder, row, tag, "train")
        is_new = recording.id not in ids and recording.speaker not in speakers
        if is_new and sentences.isdisjoint(sentence_keys(recording)):
            yield recording


def _rows(folder: Path, table: str) -> Iterator[dict[str, str]]:
    path = folder / f"{table}.tsv"
    return named_rows(path, _NEEDED) if path.is_file() else iter(())


def _recording(folder: Path, row: dict[str, str], tag: str, split: str) -> Recording:
    path = folder / "clips" / row["path"]
    return Recording(
        id=path.stem,
        audio=find_audio(path),
        text=row["sentence"].strip(),
        language=tag,
        speaker=row["client_id"] or None,
        domain=row.get("accents") or row.get("accent") or None,
        split=split,
    )


def _speaker(recording: Recording) -> list[str]:
    return [recording.speaker] if recording.speaker is not None else []
