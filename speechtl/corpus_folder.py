"""A corpus on disk: an Arrow table and a small JSON file, in a folder that appears whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechtl.failed_writes import explained

if TYPE_CHECKING:
    import pyarrow
    from datasets import Dataset

FORMAT_VERSION = 1
_DESCRIPTION, _TABLE = "corpus.json", "utterances.arrow"


def is_corpus_folder(folder: Path) -> bool:
    """Whether the folder holds a saved corpus."""
    return (folder / _DESCRIPTION).is_file()


def check_writable(folder: Path) -> None:
    """See before an hour of work whether a corpus can be written to a folder; nothing is left of it.

    Raises:
        ValueError: The folder holds something that is not a corpus.
        OSError: It cannot be written.
    """
    _refuse_foreign(folder)
    beside = _beside(folder)
    with _explained(folder):
        try:
            beside.mkdir(parents=True)
            (beside / _DESCRIPTION).touch()
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def write_folder(folder: Path, table: pyarrow.Table, description: Mapping[str, Any]) -> None:
    """Write beside, then rename; an earlier corpus in the folder is replaced.

    Raises:
        ValueError: The folder holds something that is not a corpus.
        OSError: The disk is full or not writable; what was in the folder still is.
    """
    _refuse_foreign(folder)
    beside = _beside(folder)
    with _explained(folder):
        try:
            beside.mkdir(parents=True)
            _write_table(beside / _TABLE, table)
            stated = {"format": FORMAT_VERSION, **description, "utterances": len(table)}
            _write_text(beside / _DESCRIPTION, json.dumps(stated, indent=2, ensure_ascii=False) + "\n")
            _exchange(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def read_folder(folder: Path, columns: Sequence[str]) -> tuple[Dataset, dict[str, Any]]:
    """The memory-mapped table and what was written beside it.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: The folder is not a corpus, is damaged, or was written by a newer version.
    """
    import pyarrow
    from datasets import Dataset

    description = _read_description(folder)
    count = description.pop("utterances")
    try:
        dataset = Dataset.from_file(str(folder / _TABLE))
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise ValueError(
            f"{folder / _TABLE} is damaged or missing ({error}); prepare the corpus again"
        ) from error
    if len(dataset) != count or list(dataset.column_names) != list(columns):
        raise ValueError(
            f"{folder / _TABLE} holds {len(dataset)} utterances with the columns {dataset.column_names}, "
            f"but {count} with {list(columns)} were expected; prepare the corpus again"
        )
    return dataset, description


def _read_description(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; a prepared corpus was expected")
    if not is_corpus_folder(folder):
        raise ValueError(
            f"{folder} is not a prepared corpus: it has no {_DESCRIPTION}; run `speechtl prepare`"
        )
    try:
        description = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        version = description.pop("format")
        expected = {"name", "split_by", "left_out", "speakers_are_qualified", "utterances"}
        is_foreign = not isinstance(version, int) or (
            version <= FORMAT_VERSION and set(description) - {"trim_db"} != expected
        )
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / _DESCRIPTION} is damaged or not a corpus's; prepare it again") from error
    if is_foreign:
        raise ValueError(f"{folder / _DESCRIPTION} is damaged or not a corpus's; prepare it again")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{folder} was written in format {version}, this speechtl reads up to {FORMAT_VERSION}; "
            "update speechtl or prepare the corpus again"
        )
    return dict(description)


def _explained(folder: Path) -> AbstractContextManager[None]:
    return explained("the corpus", folder, instead="name another folder by --out or SPEECHTL_DATA")


def _beside(folder: Path) -> Path:
    return folder.absolute().with_name(f".{folder.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")


def _write_table(path: Path, table: pyarrow.Table) -> None:
    """Write and wait until it is on the disk, where a full disk may show only then."""
    import pyarrow

    with path.open("wb") as file:
        with pyarrow.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=10_000)
        file.flush()
        os.fsync(file.fileno())


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _refuse_foreign(folder: Path) -> None:
    if _is_foreign(folder):
        raise ValueError(f"{folder} holds something that is not a corpus; name another folder")


def _is_foreign(folder: Path) -> bool:
    """Whether something else than a corpus is there; one look, as another writer may exchange the folder."""
    try:
        inside = os.listdir(folder)  # noqa: PTH208 - a list at once, where iterdir reads on
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        return folder.exists()
    return bool(inside) and _DESCRIPTION not in inside and not is_corpus_folder(folder)


def _exchange(beside: Path, folder: Path) -> None:
    """Put a finished folder in the place of another; readers may have that open, writers exchange it too."""
    old = beside.with_name(f"{beside.name}.old")
    while True:
        try:
            beside.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                if old.is_dir() and not folder.exists():
                    old.rename(folder)
                raise
        else:
            shutil.rmtree(old, ignore_errors=True)
            return
        shutil.rmtree(old, ignore_errors=True)
        with suppress(FileNotFoundError):
            folder.rename(old)
