"""Utterance and Corpus: transcribed speech as a table of eight columns, memory-mapped from Arrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from speechtl.corpus_table import (
    canonical_languages,
    columns_of,
    dataset_of,
    pieces,
    schema,
    table_of,
    values_of,
    with_column,
    with_qualified_speakers,
)
from speechtl.faults import find_faults, repeated_ids

if TYPE_CHECKING:
    import pyarrow
    from datasets import Dataset

    from speechtl.corpus_summary import SummaryRow

SplitBy = Literal["text", "speaker", "none"]
SHARES: Mapping[str, float] = {"train": 0.8, "dev": 0.08, "test": 0.12}


@dataclass(frozen=True)
class Utterance:
    """One recording and what is said in it."""

    id: str
    audio: str
    """Absolute path."""
    text: str
    language: str
    """The orthography of the text, a BCP-47 tag such as nan-Latn-tailo."""
    speaker: str | None
    """None when unknown."""
    domain: str | None
    duration: float
    """Seconds, from the file's header."""
    split: str


COLUMNS = tuple(Utterance.__dataclass_fields__)


@dataclass(frozen=True)
class Corpus:
    """Utterances with unique ids and non-empty texts; language tags are brought into their canonical case.

    Raises:
        ValueError: Ids that occur twice, texts that are empty, columns that are missing, all in one message.
    """

    name: str
    dataset: Dataset
    """Columns id, audio, text, language, speaker, domain, duration, split."""
    split_by: SplitBy = "none"
    """What no two splits share, and what training and test may therefore not share either."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Clips that the corpus had but that could not be used, counted by reason."""
    speakers_are_qualified: bool = False
    """Speakers carry their corpus's name, as after joining several corpora."""
    trim_db: float | None = None
    """Silence around the speech that is cut off when it is decoded, as `CorpusSpec.trim_db` has it."""
    is_checked: InitVar[bool] = False

    def __post_init__(self, is_checked: bool) -> None:
        if self.split_by not in get_args(SplitBy):
            raise ValueError(f"corpus {self.name}: split_by is {self.split_by!r}; use text, speaker or none")
        if is_checked:
            return
        table = columns_of(self.dataset, self.dataset.column_names)
        if faults := find_faults(table, COLUMNS):
            raise ValueError("\n".join([f"corpus {self.name} cannot be used:", *faults]))
        if (canonical := canonical_languages(table)) is not table:
            object.__setattr__(self, "dataset", dataset_of(canonical))

    @classmethod
    def from_utterances(
        cls,
        name: str,
        utterances: Iterable[Utterance],
        *,
        split_by: SplitBy = "none",
        left_out: Mapping[str, int] | None = None,
        needs_text: bool = True,
    ) -> Corpus:
        """Put utterances into a table; without `needs_text` they are sound already, but may lack a text."""
        table = table_of(utterances, COLUMNS)
        return cls(name, dataset_of(table), split_by, dict(left_out or {}), is_checked=not needs_text)

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[Utterance]:
        for rows in pieces(columns_of(self.dataset, COLUMNS)):
            for row in rows:
                yield Utterance(**row)

    def __getitem__(self, index: int) -> Utterance:
        row = self.dataset[index]
        return Utterance(**{column: row[column] for column in COLUMNS})

    def column(self, name: str) -> list[Any]:
        """The values of one column, in order."""
        return values_of(self.arrow(name))

    @property
    def qualified_speakers(self) -> list[str | None]:
        """The speakers under the corpus's name, by which those of different corpora are told apart."""
        speakers: list[str | None] = self.column("speaker")
        return speakers if self.speakers_are_qualified else [qualify(self.name, one) for one in speakers]

    def trimmed_as(self, trim_db: float | None) -> Corpus:
        """The same speech, its silence cut off like other speech's, unless it says itself how."""
        return self if self.trim_db is not None else replace(self, trim_db=trim_db, is_checked=True)

    def arrow(self, name: str) -> pyarrow.ChunkedArray:
        """One column as Arrow, memory-mapped where the corpus was loaded from a folder."""
        if name not in COLUMNS:
            raise ValueError(f"corpus {self.name} has no column {name!r}; it has {', '.join(COLUMNS)}")
        return columns_of(self.dataset, [name]).column(name)

    def table(self) -> pyarrow.Table:
        """All columns as Arrow."""
        return columns_of(self.dataset, COLUMNS).cast(schema(COLUMNS))

    @property
    def languages(self) -> list[str]:
        """The tags that occur, sorted."""
        return sorted(self.arrow("language").unique().to_pylist())

    @property
    def splits(self) -> list[str]:
        """The splits that occur, sorted."""
        return sorted(self.arrow("split").unique().to_pylist())

    @property
    def minutes(self) -> float:
        """Minutes of audio, by the files' headers."""
        import pyarrow.compute

        return float(pyarrow.compute.sum(self.arrow("duration"), min_count=0).as_py()) / 60

    def filter(
        self,
        split: str | None = None,
        language: str | None = None,
        predicate: Callable[[Utterance], bool] | None = None,
    ) -> Corpus:
        """The utterances of a split, of a language, or for which the predicate holds.

        Raises:
            ValueError: The corpus has no such split or language.
        """
        import numpy
        import pyarrow.compute

        keep = numpy.ones(len(self), dtype=bool)
        for column, value, choices in (("split", split, self.splits), ("language", language, self.languages)):
            if value is None:
                continue
            if value not in choices:
                raise ValueError(f"corpus {self.name} has no {column} {value!r}; it has {', '.join(choices)}")
            keep &= pyarrow.compute.equal(self.arrow(column), value).to_numpy()
        if predicate is not None:
            keep &= numpy.fromiter((predicate(utterance) for utterance in self), bool, len(self))
        return self.select(numpy.flatnonzero(keep))

    def select(self, indices: Iterable[int]) -> Corpus:
        """The utterances at these positions, in this order."""
        return replace(self, dataset=self.dataset.select(indices), left_out={}, is_checked=True)

    def first_per_language(self, count: int) -> Corpus:
        """At most so many utterances of each language, by the hash of their ids: the same ones everywhere."""
        from speechtl.draws import first_per_group

        return self.select(first_per_group(self.arrow("id"), self.column("language"), count))

    def subset(self, minutes: float, seed: int) -> Corpus:
        """At least so many minutes of audio, by one utterance at most over; fewer minutes lie inside more.

        Utterances are taken in the order of the hash of seed and id until the minutes are reached, the first
        of each language before all others.

        Raises:
            ValueError: The corpus holds less, or the minutes are not positive.
        """
        from speechtl.draws import at_least

        if not minutes > 0:
            raise ValueError(f"corpus {self.name}: {minutes} minutes asked for; ask for more than 0")
        if minutes > self.minutes:
            raise ValueError(
                f"corpus {self.name}: {minutes:g} minutes asked for, but there are {self.minutes:.2f}; "
                "ask for fewer, or for 'all'"
            )
        durations = self.arrow("duration").to_numpy()
        several = self.column("language") if len(self.languages) > 1 else ()
        return self.select(at_least(minutes * 60, self.arrow("id"), durations, seed, several))

    def split(self, by: SplitBy = "text", shares: Mapping[str, float] = SHARES) -> Corpus:
        """The same utterances, assigned anew to splits that share no text, or no speaker, or just at random.

        Raises:
            ValueError: The shares do not add up to 1, or speakers are unknown or fewer than the splits.
        """
        from speechtl import partition

        if by == "text":
            assigned = partition.by_text(self.column("language"), self.column("text"), shares)
        elif by == "speaker":
            assigned = partition.by_speaker(self.column("speaker"), shares)
        else:
            assigned = partition.by_key(self.column("id"), shares)
        return self.with_splits(assigned, by)

    def with_splits(self, assigned: Sequence[str], by: SplitBy) -> Corpus:
        """The same utterances with a split assigned to each, and what no two of these share."""
        table = with_column(self.table(), "split", assigned)
        return replace(self, dataset=dataset_of(table), split_by=by, is_checked=True)

    @staticmethod
    def concatenate(corpora: Sequence[Corpus], *, needs_text: bool = True) -> Corpus:
        """One corpus of several, e.g. of all source languages; without `needs_text` texts may be empty.

        Differently named corpora's speakers are told apart by its name. What no two splits share is kept
        only where all agree on it.

        Raises:
            ValueError: No corpora, ids that occur in more than one of them, or silence that is cut off in one
                and not alike in another.
        """
        import pyarrow

        if not corpora:
            raise ValueError("there are no corpora to concatenate; name at least one")
        names = list(dict.fromkeys(corpus.name for corpus in corpora))
        left_out: Counter[str] = Counter()
        for corpus in corpora:
            left_out.update(corpus.left_out)
        tables = [_qualified(corpus) if len(names) > 1 else corpus.table() for corpus in corpora]
        kinds, trims = ({getattr(one, name) for one in corpora} for name in ("split_by", "trim_db"))
        if len(trims) > 1:
            raise ValueError(
                f"corpora {', '.join(names)}: trim_db is {' and '.join(sorted(map(str, trims)))}; give those "
                "that are joined the same one, or their silence would tell them apart"
            )
        joined = pyarrow.concat_tables(tables)
        if faults := repeated_ids(joined.column("id")):
            raise ValueError(
                f"corpora {', '.join(names)} cannot be joined: {faults[0]}. Of folders of recordings, name "
                "the one that holds them all"
            )
        return Corpus(
            name="+".join(names),
            dataset=dataset_of(joined),
            split_by=kinds.pop() if len(kinds) == 1 else "none",
            left_out=dict(left_out),
            speakers_are_qualified=len(names) > 1 or any(c.speakers_are_qualified for c in corpora),
            trim_db=trims.pop(),
            is_checked=not needs_text,
        )

    def summary(self) -> list[SummaryRow]:
        """What each split holds of each language."""
        from speechtl.corpus_summary import summarise

        return summarise(self.table())

    def save(self, folder: str | Path) -> None:
        """Write the corpus; the folder appears whole, and an earlier corpus in it is replaced.

        Raises:
            ValueError: The folder holds something that is not a corpus.
        """
        from speechtl.corpus_folder import write_folder

        write_folder(Path(folder), self.table(), self._description())

    @staticmethod
    def load(folder: str | Path) -> Corpus:
        """Open a saved corpus; its rows stay on disk until they are read.

        Raises:
            FileNotFoundError: There is no such folder.
            ValueError: The folder is not a corpus, is damaged, or was written by a newer version.
        """
        from speechtl.corpus_folder import read_folder

        dataset, description = read_folder(Path(folder), COLUMNS)
        return Corpus(dataset=dataset, is_checked=True, **description)

    def _description(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "split_by": self.split_by,
            "left_out": dict(self.left_out),
            "speakers_are_qualified": self.speakers_are_qualified,
            **({} if self.trim_db is None else {"trim_db": self.trim_db}),
        }


def _qualified(corpus: Corpus) -> pyarrow.Table:
    """The corpus's table, its speakers under the corpus's name as `qualify` puts them."""
    table = corpus.table()
    return table if corpus.speakers_are_qualified else with_qualified_speakers(table, corpus.name)


def qualify(corpus: str, speaker: str | None) -> str | None:
    """A speaker's name that is unique over corpora."""
    return None if speaker is None else f"{corpus}/{speaker}"
