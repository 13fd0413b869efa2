"""Mandarin words and toned syllables: audio-cmn, with readings of the words by pypinyin.

What: words of the HSK examination, `hsk/cmn-<hanzi>.mp3`, and syllables, `syllabs/cmn-<pinyin><tone>.mp3`.
    The public repository holds them at several bit rates; one is read, the first of the folder itself, 64k,
    24k-abr and 18k-abr that has both (96k has no syllables).
Who: two speakers, one per folder; here they are named hsk and syllabs.
Language: cmn-Latn-pinyin, tones as digits, neutral tone 5, ü as v.
Licence: CC BY-SA, Yue Tan (words) and Chen Wang (syllables). https://github.com/hugolpz/audio-cmn
Splits: by text, 80 / 8 / 12 % train / dev / test; homophones, across the folders too, are in the same one.
Left out: words whose reading the characters do not decide (a character of several readings in a word that
    pypinyin's phrase dictionary lacks); words with an r-coloured ending, which is no syllable of its own;
    patterns with a gap (`越_越_`); syllables that the publisher marks with `_` as outside the standard table.
Known faults: readings are a dictionary's, so optional neutral tones (`dong1 xi1`) and the tone changes of
    yi and bu may differ from what is spoken; both speakers are in training and test.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from speechtl.corpus import Corpus
from speechtl.preparation import Recording, assemble, audio_files, require

NAME = "mandarin_audio_cmn"
BIT_RATES = ("", "64k", "24k-abr", "18k-abr")
FULL_ENDINGS = frozenset({"儿", "女儿", "婴儿", "幼儿", "孤儿", "胎儿", "健儿"})
"""Words that end in a full syllable er."""


def prepare(root: Path) -> Corpus:
    """Read a folder with hsk/ and syllabs/, or one whose bit rates hold them.

    Raises:
        FileNotFoundError: The folder is laid out otherwise.
        ImportError: pypinyin is not installed.
    """
    folders = [root / rate for rate in BIT_RATES]
    parts = ("hsk", "syllabs")
    base = next((folder for folder in folders if all((folder / part).is_dir() for part in parts)), root)
    require(base / "hsk", base / "syllabs")
    left_out: Counter[str] = Counter()
    recordings = [*_words(base / "hsk", left_out), *_syllables(base / "syllabs", left_out)]
    return assemble(NAME, recordings, left_out=left_out).split(by="text")


def reading(word: str) -> tuple[str | None, str]:
    """The pinyin of a word, tones as digits; or None and why there is none.

    Raises:
        ImportError: pypinyin is not installed.
    """
    try:
        from pypinyin import Style, pinyin
    except ImportError as error:
        raise ImportError("readings of Han words need pypinyin: pip install 'speechtl[prep]'") from error
    if "_" in word:
        return None, "pattern with a gap"
    if not re.fullmatch(r"[\u3400-\u9fff]+", word):
        return None, "not Han characters"
    if word.endswith("儿") and word not in FULL_ENDINGS:
        return None, "r-coloured ending"
    options = pinyin(word, style=Style.TONE3, heteronym=True, neutral_tone_with_five=True)
    if any(len(choice) > 1 for choice in options):
        return None, "ambiguous reading"
    return " ".join(choice[0] for choice in options), ""


def _words(folder: Path, left_out: Counter[str]) -> Iterator[Recording]:
    for path in audio_files(folder):
        text, reason = reading(path.stem.removeprefix("cmn-"))
        if text is None:
            left_out[reason] += 1
        else:
            yield _recording(path, text)


def _syllables(folder: Path, left_out: Counter[str]) -> Iterator[Recording]:
    for path in audio_files(folder):
        syllable = path.stem.removeprefix("cmn-")
        if re.fullmatch(r"[a-zü]+[1-5]", syllable):
            yield _recording(path, syllable)
        else:
            left_out["outside the standard syllables"] += 1


def _recording(path: Path, text: str) -> Recording:
    return Recording(
        id=f"{path.parent.name}/{path.stem}",
        audio=path,
        text=text,
        language="cmn-Latn-pinyin",
        speaker=path.parent.name,
        domain="dictionary",
    )
