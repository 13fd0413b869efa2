"""What stays of a finished cell: a study of a thousand must not fill the disk with what nobody reads."""

from __future__ import annotations

import shutil
from typing import Literal

from speechtl.run_folder import RunFolder

Keep = Literal["all", "model", "report"]
"""`model`: all but the checkpoints, which only an unfinished training needs. `all`: these too. `report`:
neither them nor models; what stays is what was recognised, the receipt and the curves."""


def clear(folder: RunFolder, keep: Keep) -> None:
    """Remove from a finished run what a study does not keep.

    Raises:
        OSError: it cannot be removed.
    """
    if keep == "all" or not folder.report.is_file():
        return
    dropped = [folder.path / "checkpoints"]
    if keep == "report":
        dropped += [folder.model, folder.label_free_model]
    for place in dropped:
        if place.exists():
            shutil.rmtree(place)
