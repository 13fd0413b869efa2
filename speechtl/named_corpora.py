"""Corpora by name: found, prepared from their publishers' folders if need be, and opened."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import logging
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from speechtl.corpus import Corpus
from speechtl.corpus_folder import check_writable, is_corpus_folder

_PUBLISHED_AS = re.compile(r'^PUBLISHED_AS = "(\w+)"$', re.MULTILINE)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Available:
    """A corpus that data_prep can prepare."""

    name: str
    description: str
    """First line of its data card."""
    root: Path | None
    """The publisher's folder under $SPEECHTL_CORPORA, where it is there."""
    is_prepared: bool

    @property
    def found(self) -> bool:
        """Whether the corpus can be opened without saying where it is."""
        return self.root is not None or self.is_prepared


def data_folder() -> Path:
    """Where prepared corpora are: $SPEECHTL_DATA, or data/ here."""
    return Path(os.environ.get("SPEECHTL_DATA") or "data").expanduser()


def prepare_named(
    name: str,
    root: str | Path | None = None,
    out: str | Path | None = None,
    orthography: str | None = None,
    language: str | None = None,
) -> Corpus:
    """Prepare a corpus from its publisher's folder and save it.

    Args:
        name: A module of data_prep; hyphens equal underscores.
        root: The publisher's folder; by default $SPEECHTL_CORPORA/<name>.
        out: Where to save; by default $SPEECHTL_DATA/<the corpus's name>.
        orthography: Which of the publisher's texts, where there are several; the corpus is named after it.
        language: The orthography of the texts, where the publisher's code does not tell it.

    Raises:
        FileNotFoundError: There is no data_prep of this name, or no such folder.
        ValueError: The folder does not hold this corpus, or not in this orthography; or its orthography is
            given where it is known.
        OSError: The disk is full or not writable; an earlier corpus is still there.
    """
    module = _module_name(name)
    if module not in (names := _prep_names()):
        raise FileNotFoundError(
            f"no data_prep is named {name!r}; there are: {', '.join(names)}. Nor is there a file or folder "
            "of this name"
        )
    source = Path(root).expanduser() if root is not None else _published(module)
    if source is None:
        raise FileNotFoundError(_not_found(module))
    if not source.is_dir():
        raise FileNotFoundError(f"{source}: no such folder; the publisher's folder of {module} was expected")
    prepare = importlib.import_module(f"data_prep.{module}").prepare
    given = {"orthography": orthography, "language": language}
    chosen = {argument: tag for argument, tag in given.items() if tag is not None}
    _check_arguments(module, chosen, inspect.signature(prepare).parameters)
    check_writable(Path(out) if out is not None else data_folder() / module)
    prepared: Corpus = prepare(source.absolute(), **chosen)
    prepared.save(out if out is not None else data_folder() / prepared.name)
    return prepared


def _check_arguments(module: str, chosen: Mapping[str, str], taken: Collection[str]) -> None:
    why = {
        "orthography": "has texts in one orthography only",
        "language": "tells the orthography of its texts itself",
    }
    for argument, tag in chosen.items():
        if argument not in taken:
            raise ValueError(f"{module} {why[argument]}; leave out --{argument} {tag}")


def prepared_names() -> list[str]:
    """The names of what data_prep can prepare."""
    return _prep_names()


def is_own(name: str) -> bool:
    """Whether this is a path to a corpus of the user's, and no name that `prepare_named` takes."""
    from speechtl.formats import is_readable

    is_name = _module_name(name) in _prep_names()
    return not is_name and (is_readable(name) or Path(name).exists() or "/" in name)


def read_named(name: str, language: str | None = None) -> Corpus:
    """Prepare a corpus from its publisher's folder under $SPEECHTL_CORPORA, and save nothing.

    Raises:
        FileNotFoundError: There is no data_prep of this name, or no such folder.
        ValueError: The folder does not hold this corpus.
    """
    module = _module_name(name)
    source = _published(module) if module in _prep_names() else None
    if source is None:
        raise FileNotFoundError(_not_found(name))
    prepare = importlib.import_module(f"data_prep.{module}").prepare
    takes_language = language is not None and "language" in inspect.signature(prepare).parameters
    prepared: Corpus = prepare(source.absolute(), **({"language": language} if takes_language else {}))
    return prepared


def available() -> list[Available]:
    """What data_prep can prepare, and what of it is here."""
    return [
        Available(name, _first_line(name), _published(name), is_corpus_folder(data_folder() / name))
        for name in _prep_names()
    ]


