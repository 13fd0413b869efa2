"""Read a corpus of the user's own, whatever its format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import partial
from pathlib import Path

from speechtl.corpus import Corpus
from speechtl.corpus_folder import is_corpus_folder
from speechtl.faults import Fault, describe
from speechtl.formats.audio_folder import is_audio_folder, list_audio_folder
from speechtl.formats.checking import check
from speechtl.formats.common_voice import is_common_voice, list_common_voice
from speechtl.formats.delimited import delimiter, list_csv
from speechtl.formats.hugging_face import HUB, is_tables, list_hub, list_tables
from speechtl.formats.jsonl import list_jsonl
from speechtl.formats.kaldi import is_kaldi, list_kaldi
from speechtl.formats.listing import Listing, Options, Reading, Row
from speechtl.formats.sound_folder import list_sound_folder
from speechtl.formats.splits import usual_split
from speechtl.sound_files import has_sound

MANIFESTS = (".jsonl", ".json", ".list", ".csv", ".tsv")
"""Endings of manifests: WeNet's are .list, NeMo's often .json."""
TABLES = (".parquet", ".arrow")
_FORMATS = (
    "a manifest (.jsonl, .csv, .tsv), a Kaldi directory (wav.scp and text), a Common Voice release "
    "(train.tsv and clips/), or a Hugging Face dataset (saved, Parquet, metadata.csv beside recordings, or "
    "hf:NAME)"
)


def read(
    path: str | Path,
    language: str | None = None,
    audio_root: str | Path | None = None,
    ignore_columns: Collection[str] = (),
    clips: str | Path | None = None,
    streaming: bool = False,
    needs_text: bool = True,
) -> Reading:
    """Read a manifest, a folder or a dataset; its ending, its header or what it holds chooses the format.

    Args:
        path: Columns of a manifest: audio and text; id (default: the audio file's stem), language, speaker,
            domain, duration (default: from the file's header), split (default: train); or a peer's. A folder
            is a Kaldi directory, a Common Voice release, a Hugging Face dataset, or has one manifest.
            `hf:NAME` and `hf:NAME:CONFIG` are datasets of the hub.
        language: The orthography of rows that have no language, e.g. nan-Latn-tailo, and of those with a
            peer's code that does not say how the text is written, such as nan-tw.
        audio_root: The folder of relative audio paths; the manifest's by default.
        ignore_columns: Columns that are passed over.
        clips: Where audio without a file of its own (Kaldi's segments, recordings inside tables) is written;
            by default in the cache.
        streaming: Whether a dataset of the hub is read without keeping a copy of it.
        needs_text: Whether every row must have a text, and a sound one; else a missing one is empty, and a
            folder may hold recordings alone.

    Raises:
        FileNotFoundError: There is no such manifest, folder or dataset.
        ValueError: The format is none that is read.
        OSError: Audio without a file of its own could not be written.
    """
    options = Options(
        language,
        None if audio_root is None else Path(audio_root),
        frozenset(ignore_columns),
        _clip_cache() if clips is None else Path(clips),
        streaming,
        needs_text,
    )
    return check(_listing(str(path), options), options, corpus_name(path))


def read_corpus(
    path: str | Path,
    language: str | None = None,
    audio_root: str | Path | None = None,
    ignore_columns: Collection[str] = (),
    skip_bad: bool = False,
    needs_text: bool = True,
) -> Corpus:
    """The corpus at a path.

    Args:
        path: See `read`.
        language: See `read`.
        audio_root: See `read`.
        ignore_columns: See `read`.
        skip_bad: Leave rows with faults out, and count them.
        needs_text: See `read`.

    Raises:
        FileNotFoundError: There is no such manifest, folder or dataset.
        ValueError: Faults, all in one message with file and line.
    """
    reading = read(path, language, audio_root, ignore_columns, needs_text=needs_text)
    return corpus_of(reading, reading.faults, str(path), skip_bad, needs_text)


def corpus_of(
    reading: Reading, faults: Collection[Fault], subject: str, skip_bad: bool, needs_text: bool = True
) -> Corpus:
    """The utterances of rows without fault.

    Args:
        reading: Of a manifest.
        faults: Its own, and those found since.
        subject: What a message begins with.
        skip_bad: Leave rows with faults out, and count each under its first one.
        needs_text: Whether empty texts are refused.

    Raises:
        ValueError: There are faults, and they may not be left out, or belong to no row; or nothing is left.
    """
    first: dict[int | None, str] = {}
    for fault in faults:
        first.setdefault(fault.row, fault.kind)
    kept = [
        utterance
        for utterance, row in zip(reading.utterances, reading.row_of, strict=True)
        if row not in first
    ]
    if faults and (not skip_bad or None in first or not kept):
        raise ValueError(describe(list(faults), subject, reading.rows))
    return Corpus.from_utterances(reading.name, kept, left_out=Counter(first.values()), needs_text=needs_text)


def place_name(path: str | Path) -> str:
    """What a file, a folder or a dataset of the hub is called.

    >>> place_name("speech/words.csv"), place_name("speech"), place_name("hf:google/fleurs:yue_hant_hk")
    ('words', 'speech', 'fleurs-yue_hant_hk')
    """
    if str(path).startswith(HUB):
        dataset, _, config = str(path).removeprefix(HUB).partition(":")
        return "-".join(filter(None, [Path(dataset).name, config]))
    place = Path(path).absolute()
    return place.stem if place.suffix.lower() in MANIFESTS + TABLES else place.name


def corpus_name(path: str | Path) -> str:
    """The corpus that is read from there: after its folder where its file is called after a split.

    So a speaker of train.csv is the one of that name in test.csv beside it, and nobody of another folder's.

    >>> [corpus_name(f"speech/{name}") for name in ("words.csv", "train.csv", "dev_manifest.json")]
    ['words', 'speech', 'speech']
    """
    name = place_name(path)
    place = Path(path).absolute()
    if str(path).startswith(HUB) or place.suffix.lower() not in MANIFESTS + TABLES:
        return name
    stem = name.removesuffix("_manifest")
    is_common = stem in ("manifest", "metadata") or usual_split([stem]) is not None
    return (is_common and place.parent.name) or name


def is_readable(path: str) -> bool:
    """Whether a path may be read as a corpus: by its ending, or because something is there."""
    place = Path(path).expanduser()
    is_file = place.suffix.lower() in MANIFESTS + TABLES
    return path.startswith(HUB) or is_file or (place.is_dir() and not is_corpus_folder(place))


def _listing(path: str, options: Options) -> Listing:
    if path.startswith(HUB):
        return list_hub(path, options)
    place = Path(path).expanduser()
    if place.is_dir():
        return _folder_listing(place, options)
    suffix = place.suffix.lower()
    if suffix not in MANIFESTS + TABLES:
        if suffix or place.exists():
            raise ValueError(f"{path}: {suffix or 'no ending'!r} is not a manifest's; expected {_FORMATS}")
        raise FileNotFoundError(f"{path}: no such file or folder; expected {_FORMATS}")
    if not place.is_file():
        raise FileNotFoundError(
            f"{path}: no such manifest; correct the path (it was sought as {place.absolute()})"
        )
    return _file_listing(place, options)


def _file_listing(path: Path, options: Options) -> Listing:
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return list_tables(path, options)
    if is_common_voice(path):
        return list_common_voice(path, options)
    if suffix in (".csv", ".tsv"):
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            header = {name.strip('" \n') for name in file.readline(10_000).split(delimiter(path))}
        return list_audio_folder(path, options) if "file_name" in header else list_csv(path, options)
    return list_audio_folder(path, options) if path.name == "metadata.jsonl" else list_jsonl(path, options)


def _folder_listing(folder: Path, options: Options) -> Listing:
    if is_corpus_folder(folder):
        raise ValueError(f"{folder} is a prepared corpus already; give it to the command as it is")
    for fits, list_rows in (
        (is_kaldi, list_kaldi),
        (is_common_voice, list_common_voice),
        (is_audio_folder, list_audio_folder),
        (is_tables, list_tables),
    ):
        if fits(folder):
            return list_rows(folder, options)
    return _manifests_listing(folder, options)


def _manifests_listing(folder: Path, options: Options) -> Listing:
    """The one manifest of a folder, or those that are named after splits."""
    manifests = sorted(path for path in folder.iterdir() if path.suffix.lower() in MANIFESTS)
    if len(manifests) == 1:
        return _file_listing(manifests[0], options)
    splits = [usual_split([path.stem.removesuffix("_manifest")]) for path in manifests]
    if manifests and None not in splits and len(set(splits)) == len(splits):
        parts = [_file_listing(path, options) for path in manifests]
        whole = Listing(folder, parts[0].format, folder)
        for part, split in zip(parts, splits, strict=True):
            whole.take(part, partial(_always, split))
        return whole
    if not manifests and not options.needs_text:
        return list_sound_folder(folder, options)
    if manifests:
        found = f"holds {', '.join(path.name for path in manifests)}; name one"
    elif has_sound(folder):
        found = (
            "holds recordings and no transcripts; list them with their texts in a manifest, or use them as "
            "speech without labels: speechtl doctor --without-texts, speechtl run --unlabelled.0.corpus, "
            "speechtl transcribe"
        )
    else:
        found = "holds no corpus"
    raise ValueError(f"{folder}: the folder {found}; expected {_FORMATS}")


def _always(split: str | None, row: Row) -> str | None:
    return split


def _clip_cache() -> Path:
    from speechtl.cache import clip_folder

    return clip_folder()
