"""Common Voice releases: TSV files without quotes, and their recordings in `clips/`.

What a release has no column for stands in columns of ours behind its own ones: the id, where the recording's
file name cannot be it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from speechtl.corpus import Corpus, Utterance
from speechtl.faults import Fault, describe
from speechtl.formats.delimited import add_fields, breaking, check_header
from speechtl.formats.dialects import COMMON_VOICE
from speechtl.formats.lines import lines
from speechtl.formats.listing import Listing, Options
from speechtl.formats.whole import new_folder

_HEADER = (
    *("client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes"),
    *("age", "gender", "accents", "variant", "locale", "segment"),
)
_SPLITS = ("train", "dev", "test")
_LONGEST = 120
"""Characters of an id that still serves as a file name."""


def is_common_voice(path: Path) -> bool:
    """Whether a TSV, or those of a folder, are a release's."""
    return bool(_tables(path))


def list_common_voice(path: Path, options: Options) -> Listing:
    """The rows of one TSV, or of train.tsv, dev.tsv and test.tsv of a folder, else of its validated.tsv."""
    folder = path if path.is_dir() else path.parent
    clips = folder / "clips"
    root = options.audio_root or (clips if clips.is_dir() else folder)
    listing = Listing(path, "Common Voice", root, takes_absolute=False)
    for table in _tables(path):
        first = len(listing.rows)
        _list_table(listing, table, options)
        if path.is_dir() and table.stem in _SPLITS:
            listing.rows[first:] = [
                replace(row, values={"split": table.stem, **row.values}) for row in listing.rows[first:]
            ]
    return listing


def _tables(path: Path) -> list[Path]:
    """The TSV files that are read."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".tsv" and _has_header(path) else []
    found = [path / f"{split}.tsv" for split in _SPLITS if _has_header(path / f"{split}.tsv")]
    return found or [table for table in [path / "validated.tsv"] if _has_header(table)]


def _has_header(table: Path) -> bool:
    if not table.is_file():
        return False
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        return {"client_id", "path", "sentence"} <= set(file.readline(10_000).rstrip("\n").split("\t"))


def _list_table(listing: Listing, table: Path, options: Options) -> None:
    rows = ((number, line.rstrip("\r\n").split("\t")) for number, line in lines(listing, table))
    _, header = next(rows, (1, [""]))
    given = [column for column in header if column not in options.ignore_columns]
    if not check_header(listing, f"{table}:1", given, COMMON_VOICE, options, header):
        return
    for number, fields in rows:
        if fields != [""]:
            add_fields(listing, f"{table}:{number}", header, fields, COMMON_VOICE, options)


def write_common_voice(corpus: Corpus, folder: str | Path) -> None:
    """Write a release: a TSV for each split, and copies of the recordings in `clips/`.

    Domains become accents.

    Raises:
        ValueError: What these files cannot hold, all of it: tabs and line breaks, and other splits than
            train, dev and test.
        FileExistsError: The folder is not empty.
    """
    faults = [fault for utterance in corpus for fault in _unwritable(utterance)]
    if faults:
        raise ValueError(
            describe(faults, f"corpus {corpus.name} cannot be written as a Common Voice release")
        )
    files = _file_names(corpus)
    with new_folder(folder) as beside:
        (beside / "clips").mkdir()
        for split in corpus.splits:
            with (beside / f"{split}.tsv").open("w", encoding="utf-8", newline="") as table:
                table.write("\t".join([*_HEADER, "id"]) + "\n")
                for utterance in corpus.filter(split=split):
                    file = files[utterance.id]
                    shutil.copyfile(utterance.audio, beside / "clips" / file)
                    table.write("\t".join(_fields(utterance, file)) + "\n")


def _fields(utterance: Utterance, file: str) -> Sequence[str]:
    values = {
        "client_id": utterance.speaker or "",
        "path": file,
        "sentence": utterance.text,
        "accents": utterance.domain or "",
        "locale": utterance.language,
        "id": "" if Path(file).stem == utterance.id else utterance.id,
    }
    return [values.get(column, "") for column in [*_HEADER, "id"]]


def _file_names(corpus: Corpus) -> dict[str, str]:
    """A file name for each id, which is the id itself where it can be."""
    names: dict[str, str] = {}
    taken = set()
    for index, utterance in enumerate(corpus):
        suffix = Path(utterance.audio).suffix
        name = utterance.id + suffix
        is_plain = (
            len(name) <= _LONGEST and name.isprintable() and "/" not in name and name.strip(" .") == name
        )
        if not is_plain or Path(name).stem != utterance.id or name.casefold() in taken:
            name = f"clip-{index:07d}{suffix}"
        taken.add(name.casefold())
        names[utterance.id] = name
    return names


def _unwritable(utterance: Utterance) -> list[Fault]:
    columns = ("id", "text", "speaker", "domain")
    faults = breaking(utterance, columns, "take it out, these files have no quotes")
    if utterance.split not in _SPLITS:
        mend = f"a release has {', '.join(_SPLITS)}"
        faults.append(Fault("split that a release has not", mend, utterance.id, utterance.split))
    return faults
