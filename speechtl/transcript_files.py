"""Transcripts as text, JSONL or SRT, on stdout or in files that are written whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from speechtl.whole_files import explained, replaced

if TYPE_CHECKING:
    from speechtl.phrases import Segment
    from speechtl.transcribe import Transcript

Format = Literal["text", "jsonl", "srt"]


def told(transcript: Transcript, style: Format) -> str:
    """A transcript in a format, with its line end.

    `text`: the file, a tab, the text. `jsonl`: file, text, and segments with start and end in seconds. `srt`:
    a numbered subtitle for each phrase.
    """
    if style == "text":
        return f"{transcript.file}\t{transcript.text}\n"
    if style == "jsonl":
        segments = [asdict(segment) for segment in transcript.segments]
        row = {"file": str(transcript.file), "text": transcript.text, "segments": segments}
        return json.dumps(row, ensure_ascii=False) + "\n"
    return "\n".join(_subtitle(number, segment) for number, segment in enumerate(transcript.segments, 1))


def destinations(out: Path, files: Sequence[Path], style: Format) -> list[Path]:
    """The file in folder `out` for each recording: its path below the folder that all are in.

    Raises:
        ValueError: recordings differ only by their format, so that their transcripts would have one name.
    """
    # Lexically, so that a link stands where it was given, and `..` leads out of no folder.
    absolute = [Path(os.path.abspath(file)) for file in files]  # noqa: PTH100
    common = Path(os.path.commonpath([file.parent for file in absolute]))
    suffix = {"text": ".txt", "jsonl": ".jsonl", "srt": ".srt"}[style]
    places = [out / file.relative_to(common).with_suffix(suffix) for file in absolute]
    first: dict[Path, Path] = {}
    for place, file in zip(places, files, strict=True):
        if place in first:
            raise ValueError(f"{first[place]} and {file} would both be written to {place}; give one of them")
        first[place] = file
    return places


def write(
    transcripts: Iterable[Transcript], files: Sequence[Path], out: Path | TextIO, style: Format
) -> None:
    """Write transcripts as they come; files are written beside first, then put in their place.

    Args:
        transcripts: of `files` or, where bad ones are left out, of some of them.
        files: the recordings.
        out: a stream; a file, which is there when all are done; or a folder, where each recording's file is
            there when that is done. Subtitles of several recordings need a folder, which is made.
        style: what to write.

    Raises:
        ValueError: subtitles of several recordings have no folder, two would have one name, or `out` is one
            of the recordings.
        OSError: the disk is full or not writable.
    """
    needs_folder = style == "srt" and len(files) > 1
    if needs_folder and (not isinstance(out, Path) or out.is_file()):
        raise ValueError(f"subtitles of {len(files)} files need a folder to be written to: --out DIR")
    if isinstance(out, Path) and out.resolve() in [file.resolve() for file in files]:
        raise ValueError(f"{out} is one of the recordings, and --out would overwrite it; name another file")
    if not isinstance(out, Path):
        for transcript in transcripts:
            out.write(told(transcript, style))
            out.flush()
    elif needs_folder or out.is_dir():
        places = dict(zip(files, destinations(out, files, style), strict=True))
        for transcript in transcripts:
            text = f"{transcript.text}\n" if style == "text" else told(transcript, style)
            _replace(places[transcript.file], [text])
    else:
        _replace(out, (told(transcript, style) for transcript in transcripts))


def _replace(path: Path, texts: Iterable[str]) -> None:
    with explained("the transcript", path, instead="name another place by --out"):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as beside:
        with explained("the transcript", path, instead="name another place by --out"):
            file = beside.open("w", encoding="utf-8")
        with file:
            for text in texts:
                _put(file, text, path)


def _put(file: TextIO, text: str, path: Path) -> None:
    with explained("the transcript", path, instead="name another place by --out"):
        file.write(text)
        file.flush()


def _subtitle(number: int, segment: Segment) -> str:
    return f"{number}\n{_clock(segment.start)} --> {_clock(segment.end)}\n{segment.text}\n"


def _clock(seconds: float) -> str:
    """As SRT has it.

    >>> _clock(3661.5)
    '01:01:01,500'
    """
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