def open_named(name: str, language: str | None = None, needs_text: bool = True) -> Corpus:
    """A corpus by its name or path, prepared first where its publisher's folder is there.

    Args:
        name: As `CorpusSpec.corpus` has it.
        language: The orthography of its texts, where they do not tell it.
        needs_text: Whether each utterance of a manifest must have a text.

    Raises:
        FileNotFoundError: There is no such corpus.
        ValueError: It has faults.
    """
    module = _module_name(name)
    for prepared in (data_folder() / name, data_folder() / module):
        if is_corpus_folder(prepared):
            return Corpus.load(prepared)
    path = Path(name).expanduser()
    if path.is_dir() and is_corpus_folder(path):
        return Corpus.load(path)
    if module in _prep_names() and _published(module) is not None:
        _log.info("corpus %s is prepared from %s, once", module, _published(module))
        prepare_named(module)
        return Corpus.load(data_folder() / module)
    from speechtl.formats import is_readable, read_corpus

    if (release := release_of(name)) is not None:
        return read_release(release, name, language)
    if is_readable(name):
        return read_corpus(name, language=language, needs_text=needs_text)
    raise FileNotFoundError(_not_found(name))


def release_of(name: str) -> str | None:
    """The data_prep that alone knows the layout of a release's folder; None for all else."""
    path = Path(name).expanduser()
    if not (path / "audio").is_dir() or "fleurs" not in _prep_names():
        return None
    return "fleurs" if importlib.import_module("data_prep.fleurs").recognises(path) else None


def read_release(module: str, name: str, language: str | None = None) -> Corpus:
    """Read the folder of a release by the data_prep of its layout, and save nothing.

    Raises:
        FileNotFoundError: It is still packed.
        ValueError: Its orthography is not known, or not the one that was given.
    """
    prepare = importlib.import_module(f"data_prep.{module}").prepare
    prepared: Corpus = prepare(Path(name).expanduser().absolute(), language)
    return prepared


def _not_found(name: str) -> str:
    module = _module_name(name)
    if module not in _prep_names():
        return (
            f"corpus {name!r} is neither prepared under {data_folder()}, nor a prepared folder, nor one that "
            f"`speechtl prepare` knows ({', '.join(_prep_names())}). Correct the name, or give the path of a "
            "manifest (.jsonl, .csv, .tsv), a Kaldi directory, a Common Voice release or a Hugging Face "
            "dataset."
        )
    place = os.environ.get("SPEECHTL_CORPORA")
    searched = (
        f"{place}/{_folder_name(module).replace('_', '-')}"
        if place
        else "$SPEECHTL_CORPORA, which is not set"
    )
    return (
        f"corpus {name!r} is not prepared under {data_folder()}, and its publisher's folder is not at "
        f"{searched}; type: speechtl prepare {module} --root DIR"
    )


def _module_name(name: str) -> str:
    return name.replace("-", "_")


def _published(module: str) -> Path | None:
    """The publisher's folder under $SPEECHTL_CORPORA."""
    place = os.environ.get("SPEECHTL_CORPORA")
    if not place or not (folder := Path(place).expanduser()).is_dir():
        return None
    published = _folder_name(module)
    matches = [
        entry
        for entry in sorted(folder.iterdir())
        if _module_name(entry.name) == published and entry.is_dir()
    ]
    return matches[0] if matches else None


def _folder_name(module: str) -> str:
    """The corpus's own name, or the one that its data_prep says it is published under."""
    prep = _prep_folder()
    path = None if prep is None else prep / f"{module}.py"
    stated = path is not None and path.is_file() and _PUBLISHED_AS.search(path.read_text(encoding="utf-8"))
    return stated[1] if stated else module


def _prep_folder() -> Path | None:
    found = importlib.util.find_spec("data_prep")
    return Path(found.origin).parent if found is not None and found.origin else None


def _prep_names() -> list[str]:
    folder = _prep_folder()
    files = folder.glob("*.py") if folder else ()
    return sorted(path.stem for path in files if re.fullmatch(r"[a-z]\w*", path.stem))


def _first_line(module: str) -> str:
    folder = _prep_folder()
    assert folder is not None
    card = ast.get_docstring(ast.parse((folder / f"{module}.py").read_text(encoding="utf-8"))) or ""
    return card.split("\n", 1)[0]
