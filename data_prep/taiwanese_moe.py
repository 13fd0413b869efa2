"""Taiwanese Hokkien words as the dictionary of Taiwan's Ministry of Education prints and speaks them.

What: one recording per entry. Two layouts are read: `words.tsv` (columns audio, hanji, tailo, mandarin) with
    `audio/*.mp3`, any subset of entries; and the Ministry's own files, `kautian.ods` with the unpacked
    `sutiau-mp3.zip` beside or below it, which hold the whole dictionary.
Who: one or a few women in a studio. The publisher does not say who speaks where: speakers are unknown.
Language: nan-Latn-tailo, the Tâi-lô romanisation, kept as printed; alternatives (`a/b`), reading marks
    (【白】, 【文】, 【俗】, 【替】) and neutral tones (`--`) are the orthography's business. With
    `orthography="nan-Hant"` the Han characters beside it, as the corpus taiwanese_moe_hant.
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

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from data_prep._opendocument import rows as spreadsheet_rows
from data_prep._tab_separated import named_rows
from speechtl.corpus import Corpus, Utterance
from speechtl.partition import text_keys
from speechtl.preparation import Recording, assemble, audio_files, find_audio, require
from speechtl.text import orthography as rules_of
from speechtl.text_faults import text_fault

NAMES = {"nan-Latn-tailo": "taiwanese_moe", "nan-Hant": "taiwanese_moe_hant"}
"""The corpus's name by its orthography."""
_TAILO, _HAN = NAMES
_COLUMNS = {_TAILO: "tailo", _HAN: "hanji"}
_SHEET, _RECORDING = "詞目", "羅馬字音檔檔名"
_SHEET_COLUMNS = {_TAILO: "羅馬字", _HAN: "漢字"}
_MOST_TRAINED = ("train", "dev", "test")


class _Entry(NamedTuple):
    stem: str
    """The recording's name without its ending."""
    texts: dict[str, str]
    """By orthography."""


def prepare(root: Path, orthography: str = _TAILO) -> Corpus:
    """Read a folder with words.tsv and audio/, or with kautian.ods and recordings below it.

    Args:
        root: The folder.
        orthography: nan-Latn-tailo or nan-Hant. The splits are those of the Tâi-lô texts for both, so that
            no test word in Han characters was trained on in Tâi-lô.

    Raises:
        FileNotFoundError: The folder is laid out otherwise.
        ValueError: The list lacks a column or is damaged, nothing can be used, or there are no texts in this
            orthography.
    """
    tag = rules_of(orthography).tag
    if tag not in NAMES:
        raise ValueError(
            f"{NAMES[_TAILO]} has texts in {' and '.join(NAMES)}, not in {tag}; choose one of them with "
            "--orthography"
        )
    left_out: Counter[str] = Counter()
    workbook = root / "kautian.ods"
    if workbook.is_file() and not (root / "words.tsv").is_file():
        by_stem = {path.stem: path for path in audio_files(root)}
        entries = list(_dictionary_entries(workbook, {_TAILO, tag}))
        recordings = _recordings(entries, by_stem.get, left_out)
    else:
        audio = root / "audio"
        require(root / "words.tsv", audio)
        entries = list(_listed_entries(root / "words.tsv", {_TAILO, tag}))
        stems = {entry.stem for entry in entries}
        left_out["in no list"] = sum(path.stem not in stems for path in audio_files(audio))
        recordings = _recordings(entries, lambda stem: find_audio(audio / f"{stem}.mp3"), left_out)
    corpus = assemble(NAMES[_TAILO], recordings, left_out=+left_out).split(by="text")
    return corpus if tag == _TAILO else _in_han(corpus, entries)


def _listed_entries(words: Path, tags: set[str]) -> Iterator[_Entry]:
    columns = {tag: _COLUMNS[tag] for tag in sorted(tags)}
    for row in named_rows(words, {"audio", *columns.values()}):
        texts = {tag: row[column].strip() for tag, column in columns.items()}
        yield _Entry(Path(row["audio"]).stem, texts)


def _dictionary_entries(workbook: Path, tags: set[str]) -> Iterator[_Entry]:
    columns = {tag: _SHEET_COLUMNS[tag] for tag in sorted(tags)}
    for row in spreadsheet_rows(workbook, _SHEET):
        if missing := {_RECORDING, *columns.values()} - set(row):
            raise ValueError(f"{workbook}: sheet {_SHEET} lacks {sorted(missing)}, it has {list(row)}")
        yield _Entry(row[_RECORDING].strip(), {tag: row[column].strip() for tag, column in columns.items()})


def _recordings(
    entries: Iterable[_Entry], find: Callable[[str], Path | None], left_out: Counter[str]
) -> list[Recording]:
    """One per recording that is named; entries that name none, or one named before, are counted."""
    recordings: dict[str, Recording] = {}
    for stem, texts in entries:
        if not stem:
            left_out["no recording"] += 1
        elif stem in recordings:
            left_out["listed before"] += 1
        else:
            recordings[stem] = Recording(
                id=stem,
                audio=find(stem),
                text=texts[_TAILO],
                language=_TAILO,
                speaker=None,
                domain="dictionary",
            )
    return list(recordings.values())


def _in_han(corpus: Corpus, entries: Iterable[_Entry]) -> Corpus:
    """The same recordings in the same splits, with the Han text of the first entry that names each.

    They keep their ids, so that a seed draws the same minutes in both orthographies.

    Words that are written alike but read differently may lie in several splits. They stay where most is
    trained, so that no Han text of a test was trained on.
    """
    written: dict[str, str] = {}
    for entry in entries:
        written.setdefault(entry.stem, entry.texts[_HAN])
    left_out = Counter(corpus.left_out)
    kept: list[Utterance] = []
    places: dict[str, str] = {}
    for utterance in sorted(corpus, key=lambda one: _MOST_TRAINED.index(one.split)):
        stem = utterance.id.removeprefix(f"{corpus.name}/")
        text = written[stem]
        if fault := text_fault(_HAN, text):
            left_out[fault.kind] += 1
            continue
        keys = text_keys(_HAN, text)
        if {places.setdefault(key, utterance.split) for key in keys} != {utterance.split}:
            left_out["written like a word of another split"] += 1
            continue
        kept.append(replace(utterance, text=text, language=_HAN))
    return Corpus.from_utterances(NAMES[_HAN], kept, split_by="text", left_out=left_out)
