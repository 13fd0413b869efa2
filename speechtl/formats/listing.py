"""What a reader of one format hands over for checking, and what is left of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from speechtl.corpus import Utterance
from speechtl.faults import Fault


class Span(NamedTuple):
    """A part of a recording that is an utterance."""

    start: float
    """Seconds."""
    end: float | None
    """Seconds; None: to the recording's end."""
    channel: int | None = None
    """Counted from 0; None: all of them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a manifest, under our names of the columns."""

    index: int
    """Counted from 0 over all rows met."""
    where: str
    """Such as `words.csv:12`."""
    values: Mapping[str, Any]
    span: Span | None = None
    """Where the utterance is a part of `audio`."""
    root: Path | None = None
    """The folder that `audio` starts at; by default the listing's."""
    name: str | None = None
    """What the audio was called before it was put into a table."""
    has_audio_fault: bool = False
    """Whether a fault tells already that there is no audio."""


@dataclass
class Listing:
    """The rows of a manifest, folder or release, before anything of them is checked."""

    path: Path
    format: str
    root: Path
    """The folder that relative audio paths start at."""
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    met: int = 0
    """All rows, those that could not be read included."""
    has_language: bool = True
    """False where a fault says already that no row tells its language."""
    has_codes: bool = False
    """Languages are a peer's codes of what is spoken, which `--language` replaces by an orthography."""
    takes_absolute: bool = True
    """Whether audio paths may be absolute; the layout of a release has none."""

    def fault(self, kind: str, mend: str, where: str, detail: str = "", row: int | None = None) -> None:
        """Note a fault."""
        self.faults.append(Fault(kind, mend, where, detail, row))

    def take(self, part: Listing, split: Callable[[Row], str | None]) -> None:
        """Add the rows and faults of one of several files.

        Args:
            part: What the file holds.
            split: The split of a row that states none; None: unknown.
        """
        first = self.met
        self.met += part.met
        self.has_codes |= part.has_codes
        self.has_language &= part.has_language
        for fault in part.faults:
            index = None if fault.row is None else fault.row + first
            self.faults.append(replace(fault, row=index))
        for row in part.rows:
            told = split(row)
            values = row.values if told is None else {"split": told, **row.values}
            self.rows.append(replace(row, index=row.index + first, values=values, root=part.root))


class Recorded(NamedTuple):
    """The audio of a row, whatever else is wrong with that."""

    row: int
    where: str
    audio: str


@dataclass(frozen=True)
class Reading:
    """What a manifest, folder or release holds: what can be used, and what is wrong with the rest."""

    name: str
    format: str
    """JSONL, CSV, Kaldi, Common Voice or Hugging Face."""
    utterances: list[Utterance]
    """Only those of rows without fault."""
    faults: list[Fault]
    rows: int
    """All rows met."""
    row_of: Sequence[int] = ()
    """The row of each utterance."""
    places: Sequence[str] = ()
    """Where each utterance stands, such as `words.csv:12`."""
    recorded: Sequence[Recorded] = ()
    """All audio that is there."""


@dataclass(frozen=True)
class Options:
    """What the user says about a manifest."""

    language: str | None = None
    """The orthography of rows that have none."""
    audio_root: Path | None = None
    """The folder that relative audio paths start at; by default the manifest's."""
    ignore_columns: frozenset[str] = frozenset()
    """Columns that are passed over."""
    clips: Path = Path()
    """Where audio that has no file of its own is written."""
    streaming: bool = False
    """Whether a dataset of the hub is read without keeping a copy of it."""
    needs_text: bool = True
    """Whether every row must have a text, and a sound one; without, none is looked at."""
