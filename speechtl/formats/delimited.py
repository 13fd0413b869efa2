"""CSV and TSV manifests with a header, with our columns, Coqui's or NeMo's."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from speechtl.corpus import COLUMNS, Corpus, Utterance
from speechtl.faults import Fault, describe
from speechtl.formats.dialects import COQUI, OURS, Dialect, dialect_of, named_row
from speechtl.formats.lines import lines
from speechtl.formats.listing import Listing, Options
from speechtl.formats.whole import whole_file

NO_LANGUAGE = (
    "no language",
    "add the column `language`, or give that of all rows: --language to `speechtl prepare`, `doctor` and "
    "`evaluate`, --target.language (and --dev.0.language, --tests.0.language, --unlabelled.0.language) to "
    "`speechtl run`, e.g. en",
)


_BREAKS = re.compile(r"[\t\r\n]")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def list_csv(path: Path, options: Options) -> Listing:
    """The rows of a .csv or .tsv file."""
    listing = Listing(path, "CSV", options.audio_root or path.parent)
    number = [0]
    text = _text(listing, path, number)
    reader = map(_tabbed, text) if delimiter(path) == "\t" else csv.reader(text, strict=True)
    header = [name.strip() for name in next(_readable(reader, listing, number), [])]
    if not header and listing.faults:  # which say why there is none
        return listing
    if (other := _other_separator(header, path)) is not None:
        mend = "save it with commas between them, or as .tsv with tabs"
        listing.fault(f"{other!r} between the columns", mend, f"{path}:1", header[0])
        return listing
    given = [name for name in header if name not in options.ignore_columns]
    dialect = dialect_of(given)
    if not check_header(listing, f"{path}:1", given, dialect, options, header):
        return listing
    for values in _readable(reader, listing, number):
        if values:
            add_fields(listing, f"{path}:{number[0]}", header, values, dialect, options)
    return listing


def add_fields(
    listing: Listing, where: str, header: list[str], values: list[str], dialect: Dialect, options: Options
) -> None:
    """Add the row that has these fields under this header, or a fault."""
    index, listing.met = listing.met, listing.met + 1
    if len(values) != len(header):
        detail = f"{len(values)}, the header has {len(header)}"
        mend = "quote fields that hold the separator"
        listing.fault("wrong number of columns", mend, where, detail, index)
        return
    given = {
        name: value
        for name, value in zip(header, values, strict=True)
        if name not in options.ignore_columns and dialect.knows(name)
    }
    listing.rows.append(named_row(listing, index, where, given, dialect))


def check_header(
    listing: Listing, where: str, given: list[str], dialect: Dialect, options: Options, header: list[str]
) -> bool:
    """Whether rows under this header can be read; what is wrong with it is a fault.

    Args:
        listing: Gets the faults.
        where: The header's place.
        given: The columns that are not ignored.
        dialect: Whose columns they are.
        options: The user's.
        header: All columns, for the message.
    """
    known = [name for column in given if (name := dialect.name(column)) is not None]
    found = f"the header has: {', '.join(header) or 'nothing'}"
    needed = ("audio", "text") if options.needs_text else ("audio",)
    missing = [column for column in needed if column not in known]
    for column in missing:
        mend = "the first line must name it"
        listing.fault(f"missing column {dialect.theirs(column)!r}", mend, where, found)
    if "language" not in known and options.language is None:
        listing.fault(*NO_LANGUAGE, where, found)
        listing.has_language = False
    for column in dict.fromkeys(given):
        if not dialect.knows(column):
            listing.fault(*dialect.unknown(column), where)
    twice = sorted({column for column in given if given.count(column) > 1})
    for column in twice:
        listing.fault(f"column {column!r} is named twice", "keep one", where)
    return not (missing or twice)


def write_csv(corpus: Corpus, path: str | Path, columns: Literal["ours", "coqui"] = "ours") -> None:
    """Write comma-separated values, or tab-separated ones to a .tsv, with a header.

    Args:
        corpus: Any.
        path: Replaced when all is written.
        columns: Coqui's are wav_filename, wav_filesize and transcript; it passes over the others.

    Raises:
        ValueError: What a .tsv cannot hold, all of it: tabs and line breaks.
    """
    dialect = {"ours": OURS, "coqui": COQUI}[columns]
    if delimiter(Path(path)) == "\t" and (
        faults := [one for row in corpus for one in breaking(row, COLUMNS, "take it out, or write a .csv")]
    ):
        raise ValueError(describe(faults, f"corpus {corpus.name} cannot be written to {path}"))
    names = [dialect.theirs(column) for column in COLUMNS]
    with whole_file(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        # A carriage return in a field is quoted only where it is a part of the line's end.
        writer = csv.writer(_Unix(file), delimiter=delimiter(Path(path)), lineterminator="\r\n")
        writer.writerow(names + ["wav_filesize"] * (dialect is COQUI))
        for utterance in corpus:
            writer.writerow(_fields(utterance) + [Path(utterance.audio).stat().st_size] * (dialect is COQUI))


def breaking(utterance: Utterance, columns: Iterable[str], mend: str) -> list[Fault]:
    """The values of an utterance that would end a field or a line where tabs separate."""
    values = {column: getattr(utterance, column) for column in columns}
    return [
        Fault(f"tab or line break in the {column}", mend, utterance.id, repr(value))
        for column, value in values.items()
        if isinstance(value, str) and _BREAKS.search(value)
    ]


class _Unix:
    """A file whose lines end with \\n alone."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, line: str) -> None:
        """Write a line."""
        self._file.write(line.removesuffix("\r\n") + "\n")


def _fields(utterance: Utterance) -> list[Any]:
    values = asdict(utterance)
    return ["" if values[column] is None else values[column] for column in COLUMNS]


def _text(listing: Listing, path: Path, last: list[int]) -> Iterator[str]:
    """The lines; `last` holds the number of the last one."""
    for last[0], line in lines(listing, path):
        yield line


def _readable(reader: Any, listing: Listing, number: list[int]) -> Iterator[list[str]]:
    """The rows up to one that is no CSV, such as a quote left open over a whole file."""
    try:
        yield from reader
    except csv.Error as error:
        where = f"{listing.path}:{number[0]}"
        listing.fault("not CSV", "close its quotes and save it anew", where, str(error))


def _tabbed(line: str) -> list[str]:
    """The fields of a line with tabs; quotes count only around a whole field, with those inside doubled.

    Text that somebody has not quoted begins with a quotation mark as often as not, which must not take the
    next lines with it.
    """
    fields = line.rstrip("\r\n").split("\t")
    return (
        [one[1:-1].replace('""', '"') if _QUOTED.fullmatch(one) else one for one in fields]
        if any(fields)
        else []
    )


def _other_separator(header: list[str], path: Path) -> str | None:
    """What a header of one column seems to be separated by; None where it has several, or only one name."""
    if len(header) != 1:
        return None
    return next((mark for mark in ";\t,|" if mark != delimiter(path) and mark in header[0]), None)


def delimiter(path: Path) -> str:
    """What separates the fields of such a file."""
    return "\t" if path.suffix.lower() == ".tsv" else ","
