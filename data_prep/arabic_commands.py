"""Forty Arabic command words of thirty people: the Arabic Speech Commands dataset.

What: `dataset/<english gloss>/<speaker>_NO_<round>.wav` (or .flac), one second each, 16 kHz; the full
    release has 12,000, ten rounds each. `train.csv`, `val.csv` and `test.csv` (columns file, class) list
    them.
Who: 30 speakers, by number.
Language: ar, unvowelled as the publishers write the words.
Licence: CC BY 4.0; Ghandoura, Hjabo, Al Dakkak 2021, "Building and benchmarking an Arabic Speech Commands
    dataset for small-footprint keyword spotting", Engineering Applications of Artificial Intelligence 102.
    https://github.com/abdulkaderghandoura/arabic-speech-commands-dataset
Splits: the publishers' (18, 6 and 6 speakers; val is our dev), checked to share no speaker.
Known faults: the lists name the full release, so in a subset many rows are counted as absent; words are
    spoken in one second, some are cut.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from speechtl.corpus import Corpus
from speechtl.preparation import Recording, assemble, audio_files, find_audio, require

NAME = "arabic_commands"
LISTS = {"train": "train.csv", "dev": "val.csv", "test": "test.csv"}
WORDS = {
    "zero": "صفر",
    "one": "واحد",
    "two": "اثنان",
    "three": "ثلاثة",
    "four": "أربعة",
    "five": "خمسة",
    "six": "ستة",
    "seven": "سبعة",
    "eight": "ثمانية",
    "nine": "تسعة",
    "right": "يمين",
    "left": "يسار",
    "up": "أعلى",
    "down": "أسفل",
    "forward": "أمام",
    "backward": "خلف",
    "yes": "نعم",
    "no": "لا",
    "start": "ابدأ",
    "stop": "توقف",
    "enable": "تفعيل",
    "disable": "تعطيل",
    "ok": "موافق",
    "cancel": "إلغاء",
    "open": "فتح",
    "close": "إغلاق",
    "zoom in": "تكبير",
    "zoom out": "تصغير",
    "previous": "السابق",
    "next": "التالي",
    "send": "إرسال",
    "receive": "استقبال",
    "move": "تحريك",
    "rotate": "تدوير",
    "record": "تسجيل",
    "enter": "إدخال",
    "digit": "رقم",
    "direction": "اتجاه",
    "options": "خيارات",
    "undo": "تراجع",
}


def prepare(root: Path) -> Corpus:
    """Read a folder with dataset/ and the three lists.

    Raises:
        FileNotFoundError: The folder is laid out otherwise.
        ValueError: A list lacks the column, or the lists share a speaker.
    """
    require(root / "dataset", *(root / name for name in LISTS.values()))
    recordings = list(_recordings(root))
    _check_speakers(recordings)
    listed = {recording.audio for recording in recordings}
    unlisted = sum(path not in listed for path in audio_files(root / "dataset"))
    left_out = {"in no list": unlisted} if unlisted else {}
    return assemble(NAME, recordings, left_out=left_out, split_by="speaker")


def _recordings(root: Path) -> Iterator[Recording]:
    for split, name in LISTS.items():
        with (root / name).open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if "file" not in (rows.fieldnames or ()):
                raise ValueError(f"{root / name}: missing column 'file', it has {rows.fieldnames}")
            for row in rows:
                path = Path(row["file"])
                match = re.fullmatch(r"(\d+)_NO_(\d+)", path.stem)
                yield Recording(
                    id=f"{path.parent.name}/{path.stem}",
                    audio=find_audio(root / path),
                    text=WORDS.get(path.parent.name, ""),
                    language="ar",
                    speaker=match[1] if match else None,
                    domain="commands",
                    split=split,
                )


def _check_speakers(recordings: list[Recording]) -> None:
    splits = defaultdict(set)
    for recording in recordings:
        splits[recording.speaker].add(recording.split)
    if shared := {speaker: sorted(names) for speaker, names in splits.items() if len(names) > 1}:
        raise ValueError(f"the lists are not disjoint in speakers, as published: {shared}; fetch them again")
