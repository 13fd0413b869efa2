"""Cantonese syllables in every tone, spoken in isolation, with jyutping in the file name.

What: 5,358 syllables, `sound/<speaker>/<final>/<tone>/<jyutping>.opus`; any depth of folders is read.
    Syllables that no word uses, such as stops with tone 2, 4 or 5, are spoken too.
Who: one man born in Hong Kong, `kt`, named by the first folder.
Language: yue-Latn-jyutping.
Licence: CC BY-SA 4.0, jyutnet. https://github.com/jyutnet/jyutnet-cantonese-syllables
Splits: by text, 80 / 8 / 12 % train / dev / test.
Known faults: no words and no sentences; one speaker, the same in training and test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speechtl.corpus import Corpus
from speechtl.preparation import Recording, assemble, audio_files

NAME = "cantonese_jyutnet"


def prepare(root: Path) -> Corpus:
    """Read a folder with sound/.

    Raises:
        FileNotFoundError: The folder is laid out otherwise.
    """
    return assemble(NAME, _recordings(root / "sound")).split(by="text")


def _recordings(sound: Path) -> Iterator[Recording]:
    for path in audio_files(sound):
        inside = path.relative_to(sound)
        yield Recording(
            id=inside.with_suffix("").as_posix(),
            audio=path,
            text=path.stem,
            language="yue-Latn-jyutping",
            speaker=inside.parts[0] if len(inside.parts) > 1 else None,
            domain="dictionary",
        )
