"""A folder of recordings and nothing beside them: speech without transcripts."""

from __future__ import annotations

from pathlib import Path

from speechtl.formats.listing import Listing, Options, Row
from speechtl.sound_files import find


def list_sound_folder(folder: Path, options: Options) -> Listing:
    """A row for every sound file in a folder and below it, without a text.

    Raises:
        ValueError: there is none.
    """
    listing = Listing(folder, "sound files", folder)
    for number, path in enumerate(find([folder])):
        name = path.relative_to(folder)
        values = {"id": str(name.with_suffix("")), "audio": str(name), "text": "", "split": "train"}
        if options.language is not None:
            values["language"] = options.language
        listing.rows.append(Row(number, str(path), values, None))
        listing.met += 1
    return listing
