"""Taiwanese Hokkien words as the dictionary of Taiwan's Ministry of Education prints and speaks them.

What: one recording per entry. Two layouts are read: `words.tsv` (columns audio, hanji, tailo, mandarin) with
    `audio/*.mp3`, any subset of entries; and the Ministry's own files, `kautian.ods` with the unpacked
    `sutiau-mp3.zip` beside or below it, which hold the whole dictionary.
Who: one or a few women in a studio. The publisher does not say who speaks where: speakers are unknown.
Language: nan-Latn-tailo, the Tâi-lô romanisation, kept as printed; alternatives (`a/b`), reading marks
    (【白】, 【文】, 【俗】, 【替】) and neutral tones (`--`) are the orthography's business.
Licence: CC BY-ND 3.0 TW, Ministry of Education (R.O.C.), Dictionary of Frequently-Used Taiwan Taigi.
    Altered audio must not be passed on: cut, resampled or embedded clips stay on your disk.
    https://sutian.moe.edu.tw/zh-hant/siongkuantsuguan/
Splits: by text, 80 / 8 / 12 % train / dev / test; entries that share any alternative are in the same one.
Left out: entries without a recording, or whose file is absent, and files that no entry names; entries that
    name a recording which an earlier one has named.
Known faults: isolated words only; the recording of an entry with alternatives speaks one of them, mostly
    the first; clips begin and end with silence; the speakers of training and test are the same.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from data_prep._opendocument import rows as spreadsheet_rows
from speechtl.corpus import Corpus
from speechtl.preparation import Recording, assemble, audio_files, find_audio, require

NAME = "taiwanese_moe"
_SHEET, _SPELLING, _RECORDING = "詞目", "羅馬字", "羅馬字音檔檔名"


class _Entry(NamedTuple):
    stem: str
    """The recording's name without its ending."""
    text: str


def prepare(root: Path) -> Corpus:
    """Read a folder with words.tsv and audio/, or with kautian.ods and recordings below it.

    Raises:
        FileNotFoundError: The folder is laid out otherwise.
        ValueError: The list lacks a column or is damaged, or nothing can be used.
    """
    left_out: Counter[str] = Counter()
    workbook = root / "kautian.ods"
    if workbook.is_file() and not (root / "words.tsv").is_file():
        by_stem = {path.stem: path for path in audio_files(root)}
        recordings = _recordings(_dictionary_entries(workbook), by_stem.get, left_out)
    else:
        audio = root / "audio"
        require(root / "words.tsv", audio)
        listed = list(_listed_entries(root / "words.tsv"))
        stems = {entry.stem for entry in listed}
        left_out["in no list"] = sum(path.stem not in stems for path in audio_files(audio))
        recordings = _recordings(listed, lambda stem: find_audio(audio / f"{stem}.mp3"), left_out)
    corpus = assemble(NAME, recordings, left_out=+left_out)
    return corpus.split(by="text")


def _listed_entries(words: Path) -> Iterator[_Entry]:
    with words.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if missing := {"audio", "tailo"} - set(rows.fieldnames or ()):
            raise ValueError(f"{words}: missing columns {sorted(missing)}, it has {rows.fieldnames}")
        for row in rows:
            yield _Entry(Path(row["audio"] or "").stem, row["tailo"] or "")


def _dictionary_entries(workbook: Path) -> Iterator[_Entry]:
    for row in spreadsheet_rows(workbook, _SHEET):
        if missing := {_SPELLING, _RECORDING} - set(row):
            raise ValueError(f"{workbook}: sheet {_SHEET} lacks {sorted(missing)}, it has {list(row)}")
        yield _Entry(row[_RECORDING].strip(), row[_SPELLING])


def _recordings(
    entries: Iterable[_Entry], find: Callable[[str], Path | None], left_out: Counter[str]
) -> list[Recording]:
    """One per recording that is named; entries that name none, or one named before, are counted."""
    recordings: dict[str, Recording] = {}
    for stem, text in entries:
        if not stem:
            left_out["no recording"] += 1
        elif stem in recordings:
            left_out["listed before"] += 1
        else:
            recordings[stem] = Recording(
                id=stem,
                audio=find(stem),
                text=text.strip(),
                language="nan-Latn-tailo",
                speaker=None,
                domain="dictionary",
            )
    return list(recordings.values())
