"""Kaldi data directories: wav.scp and text, with segments, utt2spk, utt2lang and utt2dur where they are.

Kaldi's fields end at white space. In ids, speakers, languages and domains it is therefore written as
percent and the UTF-8 bytes in hexadecimal (`%20` for a space), and so is the percent sign (`%25`). A speaker
that has the utterance's own id stands for an unknown one, as it does for Kaldi.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from speechtl.corpus import Corpus, Utterance
from speechtl.faults import Fault, describe
from speechtl.formats.dialects import seconds, span
from speechtl.formats.lines import lines
from speechtl.formats.listing import Listing, Options, Row, Span
from speechtl.formats.splits import split_name
from speechtl.formats.whole import new_folder

_BESIDE = {
    "text": "text",
    "utt2spk": "speaker",
    "utt2lang": "language",
    "utt2domain": "domain",
    "utt2dur": "duration",
}
"""Files of one value for each utterance, and our name of it; utt2domain is our own, and Kaldi ignores it."""
_ESCAPED = re.compile(r"(?:%[0-9A-F]{2})+")
_ARCHIVE = re.compile(r"^-$|\.ark(:\d+)?(\[.*\])?$")


class _Entry(NamedTuple):
    """A line of a Kaldi file."""

    file: str
    line: int
    value: str


def is_kaldi(folder: Path) -> bool:
    """Whether a folder is a Kaldi data directory, or holds one for each split."""
    return bool(_directories(folder))


def list_kaldi(folder: Path, options: Options) -> Listing:
    """The utterances of a directory with wav.scp, or of those in its subfolders, each a split."""
    listing = Listing(folder, "Kaldi", options.audio_root or folder, has_codes=True)
    for directory in _directories(folder):
        split = None if directory == folder else split_name(directory.name)
        if (directory / "text").is_file() or not options.needs_text:
            _Directory.read(listing, directory, split).add_rows(options.audio_root or directory)
        else:
            mend = "add the file `text`, with a line for each utterance"
            listing.fault("no transcripts", mend, str(directory))
    return listing


def _directories(folder: Path) -> list[Path]:
    if (folder / "wav.scp").is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob("*/wav.scp") if not path.parent.name.startswith("."))


@dataclass
class _Directory:
    """The files of one directory, by utterance or recording."""

    listing: Listing
    path: Path
    split: str | None
    recordings: dict[str, _Entry]
    segments: dict[str, _Entry] | None
    """None where every recording is an utterance."""
    beside: dict[str, dict[str, _Entry]]
    """Entries by our name of the column, then by utterance."""

    @classmethod
    def read(cls, listing: Listing, path: Path, split: str | None) -> _Directory:
        """Read all files."""
        is_cut = (path / "segments").is_file()
        return cls(
            listing,
            path,
            split,
            recordings=_entries(listing, path / "wav.scp"),
            segments=_entries(listing, path / "segments") if is_cut else None,
            beside={column: _entries(listing, path / file) for file, column in _BESIDE.items()},
        )

    def add_rows(self, root: Path) -> None:
        """Add a row for each utterance to the listing, and a fault for each text without audio."""
        utterances = self.recordings if self.segments is None else self.segments
        for id_, entry in utterances.items():
            index, self.listing.met = self.listing.met, self.listing.met + 1
            text = self.beside["text"].get(id_)
            where = f"{self.path / entry.file}:{entry.line}" + (f" and text:{text.line}" if text else "")
            self.listing.rows.append(self._row(index, where, id_, entry, root))
        file = "wav.scp" if self.segments is None else "segments"
        for id_, entry in self.beside["text"].items():
            if id_ not in utterances:
                where, mend = f"{self.path / 'text'}:{entry.line}", f"add it to {file}, or remove the line"
                self._fault("text of an utterance without audio", mend, where, repr(id_), self.listing.met)
                self.listing.met += 1

    def _row(self, index: int, where: str, id_: str, entry: _Entry, root: Path) -> Row:
        before = len(self.listing.faults)
        recording, extent = id_, None
        if self.segments is not None:
            recording, extent = self._segment(index, where, entry)
        audio = self._audio(index, where, recording) if recording else None
        values: dict[str, Any] = {"id": unescape(id_), "audio": audio, "split": self.split}
        for column, found in self.beside.items():
            if id_ in found:
                values[column] = found[id_].value if column == "text" else unescape(found[id_].value.strip())
        if values.get("speaker") == values["id"]:
            del values["speaker"]
        given = {column: value for column, value in values.items() if value not in (None, "")}
        has_fault = len(self.listing.faults) > before
        return Row(index, where, given, extent, root, has_audio_fault=has_fault)

    def _segment(self, index: int, where: str, entry: _Entry) -> tuple[str, Span | None]:
        """The recording of a segment and its extent; an end of -1 is the recording's."""
        mend = "write: utterance, recording, start and end in seconds"
        fields = entry.value.split()
        try:
            if len(fields) not in (3, 4):
                raise ValueError(f"{len(fields) + 1} fields")
            end = None if float(fields[2]) == -1 else seconds(fields[2])
            extent = span(seconds(fields[1]), end)
            if len(fields) == 4:
                extent = extent._replace(channel=int(fields[3]))
        except ValueError as error:
            self._fault("not a segment", mend, where, str(error), index)
            return "", None
        return fields[0], extent

    def _audio(self, index: int, where: str, recording: str) -> str | None:
        """The path of a recording; commands and archives are faults."""
        entry = self.recordings.get(recording)
        if entry is None:
            mend = "add the recording to wav.scp, or remove the segment"
            self._fault("segment of an unknown recording", mend, where, repr(recording), index)
            return None
        value = entry.value.strip()
        detail = value if self.segments is None else f"wav.scp:{entry.line}: {value}"
        if value.startswith("|") or value.endswith("|"):
            mend = "commands are never run: convert the recordings to files, and write their paths"
            self._fault("command in place of an audio file", mend, where, detail, index)
            return None
        if _ARCHIVE.search(value):
            mend = "extract the recordings to files, and write their paths"
            self._fault("archive in place of an audio file", mend, where, detail, index)
            return None
        return value

    def _fault(self, kind: str, mend: str, where: str, detail: str, row: int) -> None:
        self.listing.fault(kind, mend, where, detail, row)


