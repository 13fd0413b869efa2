"""Speech with nothing wrong with it, and faults to plant in it: a row each, and the kind that they are of."""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from toy_speech import tones

from speechtl.audio import write_audio
from speechtl.doctor import Examination

Row = dict[str, Any]
RATE = 16_000
LINES = {".csv": 2, ".tsv": 2, ".jsonl": 1}
"""Of the first row, by the manifest's ending."""


@dataclass
class Speech:
    """Rows of a manifest and their clips."""

    folder: Path
    rows: list[Row] = field(default_factory=list)
    clips: int = 0

    def sound(self, text: str = "ao", seconds: float = 0.0) -> NDArray[np.float64]:
        """Sound like no other one."""
        self.clips += 1
        samples = tones(text, np.random.default_rng(self.clips))
        return samples if not seconds else np.resize(samples, round(RATE * seconds))

    def path(self, ending: str = ".wav") -> Path:
        """A file that is not there yet."""
        self.clips += 1
        (self.folder / "clips").mkdir(exist_ok=True)
        return self.folder / "clips" / f"clip {self.clips}{ending}"

    def clip(self, samples: NDArray[np.floating[Any]] | None = None, ending: str = ".wav") -> Path:
        """A clip of these samples, else of sound like no other one."""
        path = self.path(ending)
        write_audio(path, self.sound() if samples is None else samples, RATE)
        return path

    def add(self, **values: Any) -> Row:
        """A row; what is not given is sound."""
        row: Row = {
            "id": f"u{len(self.rows)}",
            "audio": values.get("audio") or self.clip(),
            "text": "aoi",
            "language": "en",
            "speaker": "anna",
            "split": "train",
        }
        row |= values
        if isinstance(row["audio"], Path):
            row["audio"] = row["audio"].relative_to(self.folder).as_posix()
        self.rows.append(row)
        return row

    def write(self, name: str) -> Path:
        """The manifest; a row with `raw` is these bytes in place of its line."""
        path = self.folder / name
        columns = list(self.rows[0])
        lines = [] if path.suffix == ".jsonl" else [_line(columns, path.suffix)]
        for row in self.rows:
            if "raw" in row:
                lines.append(row["raw"])
            elif path.suffix == ".jsonl":
                lines.append(json.dumps(row, ensure_ascii=False).encode())
            else:
                assert set(row) <= set(columns), "the header has no such column"
                lines.append(_line([row.get(column, "") for column in columns], path.suffix))
        path.write_bytes(b"\n".join(lines) + b"\n")
        return path

    def where(self, row: Row, manifest: Path) -> str:
        """The line that a row stands on."""
        return f"{manifest}:{self.rows.index(row) + LINES[manifest.suffix]}"


def _line(values: list[str], ending: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter="\t" if ending == ".tsv" else ",", lineterminator="").writerow(values)
    return text.getvalue().encode()


def clean(folder: Path) -> Speech:
    """Two languages in three splits that share neither text nor speaker; training has enough of all units."""
    speech = Speech(folder)
    letters = {"en": "aeio", "de": "äéíö"}
    for split, speaker, count in (("train", "anna", 12), ("dev", "ben", 3), ("test", "cleo", 3)):
        for language, (a, b, c, d) in letters.items():
            for number in range(count):
                text = {
                    "train": (a + b) * (number + 1) + c + d,
                    "dev": a + c * number + d,
                    "test": b + d * number + c,
                }
                speech.add(
                    audio=speech.clip(speech.sound(a, 2.0)),
                    text=text[split],
                    language=language,
                    speaker=f"{speaker} {language}",
                    split=split,
                )
    return speech


def cut(path: Path, share: float = 0.5) -> Path:
    """The file with only so much of its beginning."""
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content)) + 3])
    return path


def mp3_without_length(speech: Speech, mode: str) -> Path:
    """An MP3 whose first frame, which states the length of all, is gone."""
    path = speech.path(".mp3")
    soundfile.write(path, speech.sound("aeio" * 3), RATE, subtype="MPEG_LAYER_III", bitrate_mode=mode)
    content = path.read_bytes()
    path.write_bytes(content[content.index(content[:2], 4) :])
    return path


def _written(speech: Speech, content: bytes) -> Path:
    path = speech.path()
    path.write_bytes(content)
    return path


def _floats(speech: Speech, samples: NDArray[np.float64]) -> Path:
    path = speech.path()
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


def _open_ended(speech: Speech) -> Path:
    path = speech.clip(speech.sound("aeio", 9), ".ogg")
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"OggS")])
    return path


def _copy(speech: Speech, split: str) -> Path:
    """The sound of the last clean row of a split, in a file of another format."""
    original = next(row for row in reversed(speech.rows[:36]) if row["split"] == split)
    samples, _ = soundfile.read(speech.folder / original["audio"])
    return speech.clip(samples, ".flac")


def _first(speech: Speech, split: str) -> Row:
    return next(row for row in speech.rows if row["split"] == split)


