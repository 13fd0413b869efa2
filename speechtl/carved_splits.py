"""Dev and test that a run carved out of its corpora, kept beside it, so that others can hold out the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

from speechtl.corpus import Corpus, SplitBy
from speechtl.faults import counted, listed

FILE = "held_out.json"
SAME_SECONDS = 0.001
"""By so much the lengths of one recording may differ."""


@dataclass(frozen=True)
class CarvedSplits:
    """The splits of one corpus."""

    corpus: str
    """The corpus's name."""
    given: str
    """How the run's recipe names it."""
    split_by: SplitBy
    """What they and training do not share."""
    ids: Mapping[str, Mapping[str, float]]
    """The utterances of dev, test or both, and how long they are, in seconds: another corpus's are not."""

    @classmethod
    def of(cls, name: str, given: str, sides: Mapping[str, Corpus]) -> CarvedSplits | None:
        """Those of a corpus of this name, which its run holds out; None where there are none."""
        if not sides:
            return None
        shared = {corpus.split_by for corpus in sides.values()}
        split_by = shared.pop() if len(shared) == 1 else "none"
        ids = {
            split: dict(zip(corpus.column("id"), corpus.column("duration"), strict=True))
            for split, corpus in sides.items()
        }
        return cls(name, given, split_by, ids)

    def joined(self, other: CarvedSplits) -> CarvedSplits:
        """These, and those of the same corpus as another target of the run has it."""
        ids = {
            split: {**self.ids.get(split, {}), **other.ids.get(split, {})}
            for split in {**self.ids, **other.ids}
        }
        return replace(self, split_by=self.split_by if self.split_by == other.split_by else "none", ids=ids)

    def lacks(self, corpus: Corpus) -> list[str]:
        """The utterances that a corpus has not, or with another recording."""
        present = dict(zip(corpus.column("id"), corpus.column("duration"), strict=True))
        return [
            id_
            for ids in self.ids.values()
            for id_, seconds in ids.items()
            if abs(present.get(id_, -1.0) - seconds) > SAME_SECONDS
        ]

    def on(self, corpus: Corpus) -> Corpus:
        """The corpus in these splits; what they do not name stays where it was, and else is in `train`."""
        split_of = {id_: split for split, ids in self.ids.items() for id_ in ids}
        assigned = [
            split_of.get(id_, "train" if own in self.ids else own)
            for id_, own in zip(corpus.column("id"), corpus.column("split"), strict=True)
        ]
        # A corpus says one thing of all its splits, and has some of its own beside these.
        is_whole = self.split_by == corpus.split_by or not {"dev", "test"} & {*corpus.splits} - {*self.ids}
        return corpus.with_splits(assigned, self.split_by if is_whole else "none")


def save_carved(run: Path, carved: Sequence[CarvedSplits]) -> None:
    """Write what a run carved out of its corpora into its folder; nothing where it carved nothing.

    Raises:
        OSError: the disk is full or not writable.
    """
    from speechtl.whole_files import explained, write_json  # with torch, which a recipe need not load

    if not carved:
        return
    path = run / FILE
    entries = [
        {"corpus": one.corpus, "given": one.given, "split_by": one.split_by, **one.ids} for one in carved
    ]
    with explained("what the run holds out", path):
        write_json(path, {"corpora": entries})


def carved_by(run: str | Path) -> list[CarvedSplits]:
    """What a run carved out of its corpora; of a model's folder, the run that it lies in."""
    from speechtl.whole_files import read_json

    path = next((place / FILE for place in (Path(run), Path(run).parent) if (place / FILE).is_file()), None)
    if path is None:
        return []
    return [
        CarvedSplits(
            entry["corpus"],
            entry["given"],
            entry["split_by"],
            {split: entry[split] for split in ("dev", "test") if split in entry},
        )
        for entry in read_json(path)["corpora"]
    ]


def carved_of(corpus: Corpus, carved: Iterable[CarvedSplits]) -> CarvedSplits | None:
    """What was carved out of a corpus, by all targets that are of it; None where nothing was."""
    own = [one for one in carved if one.corpus == corpus.name and not one.lacks(corpus)]
    return reduce(CarvedSplits.joined, own) if own else None


def split_as(corpus: Corpus, run: str | Path) -> Corpus:
    """A corpus in the splits that a run carved out of it.

    Raises:
        FileNotFoundError: there is no such run.
        ValueError: the run carved none out of a corpus of this name, or the corpus has not all of these
            utterances.
    """
    if not Path(run).is_dir():
        raise FileNotFoundError(
            f"split_as={run}: there is no such folder; expected a run, runs/<name>/seed-<n>"
        )
    if not any((place / "experiment.json").is_file() for place in (Path(run), Path(run).parent)):
        raise FileNotFoundError(f"split_as={run} is no run; expected a folder such as {Path(run) / 'seed-0'}")
    carved = carved_by(run)
    own = carved_of(corpus, carved)
    if own is not None:
        return own.on(corpus)
    named = [one for one in carved if one.corpus == corpus.name]
    if not named:
        others = f"only of {listed([one.corpus for one in carved])}" if carved else "of none"
        raise ValueError(
            f"split_as={run}: that run carved dev or test out {others}, not of {corpus.name}. Where a corpus "
            "has splits of its own, or a recipe names dev and tests, nothing is carved: leave split_as out"
        )
    missing = named[0].lacks(corpus)
    raise ValueError(
        f"split_as={run}: {counted(len(missing), 'utterance')} that the run held out of {corpus.name} are "
        f"not in it, or with another recording: {listed(missing)}. Bring them back, or run it anew: --fresh"
    )
