"""Manifests of the user's own audio: JSONL (NeMo's too) and CSV or TSV with a header."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from speechtl.audio import duration
from speechtl.corpus import COLUMNS, Corpus, Utterance
from speechtl.faults import counted, listed
from speechtl.text_faults import text_fault

_OTHER_NAMES = {"audio_filepath": "audio"}
_REQUIRED = ("audio", "text")
_NO_LANGUAGE = (
    "no language; add the column `language`, or give that of all rows: --language to `speechtl evaluate`, "
    "--target.language (and --dev.0.language, --tests.0.language) to `speechtl run`, e.g. en"
)


def read_corpus(
    path: str | Path, language: str | None = None, audio_root: str | Path | None = None
) -> Corpus:
    """Read a manifest; its ending chooses the format.

    Args:
        path: A .jsonl, .csv or .tsv file. Columns: audio and text; id (default: the audio file's stem),
            language, speaker, domain, duration (default: from the file's header), split (default: train).
        language: The orthography of rows that have no language, e.g. nan-Latn-tailo.
        audio_root: The folder of relative audio paths; the manifest's by default.

    Raises:
        FileNotFoundError: There is no such manifest.
        ValueError: Faults, all in one message with file and line.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".jsonl":
        return read_jsonl(path, language, audio_root)
    if suffix in (".csv", ".tsv"):
        return read_csv(path, language, audio_root)
    raise ValueError(f"{path}: {suffix or 'no ending'!r} is not a manifest's; write .jsonl, .csv or .tsv")


def read_jsonl(path: str | Path, language: str | None = None, audio_root: str | Path | None = None) -> Corpus:
    """Read one JSON object per line; NeMo's key audio_filepath is read as audio. See `read_corpus`."""
    manifest = _Manifest(Path(path), language, Path(audio_root or Path(path).parent))
    return manifest.corpus(_jsonl_rows(manifest))


def read_csv(path: str | Path, language: str | None = None, audio_root: str | Path | None = None) -> Corpus:
    """Read comma-separated values, or tab-separated ones from a .tsv, with a header. See `read_corpus`."""
    manifest = _Manifest(Path(path), language, Path(audio_root or Path(path).parent))
    return manifest.corpus(_csv_rows(manifest))


def write_jsonl(corpus: Corpus, path: str | Path) -> None:
    """Write one JSON object per line; what is unknown is left away."""
    with Path(path).open("w", encoding="utf-8") as file:
        for utterance in corpus:
            row = {column: value for column, value in asdict(utterance).items() if value is not None}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_csv(corpus: Corpus, path: str | Path) -> None:
    """Write comma-separated values, or tab-separated ones to a .tsv, with a header."""
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=_delimiter(Path(path)), lineterminator="\n")
        writer.writerow(COLUMNS)
        for utterance in corpus:
            values = asdict(utterance)
            writer.writerow(["" if values[column] is None else values[column] for column in COLUMNS])


@dataclass
class _Manifest:
    """A manifest that is being read, and the faults met so far."""

    path: Path
    language: str | None
    audio_root: Path
    rows: int = 0
    """How many there are."""
    faults: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Where each kind of fault is; the kind says how to mend it."""

    def corpus(self, rows: Iterator[tuple[int, Mapping[str, Any]]]) -> Corpus:
        """Check all rows, then put them into a corpus."""
        if not self.path.is_file():
            raise FileNotFoundError(
                f"{self.path}: no such manifest; correct the path (it was sought as {self.path.absolute()})"
            )
        try:
            read = [(line, self._checked(line, row)) for line, row in rows]
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
        self.rows = len(read)
        if not read and not self.faults:
            self.faults["the manifest has no rows; write one per utterance"].append(str(self.path))
        complete = [(line, row) for line, row in read if row is not None]
        self._check_texts(complete)
        utterances = self._with_ids(complete)
        if self.faults:
            raise ValueError(self._message())
        return Corpus.from_utterances(self.path.stem, utterances)

    def fault(self, line: int, kind: str, detail: str = "") -> None:
        """Note a fault."""
        self.faults[kind].append(f"{self.path}:{line}" + (f" ({detail})" if detail else ""))

    def _message(self) -> str:
        total = sum(len(places) for places in self.faults.values())
        lines = [f"{self.path}: {counted(total, 'fault')}"]
        for kind, places in self.faults.items():
            is_everywhere = len(places) == self.rows > 1 and all("(" not in place for place in places)
            where = f"all {self.rows} rows" if is_everywhere else listed(places, separator="\n    ")
            lines += [f"- {kind} [{len(places)}]:", f"    {where}"]
        return "\n".join(lines)

    def _checked(self, line: int, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """A row with defaults filled in, or None where it has faults."""
        before = sum(len(places) for places in self.faults.values())
        values = {_OTHER_NAMES.get(key, key): value for key, value in row.items() if value not in (None, "")}
        for column in sorted(set(values) - set(COLUMNS)):
            self.fault(
                line,
                f"unknown column {column!r}; rename or remove it, the known ones are {', '.join(COLUMNS)}",
            )
        for column, value in values.items():
            if column in COLUMNS and column != "duration" and not isinstance(value, str):
                self.fault(line, f"{column} is not a text; write it in quotes", repr(value))
        if "audio" not in values:
            self.fault(line, "no audio; give the path of the recording")
        if not str(values.get("text", "")).strip():
            self.fault(line, "empty text; write what is said, or remove the row")
        values.setdefault("language", self.language)
        if values["language"] is None:
            self.fault(line, _NO_LANGUAGE)
        if isinstance(values.get("audio"), str):
            values["audio"] = str((self.audio_root / values["audio"]).absolute())
            values["duration"] = self._duration(line, values)
        after = sum(len(places) for places in self.faults.values())
        return values if before == after else None

    def _duration(self, line: int, values: Mapping[str, Any]) -> float:
        stated = values.get("duration")
        try:
            if stated is None:
                return duration(values["audio"])
            if not Path(values["audio"]).is_file():
                raise FileNotFoundError(values["audio"])
            seconds = float(stated)
            if not (math.isfinite(seconds) and seconds > 0):
                raise TypeError
        except FileNotFoundError:
            start = "correct the path, which starts at the manifest's folder"
            self.fault(line, f"missing audio file; {start}, or remove the row", values["audio"])
        except ValueError as error:
            if stated is None:
                self.fault(line, "audio that cannot be read; convert it or remove the row", str(error))
            else:
                self.fault(line, "duration is not a number of seconds above 0; remove it", repr(stated))
        except TypeError:
            self.fault(line, "duration is not a number of seconds above 0; remove it", repr(stated))
        else:
            return seconds
        return math.nan

    def _with_ids(self, rows: list[tuple[int, dict[str, Any]]]) -> list[Utterance]:
        """Utterances; ids that are absent are stems, with the folder where stems occur more than once."""
        stems = Counter(Path(row["audio"]).stem for _, row in rows if "id" not in row)
        first_line: dict[str, int] = {}
        utterances = []
        for line, row in rows:
            id_ = row.get("id") or _stem(Path(row["audio"]), self.audio_root, stems)
            if id_ in first_line:
                detail = f"{id_!r}, first on line {first_line[id_]}"
                self.fault(line, "duplicate id; give each utterance its own", detail)
            first_line.setdefault(id_, line)
            utterances.append(
                Utterance(
                    id=id_,
                    audio=row["audio"],
                    text=row["text"],
                    language=row["language"],
                    speaker=row.get("speaker"),
                    domain=row.get("domain"),
                    duration=row["duration"],
                    split=row.get("split", "train"),
                )
            )
        return utterances

    def _check_texts(self, rows: Iterable[tuple[int, dict[str, Any]]]) -> None:
        """Check that each language chooses an orthography, and that this understands the text."""
        from speechtl.text import orthography

        for line, row in rows:
            try:
                row["language"] = orthography(row["language"]).tag
            except ValueError as error:
                self.fault(line, f"language: {error}")
                continue
            if fault := text_fault(row["language"], row["text"]):
                mend = f"write it in {row['language']}, or remove the row"
                self.fault(line, f"{fault.kind}; {mend}", fault.message)


def _stem(audio: Path, root: Path, stems: Mapping[str, int]) -> str:
    if stems[audio.stem] == 1:
        return audio.stem
    inside = audio.relative_to(root.absolute()) if audio.is_relative_to(root.absolute()) else audio
    return inside.with_suffix("").as_posix().lstrip("/")


def _jsonl_rows(manifest: _Manifest) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with manifest.path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                manifest.fault(
                    number, "not JSON; write one object per line", f"column {error.colno}: {error.msg}"
                )
                continue
            if not isinstance(row, dict):
                manifest.fault(number, "not a JSON object; write {...} with the columns as keys")
                continue
            yield number, row


def _csv_rows(manifest: _Manifest) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with manifest.path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=_delimiter(manifest.path))
        header = [name.strip() for name in next(reader, [])]
        known = [_OTHER_NAMES.get(name, name) for name in header]
        found = f"the header has: {', '.join(header) or 'nothing'}"
        for column in _REQUIRED:
            if column not in known:
                manifest.fault(1, f"missing column {column!r}; the first line must name it", found)
        if "language" not in known and manifest.language is None:
            manifest.fault(1, _NO_LANGUAGE, found)
        for column in sorted(set(known) - set(COLUMNS)):
            manifest.fault(
                1, f"unknown column {column!r}; rename or remove it, the known ones are {', '.join(COLUMNS)}"
            )
        for column in sorted({name for name in known if known.count(name) > 1}):
            manifest.fault(1, f"column {column!r} is named twice; keep one")
        if manifest.faults:
            return
        for values in _readable(reader, manifest):
            if len(values) == len(known):
                yield reader.line_num, dict(zip(known, values, strict=True))
            elif values:
                detail = f"{len(values)}, the header has {len(known)}"
                manifest.fault(
                    reader.line_num, "wrong number of columns; quote fields that hold the separator", detail
                )


def _readable(reader: Any, manifest: _Manifest) -> Iterator[list[str]]:
    """The rows up to one that is no CSV, such as a quote left open over a whole file."""
    try:
        yield from reader
    except csv.Error as error:
        manifest.fault(reader.line_num, "not CSV; close its quotes and save it anew", str(error))


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","
