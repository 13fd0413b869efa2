"""Hugging Face datasets: saved folders, Parquet and Arrow files, and those of the hub.

Their audio is read undecoded, since decoding it there needs torchcodec and ffmpeg: tables are taken as Arrow,
and the bytes of each recording become a file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechtl.corpus import COLUMNS, Corpus
from speechtl.faults import listed
from speechtl.formats.clips import keep_bytes
from speechtl.formats.delimited import check_header
from speechtl.formats.dialects import HUGGING_FACE, Dialect, named_row
from speechtl.formats.listing import Listing, Options
from speechtl.formats.splits import shard_name, split_name, usual_split
from speechtl.formats.whole import new_folder

if TYPE_CHECKING:
    import pyarrow

HUB = "hf:"
"""What a name on the hub begins with: hf:NAME or hf:NAME:CONFIG."""

_AT_ONCE = 32
"""Rows in memory at the same time, with their recordings."""
_ENDINGS = (".parquet", ".arrow")
_FEATURES = {
    column: {"_type": "Audio"} if column == "audio" else {"_type": "Value", "dtype": "string"}
    for column in COLUMNS
} | {"duration": {"_type": "Value", "dtype": "float64"}}


def is_tables(path: Path) -> bool:
    """Whether a file, a saved folder or a folder of tables is a dataset."""
    if path.is_file():
        return path.suffix.lower() in _ENDINGS
    return _is_saved(path) or bool(_files(path))


def list_tables(path: Path, options: Options) -> Listing:
    """The rows of a dataset on this disk."""
    listing = Listing(path, "Hugging Face", options.audio_root or (path if path.is_dir() else path.parent))
    if path.is_dir() and _is_saved(path):
        _list_saved(listing, path, options)
        return listing
    files = _files(path) if path.is_dir() else [path]
    for file, split in zip(files, _splits_of(files, path), strict=True):
        _list_part(listing, _file_tables(file), split, str(file), options)
    return listing


def _splits_of(files: Sequence[Path], folder: Path) -> list[str | None]:
    """The split of each file, by its name or its folders'; None of one that tells none.

    Where files have several names, one that is no usual name of a split is a split of its own.
    """
    if files == [folder]:
        return [None]
    usual = [usual_split([file.name, *file.relative_to(folder).parts[:-1]]) for file in files]
    are_several = len({shard_name(file.name) for file in files}) > 1
    return [
        split or (shard_name(file.name) or None if are_several else None)
        for file, split in zip(files, usual, strict=True)
    ]


def list_hub(name: str, options: Options) -> Listing:
    """The rows of a dataset of the hub, `hf:NAME` or `hf:NAME:CONFIG`.

    Raises:
        FileNotFoundError: There is no such dataset, or the hub is out of reach.
    """
    from datasets import load_dataset

    listing = Listing(Path(name), "Hugging Face", options.audio_root or Path())
    dataset, _, config = name.removeprefix(HUB).partition(":")
    try:
        parts = load_dataset(dataset, config or None, streaming=options.streaming)
    except (OSError, ValueError, RuntimeError) as error:
        raise FileNotFoundError(
            f"{name}: the dataset cannot be had ({error}); expected hf:NAME or hf:NAME:CONFIG, such as "
            "hf:google/fleurs:yue_hant_hk. Correct the name, or log in with `hf auth login` where its terms "
            "must be accepted first"
        ) from error
    for split, part in parts.items():
        _list_part(listing, _dataset_tables(part), split_name(str(split)), f"{name} {split}", options)
    return listing


def _list_saved(listing: Listing, path: Path, options: Options) -> None:
    """Add the rows of what save_to_disk wrote."""
    from datasets import DatasetDict, load_from_disk

    try:
        saved = load_from_disk(str(path))
    except (OSError, ValueError, KeyError) as error:
        listing.fault("damaged dataset", "save it anew", str(path), str(error))
        return
    if isinstance(saved, DatasetDict):
        for split, part in saved.items():
            _list_part(listing, _dataset_tables(part), split_name(str(split)), f"{path / split}", options)
    else:
        _list_part(listing, _dataset_tables(saved), None, str(path), options)


def _is_saved(path: Path) -> bool:
    return (path / "dataset_dict.json").is_file() or (
        (path / "state.json").is_file() and (path / "dataset_info.json").is_file()
    )


def _files(folder: Path) -> list[Path]:
    found = (path for ending in _ENDINGS for path in folder.rglob(f"*{ending}"))
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def _dataset_tables(dataset: Any) -> Iterator[pyarrow.Table]:
    """A dataset as Arrow, its audio undecoded."""
    from datasets import Audio

    for column, feature in (dataset.features or {}).items():
        if isinstance(feature, Audio):
            dataset = dataset.cast_column(column, Audio(decode=False))
    yield from dataset.with_format("arrow").iter(batch_size=_AT_ONCE)


def _file_tables(file: Path) -> Iterator[pyarrow.Table]:
    """A Parquet file, or an Arrow file or stream, a few rows at a time."""
    import pyarrow
    from pyarrow import parquet

    if file.suffix.lower() == ".parquet":
        with parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(batch_size=_AT_ONCE):
                yield pyarrow.Table.from_batches([batch])
        return
    with pyarrow.memory_map(str(file)) as source:
        try:
            reader = pyarrow.ipc.open_stream(source)
        except pyarrow.ArrowInvalid:
            reader = pyarrow.ipc.open_file(source)
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        else:
            batches = iter(reader)
        for batch in batches:
            for start in range(0, len(batch), _AT_ONCE):
                yield pyarrow.Table.from_batches([batch.slice(start, _AT_ONCE)])


def _list_part(
    listing: Listing, tables: Iterator[pyarrow.Table], split: str | None, place: str, options: Options
) -> None:
    """Add the rows of one split or file."""
    dialect, number = None, 0
    for table in _readable(tables, listing, place):
        if dialect is None:
            dialect = _dialect(table.schema)
            given = [name for name in table.column_names if name not in options.ignore_columns]
            if not check_header(listing, place, given, dialect, options, table.column_names):
                return
            chosen = [name for name in given if dialect.name(name) is not None]
        for values in table.select(chosen).to_pylist():
            number += 1
            _add(listing, values, dialect, f"{place}:{number}", split, options)


def _readable(tables: Iterator[pyarrow.Table], listing: Listing, place: str) -> Iterator[pyarrow.Table]:
    """The tables up to one that cannot be read."""
    import pyarrow

    try:
        yield from tables
    except (OSError, pyarrow.ArrowException) as error:
        listing.fault("damaged table", "fetch it again, or write it anew", place, str(error))


def _dialect(schema: pyarrow.Schema) -> Dialect:
    """The hub's names of the columns, and that of the audio: `audio`, else the one that holds recordings."""
    from pyarrow import types

    if "audio" in schema.names:
        return HUGGING_FACE
    for column in schema:
        if types.is_struct(column.type) and {part.name for part in column.type} == {"bytes", "path"}:
            return replace(HUGGING_FACE, names={column.name: "audio", **HUGGING_FACE.names})
    return HUGGING_FACE


