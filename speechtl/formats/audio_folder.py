"""Audio folders as the Hugging Face hub has them: recordings beside a metadata.csv or metadata.jsonl."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from speechtl.formats.delimited import list_csv
from speechtl.formats.jsonl import list_jsonl
from speechtl.formats.listing import Listing, Options, Row
from speechtl.formats.splits import usual_split

_NAMES = ("metadata.csv", "metadata.jsonl")


def is_audio_folder(folder: Path) -> bool:
    """Whether there is metadata in a folder, or below it."""
    return bool(_metadata(folder))


def list_audio_folder(path: Path, options: Options) -> Listing:
    """The rows of one metadata file, or of all in a folder and below it.

    A row's split is its column `split`, else the first folder on the way to the recording that is named
    after one.
    """
    whole = Listing(path, "Hugging Face", path if path.is_dir() else path.parent, takes_absolute=False)
    for metadata in [path] if path.is_file() else _metadata(path):
        part = (list_jsonl if metadata.suffix == ".jsonl" else list_csv)(metadata, options)
        whole.take(part, partial(_split, path, metadata) if path.is_dir() else lambda row: None)
    return whole


def _split(folder: Path, metadata: Path, row: Row) -> str | None:
    """What the first folder on the way to a recording says that is named after a split."""
    audio = Path(str(row.values.get("audio", "")))
    return usual_split((metadata.parent.relative_to(folder) / audio).parent.parts)


def _metadata(folder: Path) -> list[Path]:
    return sorted(path for name in _NAMES for path in folder.rglob(name) if path.is_file())
