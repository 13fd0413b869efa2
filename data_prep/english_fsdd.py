"""English digits of six men: the Free Spoken Digit Dataset.

What: 3,000 recordings at 8 kHz, `recordings/<digit>_<speaker>_<take>.wav` (or .flac).
Who: six men; their accents, the domain of each utterance, are american (jackson, theo), french (nicolas,
    Belgian), german (lucas, yweweler) and greek (george), by the publisher's metadata.
Language: en, the digits as words.
Licence: CC BY-SA 4.0, Zohar Jackson and others. https://github.com/Jakobovski/free-spoken-digit-dataset
Splits: by speaker, sorted by hash, four in train, one in dev, one in test. The publisher's own test set,
    the first takes of every speaker, is not used: it tests on the speakers of the training.
Known faults: trimmed tightly, down to 0.14 s, some clips cut into the word; telephone band; one person in
    test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from speechtl.corpus import Corpus
from speechtl.preparation import Recording, assemble, audio_files

NAME = "english_fsdd"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = {
    "george": "greek",
    "jackson": "american",
    "lucas": "german",
    "nicolas": "french",
    "theo": "american",
    "yweweler": "german",
}
SHARES = {"train": 4 / 6, "dev": 1 / 6, "test": 1 / 6}


def prepare(root: Path) -> Corpus:
    """Read a folder with recordings/.

    Raises:
        FileNotFoundError: The folder is laid out otherwise.
        ValueError: Fewer than three speakers.
    """
    files = list(audio_files(root / "recordings"))
    named = [(path, match) for path in files if (match := re.fullmatch(r"(\d)_([^_]+)_(\d+)", path.stem))]
    left_out = {"name not understood": len(files) - len(named)} if len(named) < len(files) else {}
    return assemble(NAME, _recordings(named), left_out=left_out).split(by="speaker", shares=SHARES)


def _recordings(named: list[tuple[Path, re.Match[str]]]) -> Iterator[Recording]:
    for path, match in named:
        digit, speaker = match[1], match[2]
        yield Recording(
            id=path.stem,
            audio=path,
            text=DIGITS[int(digit)],
            language="en",
            speaker=speaker,
            domain=ACCENTS.get(speaker, "unknown"),
        )
