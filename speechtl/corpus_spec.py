"""Name a corpus in a recipe, and which of its speech; it is opened only when a run starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from speechtl.carved_splits import split_as
from speechtl.corpus import Corpus, SplitBy
from speechtl.corpus_conversion import in_orthography
from speechtl.corpus_selection import draw, no_longer, selected
from speechtl.corpus_table import dataset_of, with_column
from speechtl.named_corpora import open_named
from speechtl.orthographies import canonical_tag

YOUR_CORPUS = "YOUR_CORPUS"
"""Stands in templates where the user names a corpus."""


@dataclass(frozen=True)
class CorpusSpec:
    """Which utterances of which corpus."""

    corpus: str
    """A prepared corpus, one of `speechtl prepare --list`, or a path: a prepared folder, a manifest (.jsonl,
    .csv, .tsv), a Kaldi directory, a Common Voice release, a Hugging Face dataset (also hf:NAME)."""
    split: str | None = None
    """One split, e.g. train; all of them by default."""
    minutes: float | Literal["all"] = "all"
    """Minutes of audio, drawn by the run's seed; fewer minutes lie inside more."""
    language: str | None = None
    """One of the corpus's languages, all by default, or one that a language of the corpus converts to (Tâi-lô
    and Pe̍h-ōe-jī); for a manifest without that column, its language."""
    speakers: tuple[str, ...] = ()
    """Only these speakers; all by default."""
    domains: tuple[str, ...] = ()
    """Only these values of the column `domain`, such as accents; all by default."""
    texts: tuple[str, ...] = ()
    """Only utterances of these texts, however they are spelled."""
    ids: tuple[str, ...] = ()
    """Only utterances with an id of one of these patterns, e.g. *_NO_0[123]."""
    utterances: int | Literal["all"] = "all"
    """So many utterances, drawn by the run's seed, no text again before every text has come; fewer lie inside
    more."""
    split_by: SplitBy | None = None
    """What training and test may not share (text, speaker, or none), where it is something else than what the
    corpus's own splits do not share: none to adapt to the speaker that is tested."""
    set_name: str | None = None
    """Name of the test set in reports, e.g. held-out; by default the corpus's and the split's."""
    trim_db: float | None = None
    """Silence before the first and after the last frame that is louder than this below the loudest is cut
    off, in decibels, e.g. 30; by default recordings stay whole. Minutes are counted before."""
    as_domain: str | None = None
    """What the column `domain` says of all these utterances, e.g. telephone, in place of what it says in the
    corpus."""
    split_as: str | None = None
    """A run (runs/<name>/seed-<n>) that carved dev or test out of this corpus: they are the same here."""
    longest: float | None = None
    """Longer utterances, in seconds, are left out; by default none are, and a run refuses any over 60."""

    def __post_init__(self) -> None:
        if not self.corpus:
            raise ValueError("a corpus needs a name or a path")
        self._check_amount()
        if self.longest is not None and not self.longest > 0:
            raise ValueError(f"corpus {self.corpus}: longest is {self.longest}; expected seconds above 0")
        if self.trim_db is not None and not 0 < self.trim_db < inf:
            raise ValueError(
                f"corpus {self.corpus}: trim_db is {self.trim_db}; expected decibels above 0, such as 30, or "
                "None, which cuts nothing off"
            )
        if self.as_domain is not None and not self.as_domain.strip():
            raise ValueError(f"corpus {self.corpus}: as_domain is empty; expected a name, or None")
        if (name := self.set_name) is not None and (not name or "/" in name or name.startswith(".")):
            raise ValueError(
                f"corpus {self.corpus}: set_name={name!r} names a file of the report; expected no / in it, "
                "and no dot at its start"
            )

    def _check_amount(self) -> None:
        if self.minutes != "all" and not self.minutes > 0:
            raise ValueError(
                f"corpus {self.corpus}: minutes are {self.minutes}; above 0, or 'all', is needed"
            )
        if self.utterances != "all" and self.utterances < 1:
            raise ValueError(
                f"corpus {self.corpus}: utterances are {self.utterances}; at least 1, or 'all', is needed"
            )
        if "all" not in (self.minutes, self.utterances):
            raise ValueError(
                f"corpus {self.corpus}: {self.minutes:g} minutes and {self.utterances} utterances are asked "
                "for; choose one of the two amounts"
            )

    def open(self, seed: int = 0, *, needs_text: bool = True, by_text: bool = True) -> Corpus:
        """The utterances; the seed chooses them where fewer are asked for than there are.

        Without `needs_text` a manifest may leave texts out; they are empty then. Without `by_text` texts play
        no part in what is drawn.

        Raises:
            FileNotFoundError: There is no such corpus.
            ValueError: It has no such split, language, speaker, domain, text or id, less speech, or faults.
        """
        language = self._tag()
        opened = open_named(self.corpus, language, needs_text)
        if self.split_as is not None:
            opened = split_as(opened, self.split_as)
        if self.split is not None:
            opened = opened.filter(split=self.split)
        if language is not None and not needs_text and language in opened.languages:
            opened = opened.filter(language=language)
        elif language is not None:
            opened = in_orthography(opened, language)
        if self.speakers or self.domains or self.texts or self.ids:
            chosen = {name: getattr(self, name) for name in ("speakers", "domains", "texts", "ids")}
            opened = selected(opened, split=self.split, **chosen)
        if self.longest is not None:
            opened = no_longer(opened, self.longest)
        if self.as_domain is not None:
            table = with_column(opened.table(), "domain", [self.as_domain] * len(opened))
            opened = replace(opened, dataset=dataset_of(table), is_checked=True)
        if self.trim_db is not None:
            opened = replace(opened, trim_db=self.trim_db, is_checked=True)
        if self.split_by is not None:
            opened = replace(opened, split_by=self.split_by, is_checked=True)
        return self.drawn(opened, seed, by_text=by_text)

    def drawn(self, opened: Corpus, seed: int, *, by_text: bool = True) -> Corpus:
        """The minutes or utterances of a corpus that are asked for; all of it if none are.

        Utterances are of as many texts as may be, unless `by_text` is off.

        Raises:
            ValueError: The corpus holds less.
        """
        if self.utterances != "all":
            return draw(opened, self.utterances, seed, by_text=by_text)
        return opened if self.minutes == "all" else opened.subset(self.minutes, seed)

    @property
    def whole(self) -> CorpusSpec:
        """The same choice of speech in all its splits, with nothing drawn from it."""
        return replace(self, split=None, minutes="all", utterances="all")

    @property
    def is_drawn(self) -> bool:
        """Whether only some of the chosen speech is asked for."""
        return self.minutes != "all" or self.utterances != "all"

    @property
    def is_yours(self) -> bool:
        """Whether a template leaves this corpus to its user, who has not named one yet."""
        return self.corpus == YOUR_CORPUS

    def _tag(self) -> str | None:
        if self.language is None:
            return None
        return canonical_tag(self.language, f"the language of corpus {self.corpus}")


def corpus(
    name: str,
    split: str | None = None,
    minutes: float | Literal["all"] = "all",
    language: str | None = None,
    *,
    speakers: tuple[str, ...] = (),
    domains: tuple[str, ...] = (),
    texts: tuple[str, ...] = (),
    ids: tuple[str, ...] = (),
    utterances: int | Literal["all"] = "all",
    split_by: SplitBy | None = None,
    set_name: str | None = None,
    trim_db: float | None = None,
    as_domain: str | None = None,
    split_as: str | None = None,
    longest: float | None = None,
) -> CorpusSpec:
    """A corpus for a recipe, with the fields of `CorpusSpec`; nothing is opened."""
    return CorpusSpec(
        name,
        split,
        minutes,
        language,
        speakers,
        domains,
        texts,
        ids,
        utterances,
        split_by,
        set_name,
        trim_db,
        as_domain,
        split_as,
        longest,
    )
