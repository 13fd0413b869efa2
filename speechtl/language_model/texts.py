"""Texts to estimate a language model from, or to measure it on: a file's, or those of a corpus's split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speechtl.language_model.ngrams import NgramModel
from speechtl.language_model.tokens import tokens
from speechtl.orthographies import orthography
from speechtl.text_faults import text_fault

if TYPE_CHECKING:
    from speechtl.corpus import Corpus

_TEXT_SUFFIXES = (".txt", ".text")


@dataclass(frozen=True)
class Texts:
    """Texts of one language, in tokens."""

    source: str
    """What they are, for people."""
    language: str
    """The orthography."""
    sentences: Sequence[Sequence[str]]
    """The tokens of each; texts without any are left out."""
    strange: Sequence[str] = ()
    """What the orthography does not allow, with its line, one entry for each of a file's texts that has some;
    a corpus's texts were checked when it was read."""

    @property
    def count(self) -> int:
        """Tokens in all."""
        return sum(map(len, self.sentences))

    def unknown_rate(self, model: NgramModel) -> float:
        """Share of tokens that a model does not know (out of vocabulary), sentence ends left out."""
        unknown = sum(not model.knows(token) for sentence in self.sentences for token in sentence)
        return unknown / self.count


def is_text_file(source: str) -> bool:
    """Whether a source is a file of texts, one a line, and not a corpus."""
    return Path(source).suffix.lower() in _TEXT_SUFFIXES


def read_texts(source: str, split: str, language: str | None) -> Texts:
    """The texts of a file (.txt, one a line), or of one split of a corpus and of no other.

    Args:
        source: the file, or a corpus as `prepare` and `run` name it.
        split: of a corpus.
        language: the orthography; needed for a file, and for a corpus of several.

    Raises:
        FileNotFoundError: there is no such file or corpus.
        ValueError: the language is not known, the corpus has no such split, or there are no texts.
    """
    if not is_text_file(source):
        return _of_split(source, split, language)
    if language is None:
        raise ValueError(f"{source} does not say how it is written; give its orthography by --language")
    tag, lines = orthography(language).tag, lines_of(Path(source))
    faults = ((number, text_fault(tag, line)) for number, line in enumerate(lines, start=1) if line.strip())
    strange = [f"{number}: {fault.message}" for number, fault in faults if fault is not None]
    return _texts(source, tag, lines, strange)


def texts_of(corpus: Corpus, what: str) -> Texts:
    """The texts of a corpus in one language, which `what` names.

    Raises:
        ValueError: it has no texts.
    """
    lines: list[str] = corpus.column("text")
    return _texts(what, corpus.languages[0], lines)


def _of_split(source: str, split: str, language: str | None) -> Texts:
    """The texts of one split of a corpus.

    Raises:
        FileNotFoundError: there is no such corpus.
        ValueError: it has several languages, or faults, or no such split, or no texts there.
    """
    from speechtl.corpus_spec import CorpusSpec

    corpus = CorpusSpec(source, language=language).open()
    if len(corpus.languages) > 1:
        raise ValueError(f"corpus {source} has texts in {', '.join(corpus.languages)}; choose by --language")
    if split not in corpus.splits:
        raise ValueError(
            f"corpus {source} has no split {split}, only {', '.join(corpus.splits)}. Language models are "
            "estimated from the texts of training and measured on those of dev, never on others; for "
            "further texts give a .txt file"
        )
    return texts_of(corpus.filter(split=split), f"{split} of {source}")


def _texts(what: str, tag: str, lines: Sequence[str], strange: Sequence[str] = ()) -> Texts:
    rules = orthography(tag)
    sentences = [found for line in lines if (found := tokens(rules, line))]
    if not sentences:
        raise ValueError(f"{what} holds no texts")
    return Texts(what, tag, sentences, strange)


def lines_of(path: Path, expected: str = "texts, one a line, were expected") -> list[str]:
    """The lines of a text file in UTF-8.

    Raises:
        FileNotFoundError: there is none; says what was expected.
        ValueError: it is in another encoding.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; {expected}")
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 ({error}); convert it") from error
