"""A folder of recordings and nothing beside them: speech without transcripts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from speechtl.formats.listing import Listing, Options, Row
from speechtl.sound_files import find


def list_sound_folder(folder: Path, options: Options) -> Listing:
    """A row for every sound file in a folder and below it, without a text.

    Raises:
        ValueError: there is none.
    """
    listing = Listing(folder, "sound files", folder)
    files = find([folder])
    forms = Counter(path.with_suffix("") for path in files)
    for number, path in enumerate(files):
        name = path.relative_to(folder)
        id_ = name if forms[path.with_suffix("")] > 1 else name.with_suffix("")
        values = {"id": str(id_), "audio": str(name), "text": "", "split": "train"}
        if options.language is not None:
            values["language"] = options.language
        listing.rows.append(Row(number, str(path), values, None))
        listing.met += 1
    return listing
