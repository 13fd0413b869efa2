"""Mandarin words and toned syllables: audio-cmn, with readings of the words by pypinyin.

What: words of the HSK examination, `hsk/cmn-<hanzi>.mp3`, and syllables, `syllabs/cmn-<pinyin><tone>.mp3`.
    The public repository holds them at several bit rates; one is read, the first of the folder itself, 64k,
    24k-abr and 18k-abr that has both (96k has no syllables).
Who: two speakers, one per folder; here they are named hsk and syllabs.
Language: cmn-Latn-pinyin, tones as digits, neutral tone 5, ü as v.
Licence: CC BY-SA, Yue Tan (words) and Chen Wang (syllables). https://github.com/hugolpz/audio-cmn
Splits: by text, 80 / 8 / 12 % train / dev / test; homophones, across the folders too, are in the same one.
Readings: of a word in pypinyin's phrase dictionary, what stands there. Of any other, a character's only
    reading, or the one that it has in at least 95 % of the phrases that hold it, if these are five or more
    (中 is zhong1 in 88 % and stays undecided; 听 is ting1 in all). 一 and 不 are yi1 and bu4, as pinyin
    writes them, though their tones change before other syllables.
Left out: words whose reading this does not decide; words with an r-coloured ending, which is no syllable of
    its own; patterns with a gap (`越_越_`); syllables that the publisher marks with `_` as outside the
    standard table.
Known faults: readings are a dictionary's, so optional neutral tones (`xi3 huan1`) may differ from what is
    spoken, and changed tones (yi, bu, a third tone before another) do; both speakers are in training and
    test.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from speechtl.corpus import Corpus
from speechtl.preparation import Recording, assemble, audio_files, require

NAME = "mandarin_audio_cmn"
BIT_RATES = ("", "64k", "24k-abr", "18k-abr")
FULL_ENDINGS = frozenset({"儿", "女儿", "婴儿", "幼儿", "孤儿", "胎儿", "健儿"})
"""Words that end in a full syllable er."""
CITATION = {("一", "yi2"): "yi1", ("一", "yi4"): "yi1", ("不", "bu2"): "bu4", ("儿", "er5"): "er2"}
"""Readings that the dictionary writes by context; where 儿 is no r-colouring, it is er2."""
SHARE, PHRASES = 0.95, 5
"""A reading is taken for the character's own from this share of at least so many phrases."""


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
    decided = [_decide(character, choices) for character, choices in zip(word, options, strict=True)]
    syllables = [syllable for syllable in decided if syllable is not None]
    return (" ".join(syllables), "") if len(syllables) == len(word) else (None, "ambiguous reading")


def _decide(character: str, choices: list[str]) -> str | None:
    """The one reading of a character, or its usual one; None where several are usual."""
    readings = {CITATION.get((character, reading), reading) for reading in choices}
    if len(readings) == 1:
        return readings.pop()
    usage = _usage().get(character, Counter())
    if usage.total() < PHRASES:
        return None
    reading, count = usage.most_common(1)[0]
    return reading if count >= SHARE * usage.total() else None


@cache
def _usage() -> Mapping[str, Counter[str]]:
    """In how many phrases of pypinyin's dictionary each character has each of its readings."""
    from pypinyin.constants import PHRASES_DICT
    from pypinyin.contrib.tone_convert import to_tone3

    usage: defaultdict[str, Counter[str]] = defaultdict(Counter)
    as_digits = cache(lambda reading: to_tone3(reading, neutral_tone_with_five=True))
    for phrase, choices in PHRASES_DICT.items():
        for character, (first, *_) in zip(phrase, choices, strict=True):
            reading = as_digits(first)
            usage[character][CITATION.get((character, reading), reading)] += 1
    return usage


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
