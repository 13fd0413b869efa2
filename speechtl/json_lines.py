"""Files of one JSON document a line."""

from __future__ import annotations

from pathlib import Path


def written_lines(path: Path) -> list[str]:
    """The lines of a file.

    Only a line feed ends one: texts may hold other characters that separate lines, and JSON leaves them as
    they are.
    """
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]
