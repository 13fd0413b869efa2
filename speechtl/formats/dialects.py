"""What peers call the columns of their manifests."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from speechtl.corpus import COLUMNS
from speechtl.formats.listing import Listing, Row, Span

ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("path", "file", "filename", "file_name", "wav", "clip", "audio_path"), "audio"),
    **dict.fromkeys(("audio_filepath", "wav_filename", "audio_file"), "audio"),
    **dict.fromkeys(("transcript", "transcription", "sentence", "label", "txt", "words"), "text"),
    **dict.fromkeys(("lang", "locale"), "language"),
    **dict.fromkeys(("spk", "spk_id", "speaker_id", "client_id", "speaker_name"), "speaker"),
    **dict.fromkeys(("accent", "accents", "channel", "device"), "domain"),
    **dict.fromkeys(("set", "subset", "partition"), "split"),
    **dict.fromkeys(("seconds", "length"), "duration"),
}
"""What our columns are often called in tables of nobody's format."""


@dataclass(frozen=True)
class Dialect:
    """The columns of one toolkit's manifests; ours are understood beside them."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Our name of each column that is read; one for `audio` is what the dialect is known by."""
    extent: frozenset[str] = frozenset()
    """Columns that say which part of the recording is meant, in seconds."""
    passed_over: frozenset[str] = frozenset()
    """Columns that are known and tell nothing that is needed."""
    has_codes: bool = False
    """Its language is a code of what is spoken, which does not say how that is written."""

    def name(self, column: str) -> str | None:
        """Our name of a column; None where it is not read."""
        if column in self.passed_over:
            return None
        name = self.names.get(column, column)
        return name if name in COLUMNS or column in self.extent else None

    def knows(self, column: str) -> bool:
        """Whether a column may stand there."""
        return column in self.passed_over or self.name(column) is not None

    def theirs(self, column: str) -> str:
        """What it calls one of our columns."""
        return next((theirs for theirs, ours in self.names.items() if ours == column), column)

    def unknown(self, column: str) -> tuple[str, str]:
        """The fault of a column that it does not know, and how to mend it."""
        known = [*self.names, *sorted(self.extent), *(c for c in COLUMNS if c not in self.names.values())]
        meant = [name for name in known if name.casefold() == column.strip().casefold()]
        if meant:
            return f"unknown column {column!r}", f"it is written {meant[0]!r}; rename it"
        if (ours := ELSEWHERE.get(column.strip().casefold())) is not None:
            return (
                f"unknown column {column!r}",
                f"rename it {self.theirs(ours)!r} if it is that, or {_PASS_OVER} {column}",
            )
        return (
            f"unknown column {column!r}",
            f"rename or remove it, the known ones are {', '.join(known)}; or {_PASS_OVER} {column}",
        )


_PASS_OVER = "save the corpus without it: speechtl prepare PATH --ignore-columns"


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split(", "))


OURS = Dialect(extent=frozenset({"start", "end"}))
NEMO = Dialect(
    {"audio_filepath": "audio", "audio_filename": "audio", "lang": "language"},
    extent=frozenset({"offset"}),
    passed_over=_set(
        "command, label, normalized_text, orig_sample_rate, orig_sr, pnc, pred_text, rttm_filepath, "
        "source_lang, target_lang, taskname, text_no_preprocessing, token_labels"
    ),
    has_codes=True,
)
WENET = Dialect(
    {"wav": "audio", "key": "id", "txt": "text", "lang": "language"},
    extent=frozenset({"start", "end"}),
    passed_over=frozenset({"sample_rate", "task"}),
    has_codes=True,
)
COQUI = Dialect({"wav_filename": "audio", "transcript": "text"}, passed_over=frozenset({"wav_filesize"}))
COMMON_VOICE = Dialect(
    {
        "path": "audio",
        "sentence": "text",
        "client_id": "speaker",
        "locale": "language",
        "accents": "domain",
        "accent": "domain",
    },
    passed_over=_set("sentence_id, sentence_domain, up_votes, down_votes, age, gender, variant, segment"),
    has_codes=True,
)
_HUB_NAMES = {
    "transcription": "text",
    "sentence": "text",
    "transcript": "text",
    "speaker_id": "speaker",
    "client_id": "speaker",
    "locale": "language",
}
_HUB_PASSED_OVER = COMMON_VOICE.passed_over | _set(
    "path, file, num_samples, raw_transcription, lang_id, lang_group_id, chapter_id, accents, accent"
)
HUGGING_FACE = Dialect(_HUB_NAMES, passed_over=_HUB_PASSED_OVER, has_codes=True)
AUDIO_FOLDER = Dialect({"file_name": "audio", **_HUB_NAMES}, passed_over=_HUB_PASSED_OVER, has_codes=True)

_BY_AUDIO = {
    theirs: dialect
    for dialect in (NEMO, WENET, COQUI, AUDIO_FOLDER)
    for theirs, ours in dialect.names.items()
    if ours == "audio"
}


def dialect_of(columns: Collection[str]) -> Dialect:
    """The toolkit that calls the audio's path by one of these columns; ours where none does."""
    return next((dialect for key, dialect in _BY_AUDIO.items() if key in columns), OURS)


def named_row(listing: Listing, index: int, where: str, given: Mapping[str, Any], dialect: Dialect) -> Row:
    """A row under our names; what cannot be understood of it is a fault of `listing`.

    Args:
        listing: Gets the faults.
        index: The row's.
        where: The row's place.
        given: Values by column, of columns that the dialect knows.
        dialect: Whose columns they are.
    """
    values: dict[str, Any] = {}
    extent: dict[str, Any] = {}
    for column, value in given.items():
        name = dialect.name(column)
        if name is None or value is None or value == "":
            continue
        if column in dialect.extent:
            extent[column] = value
        elif name in values:
            mend = f"keep one, or {_PASS_OVER} {column}"
            listing.fault(f"{name} is given twice", mend, where, f"the second is {column}", index)
        elif dialect is not OURS and name in ("id", "speaker") and _is_whole(value):
            values[name] = str(value)
        else:
            values[name] = value
    try:
        span = _span(extent, values.get("duration"))
    except ValueError as error:
        span = None
        listing.fault("not a part of a recording", "write seconds from its start", where, str(error), index)
    listing.has_codes |= dialect.has_codes
    return Row(index, where, values, span)


def seconds(value: Any) -> float:
    """A number of seconds, 0 or more.

    Raises:
        ValueError: It is none.
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{value!r} is not a number of seconds")
    return number


def _span(extent: Mapping[str, Any], duration: Any) -> Span | None:
    """The part of a recording that NeMo's offset and duration, or WeNet's start and end, tell.

    Raises:
        ValueError: A number is none, or the end is not after the start.
    """
    if not extent:
        return None
    start = seconds(extent.get("start", extent.get("offset", 0.0)))
    end = seconds(extent["end"]) if "end" in extent else None
    if "offset" in extent and duration is not None:
        end = start + seconds(duration)
    return span(start, end)


def span(start: float, end: float | None) -> Span:
    """A part of a recording.

    Raises:
        ValueError: It has no length.
    """
    if end is not None and end <= start:
        raise ValueError(f"it starts at {start:g} s and ends at {end:g} s")
    return Span(start, end)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