def _entries(listing: Listing, path: Path) -> dict[str, _Entry]:
    """The lines of a file by their first field; none where there is no such file."""
    found: dict[str, _Entry] = {}
    if not path.is_file():
        return found
    for number, line in lines(listing, path):
        key, value = [*re.split(r"[ \t]", line.rstrip("\r\n"), maxsplit=1), ""][:2]
        if not line.strip():
            continue
        if not key:
            mend = "start each line with an id"
            listing.fault("line that begins with a space", mend, f"{path}:{number}", "", listing.met)
            listing.met += 1
        elif key in found:
            detail = f"{key!r}, first on line {found[key].line}"
            mend = "give each utterance its own"
            listing.fault("duplicate id", mend, f"{path}:{number}", detail, listing.met)
            listing.met += 1
        else:
            found[key] = _Entry(path.name, number, value)
    return found


def write_kaldi(corpus: Corpus, folder: str | Path) -> None:
    """Write a data directory for each split, with absolute audio paths, sorted as Kaldi wants it.

    Raises:
        ValueError: What these files cannot hold, all of it: line breaks, paths that Kaldi takes for commands
            or archives, and speakers with an utterance's id.
        FileExistsError: The folder is not empty.
    """
    faults = [fault for utterance in corpus for fault in _unwritable(utterance)]
    if faults:
        raise ValueError(describe(faults, f"corpus {corpus.name} cannot be written for Kaldi"))
    with new_folder(folder) as beside:
        for split in corpus.splits:
            part = sorted(corpus.filter(split=split), key=lambda utterance: escape(utterance.id).encode())
            (beside / split).mkdir()
            _write_directory(beside / split, part)


def _write_directory(directory: Path, utterances: list[Utterance]) -> None:
    by_speaker: defaultdict[str, list[str]] = defaultdict(list)
    files: dict[str, list[str]] = {file: [] for file in ("wav.scp", "spk2utt", *_BESIDE)}
    for utterance in utterances:
        id_ = escape(utterance.id)
        speaker = id_ if utterance.speaker is None else escape(utterance.speaker)
        by_speaker[speaker].append(id_)
        files["wav.scp"].append(f"{id_} {utterance.audio}")
        files["text"].append(f"{id_} {utterance.text}")
        files["utt2spk"].append(f"{id_} {speaker}")
        files["utt2lang"].append(f"{id_} {escape(utterance.language)}")
        files["utt2dur"].append(f"{id_} {utterance.duration}")
        if utterance.domain is not None:
            files["utt2domain"].append(f"{id_} {escape(utterance.domain)}")
    for speaker in sorted(by_speaker, key=str.encode):
        files["spk2utt"].append(" ".join([speaker, *by_speaker[speaker]]))
    for file, written in files.items():
        if written:
            (directory / file).write_text(
                "".join(f"{line}\n" for line in written), encoding="utf-8", newline=""
            )


def _unwritable(utterance: Utterance) -> list[Fault]:
    faults = []
    if set(utterance.text + utterance.audio) & set("\r\n"):
        faults.append(Fault("line break in the text or path", "take it out", utterance.id))
    if utterance.audio.strip() != utterance.audio or "|" in utterance.audio[-1:]:
        mend = "rename the file"
        faults.append(Fault("path that Kaldi does not read as it is", mend, utterance.id, utterance.audio))
    if _ARCHIVE.search(utterance.audio):
        faults.append(
            Fault("path that Kaldi reads as an archive", "rename the file", utterance.id, utterance.audio)
        )
    if utterance.speaker == utterance.id:
        faults.append(Fault("speaker with the utterance's id", "rename one of them", utterance.id))
    if (
        utterance.split in (".", "..")
        or set(utterance.split) & set("/\0")
        or split_name(utterance.split) != utterance.split
    ):
        faults.append(Fault("split that is no name for a folder", "rename it", utterance.id, utterance.split))
    return faults


def escape(value: str) -> str:
    """A value without white space.

    >>> escape("it's 100 %")
    "it's%20100%20%25"
    """
    return "".join(
        "".join(f"%{byte:02X}" for byte in character.encode()) if _is_escaped(character) else character
        for character in value
    )


def unescape(value: str) -> str:
    """What `escape` was given; other percent signs stay as they are.

    >>> unescape("it's%20100%20%25"), unescape("50%"), unescape("%41")
    ("it's 100 %", '50%', '%41')
    """
    return _ESCAPED.sub(lambda found: _plain(found[0]), value)


def _plain(escaped: str) -> str:
    try:
        plain = bytes.fromhex(escaped.replace("%", "")).decode()
    except UnicodeDecodeError:
        return escaped
    return plain if all(map(_is_escaped, plain)) else escaped


def _is_escaped(character: str) -> bool:
    return character == "%" or character.isspace() or unicodedata.category(character) == "Cc"