def _add(
    listing: Listing,
    values: dict[str, Any],
    dialect: Dialect,
    where: str,
    split: str | None,
    options: Options,
) -> None:
    """Add a row; the recording that it holds becomes a file."""
    index, listing.met = listing.met, listing.met + 1
    before = len(listing.faults)
    column = dialect.theirs("audio")
    name = None
    try:
        is_remote = str(listing.path).startswith(HUB)
        values[column], name = _recording(values[column], options.clips, is_remote)
    except ValueError as error:
        mend = "the column must hold files: their bytes, or their paths"
        listing.fault("no recording", mend, where, str(error), index)
        values[column] = None
    row = named_row(listing, index, where, values, dialect)
    named = {"split": split, **row.values} if split else row.values
    listing.rows.append(replace(row, values=named, name=name, has_audio_fault=len(listing.faults) > before))


def _recording(value: Any, clips: Path, is_remote: bool) -> tuple[str | None, str | None]:
    """The path of a recording, and what it is called where that is another name.

    Args:
        value: Bytes and path, or one of them.
        clips: Where bytes become files.
        is_remote: Whether paths may be addresses; those in a table on this disk are never fetched.

    Raises:
        ValueError: The value is no recording, or cannot be fetched.
    """
    if isinstance(value, dict) and "array" in value:
        raise ValueError("samples were found; cast_column(..., datasets.Audio()) makes files of them")
    content, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (None, value)
    if isinstance(path, bytes):
        content, path = path, None
    if is_remote and isinstance(path, str) and content is None and ("://" in path or "::" in path):
        content = _fetched(path)
    if content is not None:
        kept = keep_bytes(clips, content, path)
        return str(kept), path or kept.name
    if path is not None and not isinstance(path, str):
        raise ValueError(f"a {type(path).__name__} was found")
    return path, None


def _fetched(address: str) -> bytes:
    import fsspec

    try:
        with fsspec.open(address, "rb") as file:
            content: bytes = file.read()
    except (OSError, ValueError, ImportError) as error:
        raise ValueError(f"{address}: {error}") from error
    return content


def write_hugging_face(corpus: Corpus, folder: str | Path) -> None:
    """Write a folder as the hub has it: a Parquet file for each split, with the recordings inside.

    `load_dataset(folder)` opens it, with the audio as a column of recordings; the split dev is named
    validation, as it is there.

    Raises:
        ValueError: A split's name is none for the hub.
        FileExistsError: The folder is not empty.
    """
    if bad := [split for split in corpus.splits if not re.fullmatch(r"\w+(\.\w+)*", split)]:
        raise ValueError(f"corpus {corpus.name}: the hub has no splits named {listed(bad)}; rename them")
    with new_folder(folder) as beside:
        (beside / "data").mkdir()
        for split in corpus.splits:
            name = "validation" if split == "dev" else split
            _write_table(corpus.filter(split=split), beside / "data" / f"{name}-00000-of-00001.parquet")


def _write_table(corpus: Corpus, file: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = {column: pyarrow.string() for column in COLUMNS}
    kinds |= {"duration": pyarrow.float64()}
    kinds |= {"audio": pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})}
    schema = pyarrow.schema(
        list(kinds.items()), {"huggingface": json.dumps({"info": {"features": _FEATURES}})}
    )
    with parquet.ParquetWriter(file, schema) as writer:
        utterances = iter(corpus)
        while part := list(islice(utterances, _AT_ONCE)):
            rows = [asdict(utterance) | {"audio": _embedded(utterance.audio)} for utterance in part]
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))


def _embedded(audio: str) -> dict[str, Any]:
    return {"bytes": Path(audio).read_bytes(), "path": Path(audio).name}
