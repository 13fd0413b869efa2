"""Taiwanese Hokkien words as the dictionary of Taiwan's Ministry of Education prints and speaks them.

What: one recording per entry, `audio/*.mp3`, and `words.tsv` with the columns audio, hanji, tailo,
    mandarin. The whole dictionary has some 16,000 entries; any subset of it in this layout is read.
Who: one or a few women in a studio. The publisher does not say who speaks where: speakers are unknown.
Language: nan-Latn-tailo, the Tâi-lô romanisation, kept as printed; alternatives (`a/b`), reading marks
    (【白】, 【文】, 【俗】, 【替】) and neutral tones (`--`) are the orthography's business.
Licence: CC BY-ND 3.0 TW, Ministry of Education (R.O.C.), Dictionary of Frequently-Used Taiwan Taigi.
    Altered audio must not be passed on: cut, resampled or embedded clips stay on your disk.
    https://sutian.moe.edu.tw
Splits: by text, 80 / 8 / 12 % train / dev / test; entries that share any alternative are in the same one.
Known faults: isolated words only; the recording of an entry with alternatives speaks one of them, mostly
    the first; clips begin and end with silence; the speakers of training and test are the same.
"""

from __future__ import annotations

import csv
from pathlib import Path

from speechtl.corpus import Corpus
from speechtl.preparation import Recording, assemble, find_audio, require

NAME = "taiwanese_moe"


def prepare(root: Path) -> Corpus:
    """Read a folder with words.tsv and audio/.

    Raises:
        FileNotFoundError: The folder is laid out otherwise.
        ValueError: words.tsv lacks a column.
    """
    words, audio = root / "words.tsv", root / "audio"
    require(words, audio)
    recordings: dict[str, Recording] = {}
    repeated = 0
    with words.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if missing := {"audio", "tailo"} - set(rows.fieldnames or ()):
            raise ValueError(f"{words}: missing columns {sorted(missing)}, it has {rows.fieldnames}")
        for row in rows:
            stem = Path(row["audio"]).stem
            repeated += stem in recordings
            recordings.setdefault(
                stem,
                Recording(
                    id=stem,
                    audio=find_audio(audio / row["audio"]),
                    text=(row["tailo"] or "").strip(),
                    language="nan-Latn-tailo",
                    speaker=None,
                    domain="dictionary",
                ),
            )
    left_out = {"listed before": repeated} if repeated else {}
    return assemble(NAME, recordings.values(), left_out=left_out).split(by="text")
