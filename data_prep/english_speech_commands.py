"""English command words of thousands of volunteers: Speech Commands.

What: one-second recordings at 16 kHz, `<word>/<speaker>_nohash_<take>.wav` (or .flac). The full version
    0.02 has 105,829 of 35 words; any subset of words and speakers is read. `_background_noise_` is passed
    over.
Who: 2,618 volunteers, by a hash, recorded through their own microphones.
Language: en.
Licence: CC BY 4.0, Google; Warden 2018, "Speech Commands: A Dataset for Limited-Vocabulary Speech
    Recognition", arXiv:1804.03209. http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz
Splits: by speaker, sorted by hash, 80 / 8 / 12 % of the speakers. Subsets do not hold the publishers'
    validation_list.txt and testing_list.txt, so these are not used and results do not compare with theirs.
Known faults: some clips are silent, cut into the word, or hold another word; noise of all kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from speechtl.corpus import Corpus
from speechtl.preparation import Recording, assemble, audio_files

NAME = "english_speech_commands"


def prepare(root: Path) -> Corpus:
    """Read a folder with one folder per word.

    Raises:
        FileNotFoundError: The folder is laid out otherwise.
        ValueError: Fewer than three speakers.
    """
    files = [
        path for path in audio_files(root) if not path.parent.name.startswith("_") and path.parent != root
    ]
    named = [(path, match) for path in files if (match := re.fullmatch(r"(\w+)_nohash_(\d+)", path.stem))]
    if not named:
        raise FileNotFoundError(
            f"{root}: no <word>/<speaker>_nohash_<take>.wav; give the folder of the words"
        )
    left_out = {"name not understood": len(files) - len(named)} if len(named) < len(files) else {}
    return assemble(NAME, _recordings(named), left_out=left_out).split(by="speaker")


def _recordings(named: list[tuple[Path, re.Match[str]]]) -> Iterator[Recording]:
    for path, match in named:
        yield Recording(
            id=f"{path.parent.name}/{path.stem}",
            audio=path,
            text=path.parent.name,
            language="en",
            speaker=match[1],
            domain="commands",
        )
