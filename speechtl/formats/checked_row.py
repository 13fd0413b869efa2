"""One row of a manifest while it is checked."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speechtl.audio import AudioError, duration, is_as_stated
from speechtl.corpus import Utterance
from speechtl.faults import Fault
from speechtl.formats.audio_paths import as_stored, resolve
from speechtl.formats.delimited import NO_LANGUAGE
from speechtl.formats.dialects import seconds
from speechtl.formats.listing import Listing, Row
from speechtl.formats.splits import split_name
from speechtl.text_faults import text_fault


@dataclass(slots=True)
class CheckedRow:
    """A row, what is wrong with it, and its audio."""

    row: Row
    values: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)
    recording: str | None = None
    """Where the audio should be; a text, since there may be a million of them."""
    audio: str | None = None
    """The file that holds the utterance, where there is one that can be opened."""

    def fault(self, kind: str, mend: str, detail: str = "") -> None:
        """Note a fault."""
        self.faults.append(Fault(kind, mend, self.row.where, detail, self.row.index))

    def audio_fault(self, error: Exception) -> None:
        """Note why the audio cannot be read."""
        if isinstance(error, AudioError):
            detail = f"{self.recording}: {error.found}"
            self.fault(error.kind, f"{error.mend}, or remove the row", detail)
        else:
            self.fault(
                "audio that may not be read", "give yourself the right to, or remove the row", str(error)
            )

    def check(self, listing: Listing, needs_text: bool = True) -> None:
        """Check all that needs no look at the audio; the language is settled already.

        Args:
            listing: What the row is of.
            needs_text: Whether it must have a text, and a sound one.
        """
        for column, value in list(self.values.items()):
            if column != "duration" and not isinstance(value, str):
                self.fault(f"{column} is not a text", "write it in quotes", repr(value))
            elif isinstance(value, str) and not is_encodable(value):
                self.fault(f"{column} holds half a character", "write it in UTF-8", ascii(value))
            elif isinstance(value, str) and not value.strip():
                del self.values[column]
        if "audio" not in self.values and not self.row.has_audio_fault:
            self.fault("no audio", "give the path of the recording")
        if not needs_text:
            self.values.setdefault("text", "")
        elif "text" not in self.values:
            self.fault("empty text", "write what is said, or remove the row")
        if "language" not in self.values and listing.has_language:
            self.fault(*NO_LANGUAGE)
        if isinstance(split := self.values.get("split"), str):
            self.values["split"] = split_name(split)
        self._check_text(needs_text)
        audio = self.values.get("audio")
        if isinstance(audio, str) and is_encodable(audio):
            self._locate(audio, self.row.root or listing.root, listing.takes_absolute)

    def _check_text(self, needs_text: bool) -> None:
        from speechtl.text import orthography

        language, text = self.values.get("language"), self.values.get("text")
        if not isinstance(language, str) or not is_encodable(language):
            return
        try:
            self.values["language"] = language = orthography(language).tag
        except ValueError as error:
            self.fault(f"language: {error}", "")
            return
        if not needs_text:
            return
        if isinstance(text, str) and is_encodable(text) and (fault := text_fault(language, text)):
            self.fault(fault.kind, f"write it in {language}, or remove the row", fault.message)

    def _locate(self, audio: str, root: Path, takes_absolute: bool) -> None:
        try:
            self.recording = str(resolve(audio, root, takes_absolute))
        except ValueError as error:
            mend = (
                "move the recording into it, or write paths without .. from a folder that holds all of them, "
                "and give that by --audio-root"
            )
            self.fault("audio path that leaves the corpus's folder", mend, str(error))

    def measure(self) -> None:
        """Check that the audio is there, and as long as is stated of it."""
        stated = self.values.get("duration")
        if stated is not None and not _is_duration(stated):
            self.fault("duration is not a number of seconds above 0", "remove it", repr(stated))
            stated = None
        if self.recording is None:
            return
        if (stored := as_stored(self.recording)) is None:
            mend = "correct the path, which starts at the manifest's folder, or remove the row"
            self.fault("missing audio file", mend, self.recording)
            return
        self.recording = str(stored)
        try:
            found = duration(self.recording)
        except (OSError, ValueError) as error:
            self.audio_fault(error)
            return
        self.audio = self.recording
        self.values["duration"] = found
        if stated is not None and self.row.span is None and not is_as_stated(seconds(stated), found):
            mend = "correct the column, in seconds, or do without it: --ignore-columns names columns"
            detail = f"{stated} s, and {self.recording} has {found:.2f}"
            self.fault("stated length that is not the sound's", mend, detail)

    def name(self) -> Path:
        """What the audio is called where an id is wanted."""
        assert self.recording is not None
        # In one Unicode form, whichever the disk has.
        path = Path(unicodedata.normalize("NFC", self.row.name or self.recording))
        span = self.row.span
        if span is None:
            return path
        end = "" if span.end is None else f"-{round(1000 * span.end):08d}"
        return path.with_name(f"{path.stem}-{round(1000 * span.start):08d}{end}{path.suffix}")

    def utterance(self) -> Utterance:
        """The row as an utterance."""
        assert self.audio is not None
        return Utterance(
            id=self.values["id"],
            audio=self.audio,
            text=self.values["text"],
            language=self.values["language"],
            speaker=self.values.get("speaker"),
            domain=self.values.get("domain"),
            duration=float(self.values["duration"]),
            split=self.values.get("split", "train"),
        )


def is_encodable(text: str) -> bool:
    """Whether a text consists of whole characters, not of halves as `\\ud83d` alone in JSON is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_duration(stated: Any) -> bool:
    try:
        return seconds(stated) > 0
    except ValueError:
        return False
