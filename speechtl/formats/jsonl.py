"""JSONL manifests: one object per line, with our keys, NeMo's or WeNet's."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from speechtl.corpus import Corpus
from speechtl.formats.dialects import NEMO, OURS, dialect_of, named_row
from speechtl.formats.lines import lines
from speechtl.formats.listing import Listing, Options
from speechtl.formats.whole import whole_file


def list_jsonl(path: Path, options: Options) -> Listing:
    """The rows of a .jsonl, .json or .list file."""
    listing = Listing(path, "JSONL", options.audio_root or path.parent)
    for number, line in lines(listing, path):
        if not line.strip():
            continue
        if not listing.met and line.strip() == "[":
            mend = "write one object per line, without the brackets around all and the commas between"
            listing.fault("one JSON array over many lines", mend, f"{path}:{number}")
            return listing
        _add(listing, f"{path}:{number}", line, options)
    return listing


def write_jsonl(corpus: Corpus, path: str | Path, keys: Literal["ours", "nemo"] = "ours") -> None:
    """Write one JSON object per line; what is unknown is left away.

    Args:
        corpus: Any.
        path: Replaced when all is written.
        keys: NeMo's are audio_filepath, text, duration and lang; it passes over the others.
    """
    dialect = {"ours": OURS, "nemo": NEMO}[keys]
    with whole_file(path) as beside, beside.open("w", encoding="utf-8") as file:
        for utterance in corpus:
            row = {
                dialect.theirs(name): value for name, value in asdict(utterance).items() if value is not None
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _add(listing: Listing, where: str, line: str, options: Options) -> None:
    """Add the row of a line, or a fault."""
    index, listing.met = listing.met, listing.met + 1
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits and brackets without end
        detail = str(error)
        if isinstance(error, json.JSONDecodeError):
            detail = f"column {error.colno}: {error.msg}"
        listing.fault("not JSON", "write one object per line", where, detail, index)
        return
    if not isinstance(found, dict):
        listing.fault("not a JSON object", "write {...} with the columns as keys", where, row=index)
        return
    given = {key: value for key, value in found.items() if key not in options.ignore_columns}
    dialect = dialect_of(given)
    for key, value in given.items():
        if not dialect.knows(key) and value not in (None, ""):
            listing.fault(*dialect.unknown(key), where, row=index)
    listing.rows.append(named_row(listing, index, where, given, dialect))