Plant = Callable[[Speech], Row]
AUDIO_FAULTS: dict[str, tuple[str, Callable[[Speech], Path]]] = {
    "missing file": ("missing audio file", lambda speech: speech.path()),
    "empty file": ("empty audio file", lambda speech: _written(speech, b"")),
    "text named .wav": ("audio that cannot be read", lambda speech: _written(speech, b"this is no sound")),
    "MP3 cut in half": ("audio cut short", lambda speech: cut(speech.clip(ending=".mp3"))),
    "MP3 of constant bit rate, cut, without a stated length": (
        "audio cut short",
        lambda speech: cut(mp3_without_length(speech, "CONSTANT")),
    ),
    "MP3 of variable bit rate, cut, without a stated length": (
        "audio cut short",
        lambda speech: cut(mp3_without_length(speech, "VARIABLE")),
    ),
    "WAV cut in half": ("audio cut short", lambda speech: cut(speech.clip())),
    "FLAC cut in half": ("audio cut short", lambda speech: cut(speech.clip(ending=".flac"))),
    "Ogg cut in half": ("audio cut short", lambda speech: cut(speech.clip(speech.sound("aeio", 9), ".ogg"))),
    "Opus cut in half": (
        "audio cut short",
        lambda speech: cut(speech.clip(speech.sound("aeio", 9), ".opus")),
    ),
    "Ogg without its last page": ("audio cut short", _open_ended),
    "no samples": ("audio of no length", lambda speech: speech.clip(np.zeros(0))),
    "silence": ("silent audio", lambda speech: speech.clip(np.full(RATE, 5 / 32_768))),
    "a constant": ("silent audio", lambda speech: speech.clip(np.full(RATE, 0.3))),
    "clipped": ("clipped audio", lambda speech: speech.clip((8 * speech.sound()).clip(-1, 1))),
    "NaN": ("audio that is not numbers", lambda speech: _floats(speech, np.append(speech.sound(), np.nan))),
    "infinity": (
        "audio that is not numbers",
        lambda speech: _floats(speech, np.append(np.inf, speech.sound())),
    ),
}
ROW_FAULTS: dict[str, tuple[str, Plant]] = {
    "no text": ("empty text", lambda speech: speech.add(text="")),
    "blank text": ("empty text", lambda speech: speech.add(text=" \t")),
    "text that is not spoken": ("no text", lambda speech: speech.add(text="?!")),
    "text that its language has not": (
        "text not understood",
        lambda speech: speech.add(text="xyzzy", language="nan-Latn-tailo"),
    ),
    "duplicate id": ("duplicate id", lambda speech: speech.add(id="u0")),
    "no language": ("no language", lambda speech: speech.add(language="")),
    "path out of the folder": (
        "audio path that leaves the corpus's folder",
        lambda speech: speech.add(audio="../away.wav"),
    ),
    "duplicated audio": ("duplicated audio", lambda speech: speech.add(audio=_copy(speech, "train"))),
    "duplicated audio across splits": (
        "duplicated audio across splits",
        lambda speech: speech.add(audio=_copy(speech, "dev"), split="test", text="ioio", speaker="cleo en"),
    ),
    "shared text": (
        "text in several splits that are split by text",
        lambda speech: speech.add(
            split="dev", speaker="ben en", text=f" {_first(speech, 'train')['text'].upper()}!"
        ),
    ),
    "shared speaker": (
        "speaker in several splits that are split by speaker",
        lambda speech: speech.add(split="test", speaker=_first(speech, "train")["speaker"], text="eeoo"),
    ),
    "too short": (
        "too short for the labels",
        lambda speech: speech.add(audio=speech.clip(speech.sound("aeio", 0.3)), text="aeio" * 5),
    ),
    "unit that training lacks": (
        "units never seen in training",
        lambda speech: speech.add(split="test", speaker="cleo en", text="aeu"),
    ),
}
LANGUAGE_FAULTS: dict[str, tuple[str, Plant]] = {
    "a language that is written in several ways": (
        "language: 'nan' does not say how the text is written",
        lambda speech: speech.add(language="nan"),
    ),
    "no language tag": (
        "language: 'english!' is no language tag",
        lambda speech: speech.add(language="english!"),
    ),
}
"""The kind also says what to choose from."""
CORPUS_FAULTS: dict[str, tuple[str, Plant]] = {
    "a language with hardly any speech": (
        "unbalanced languages",
        lambda speech: speech.add(
            audio=speech.clip(speech.sound("ae", 0.9)), text="oo aa oo aa", language="fr"
        ),
    ),
    "a vocabulary too large for the data": (
        "vocabulary too large for the data",
        lambda speech: speech.add(
            audio=speech.clip(speech.sound("ae", 5.0)), text="天地玄黃", language="cmn-Hant"
        ),
    ),
}
RAW_FAULTS: dict[str, dict[str, tuple[str, bytes]]] = {
    ".csv": {
        "a column too many": ("wrong number of columns", b"a,clips/a.wav,aoi,en,anna,train,more"),
        "a byte that is not UTF-8": ("not UTF-8", b"a,clips/a.wav,ao\xe9,en,anna,train"),
    },
    ".jsonl": {
        "no JSON": ("not JSON", b'{"id": "a", "audio": "clips/a.wav",'),
        "no object": ("not a JSON object", b'["a", "clips/a.wav"]'),
        "a byte that is not UTF-8": ("not UTF-8", b'{"id": "a", "text": "ao\xe9"}'),
    },
}
EVERY_ROW = (
    ROW_FAULTS
    | LANGUAGE_FAULTS
    | {
        name: (kind, lambda speech, make=make: speech.add(audio=make(speech)))
        for name, (kind, make) in AUDIO_FAULTS.items()
    }
)
CLAIMS = ("text", "speaker")


def state(folder: Path) -> dict[str, tuple[int, str]]:
    """Time of change and content of everything in a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = path.stat().st_mtime_ns, hashlib.sha256(content).hexdigest()
    return found


def kinds(examination: Examination) -> Counter[tuple[str, str]]:
    """Kind, up to what there is to choose from, and place of every fault."""
    return Counter((fault.kind.split(";")[0], fault.where) for fault in examination.faults)
