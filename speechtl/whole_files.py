"""Files and folders that are written whole or not at all; tensors with a checksum, nothing pickled."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from speechtl.failed_writes import explained as explained


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a new folder beside `folder`, then put it in its place.

    Raises:
        OSError: the disk is full or not writable; what stood at `folder` is still there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name}.{os.getpid()}.new"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir()
        write(beside)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    old = folder.parent / f".{folder.name}.{os.getpid()}.old"
    if folder.exists():
        folder.rename(old)
    beside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """The file to write for `path`: one beside it, which is put in its place at the end or else removed.

    A link stays, and what it points to is replaced. What is no regular file, such as a device or a pipe
    (`/dev/null`, `/dev/stdout`), is written to and never replaced.

    Raises:
        OSError: the folder is not writable.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    place = path.resolve()
    beside = place.with_name(f".{place.name}.{os.getpid()}.new")
    try:
        yield beside
        beside.rename(place)
    finally:
        beside.unlink(missing_ok=True)


def remove_unfinished(parent: Path, name: str) -> None:
    """Remove what a killed `replace_folder` left beside; only for a folder that nobody else is writing."""
    for left in (*parent.glob(f".{name}.*.new"), *parent.glob(f".{name}.*.old")):
        shutil.rmtree(left, ignore_errors=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, document: Any) -> None:
    """Write JSON beside, wait until it is on the disk, and rename it into place."""
    beside = path.with_suffix(".new")
    write_bytes(beside, json.dumps(document, ensure_ascii=False, indent=1).encode())
    beside.rename(path)


def write_tensors(folder: Path, name: str, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Write `<name>.safetensors` and `<name>.json`, which holds `values` and the tensors' checksum."""
    data = save({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()})
    write_bytes(folder / f"{name}.safetensors", data)
    document = {**values, "sha256": hashlib.sha256(data).hexdigest()}
    write_bytes(folder / f"{name}.json", json.dumps(document, ensure_ascii=False, indent=1).encode())


def read_tensors(folder: Path, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Raises:
        FileNotFoundError: one of the two files is missing.
        ValueError: a file is truncated, changed or not of this kind.
    """
    weights, document = folder / f"{name}.safetensors", folder / f"{name}.json"
    for path in (weights, document):
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: {folder} is not complete, it needs {name}.json and {name}.safetensors. "
                "Restore it from a copy, or train it again."
            )
    values = read_json(document)
    expected = values.get("sha256")
    data = weights.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ValueError(
            f"{weights} is truncated or changed: its checksum is {found[:12]}, {document.name} says "
            f"{str(expected)[:12]}. Restore it from a copy, or train it again."
        )
    try:
        return load(data), values
    except SafetensorError as error:
        raise ValueError(f"{weights} is no safetensors file: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that speechtl wrote.

    Raises:
        ValueError: the file is cut short, or something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is no JSON, or only a part of it ({error}). Restore it from a copy, or write it anew."
        ) from error
    if not isinstance(document, dict):
        raise ValueError(f"{path} was not written by speechtl: it holds a {type(document).__name__}")
    return document
