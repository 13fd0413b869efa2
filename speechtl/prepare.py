"""prepare(): a published corpus by its name, or one's own by its path, read, checked and saved."""

from __future__ import annotations

from pathlib import Path

from speechtl.corpus import Corpus
from speechtl.named_corpora import is_own, prepare_named
from speechtl.own_corpus import prepare_own


def prepare(
    name: str | Path,
    *,
    language: str | None = None,
    root: str | Path | None = None,
    out: str | Path | None = None,
    skip_bad: bool = False,
) -> Corpus:
    """Read a corpus, decode its audio and save it in the data folder, as `speechtl prepare` does.

    Args:
        name: A corpus of `speechtl prepare --list`; or the path of a manifest, a folder or a dataset.
        language: The orthography of rows that name none.
        root: The publisher's folder of a corpus of the list; by default under $SPEECHTL_CORPORA.
        out: The folder to save in; by default the corpus's name under $SPEECHTL_DATA.
        skip_bad: Leave out rows of one's own with faults.

    Raises:
        FileNotFoundError: There is no such corpus.
        ValueError: Faults, all of them in one message; nothing is saved.
        OSError: The disk is full or not writable.
    """
    if is_own(str(name)):
        if root is not None:
            raise ValueError(f"root is for a corpus of the list; {name} is a path, which says where it is")
        return prepare_own(name, language=language, out=out, skip_bad=skip_bad).corpus
    return prepare_named(str(name), root, out, language=language)
