"""Held-out speech: dev and test that a recipe does not name, taken from the corpus that is trained on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from speechtl.carved_splits import CarvedSplits
from speechtl.carving import carve, without
from speechtl.corpus import Corpus, SplitBy
from speechtl.corpus_spec import CorpusSpec
from speechtl.faults import counted, lasting, listed
from speechtl.formats.splits import is_held_out
from speechtl.leakage import Fingerprints

HELD_OUT = ("dev", "test")
FEW_TEXTS = 3
"""With fewer of them a split of texts says nothing about other texts."""

MUCH = 0.6
"""Share of the minutes that training has at least, or it is told how to get more."""

SHARED = "dev and test share words and voices with training"
RECORDINGS = f"by recording, since the source knows all their texts: {SHARED}"
FREE = f"by recording, since split_by=none lets tests share what is trained on: {SHARED}"
CLASSES = f"by recording, since a classifier knows the texts of training alone: {SHARED}"


@dataclass(frozen=True)
class Parts:
    """A corpus as a run uses it."""

    train: Corpus
    held_out: dict[str, Corpus]
    """Dev and test, as far as they were asked for."""
    account: str
    """Where they come from, in a sentence; empty if nothing was asked for."""
    carved: CarvedSplits | None = None
    """What the corpus does not say of itself; None where it has splits of its own for all that was asked."""


def parts(
    spec: CorpusSpec,
    wanted: Collection[str],
    seed: int,
    known: Fingerprints | None = None,
    *,
    is_classifier: bool = False,
    keeps_speakers: bool = False,
    needs_text: bool = True,
) -> Parts:
    """Open a training corpus, and dev and test beside it.

    The corpus's own dev and test splits are taken where it has them. Those that it lacks are carved out of
    what would be trained on: by speaker if three or more are known, else by text, the same for every seed,
    any number of minutes and whatever is wanted, so that runs can be compared. Texts that the source was
    trained on are trained on here too; where it knows them all, as those of a few commands, or the target is
    split by `none`, recordings are held out, and it is told.
    So it is with a classifier, for which a text that is not trained on is always wrong.

    Args:
        spec: The training corpus.
        wanted: `dev`, `test`, both or none.
        seed: Draws the minutes of training speech.
        known: What the source was trained on.
        is_classifier: Whether texts are classes.
        keeps_speakers: Whether held-out speech is of the speakers that are trained on, who have parameters
            of their own; it is carved by text then.
        needs_text: Whether what is trained on must have texts; else it may lack them where nothing is carved
            out of it.

    Raises:
        FileNotFoundError: There is no such corpus.
        ValueError: It has faults, or too little for three sides.
    """
    if spec.split_as is not None and spec.split in HELD_OUT:
        spec = replace(spec, split="train")  # what the run has left of the split that it carved
    if not wanted:
        train = spec.open(seed, needs_text=needs_text)
        return Parts(train, {}, _taken_whole(train, spec))
    whole = spec.whole.open(seed, needs_text=needs_text)
    pool = _pool(whole, spec)
    present = set(whole.splits) - set(pool.splits)
    own = [name for name in HELD_OUT if name in wanted and name in present]
    missing = [name for name in HELD_OUT if name in wanted and name not in present]
    sides = {name: whole.filter(split=name) for name in own}
    whose = "its own" if spec.split_as is None else f"as {spec.split_as} has them, or its own"
    told = [f"{' and '.join(own)}: {whose} {'splits' if len(own) > 1 else 'split'}"] if own else []
    train = pool
    if missing and not needs_text:
        _refuse_textless(pool, missing)
    if missing:
        split_by: SplitBy = "text" if keeps_speakers else whole.split_by
        lacking = [name for name in HELD_OUT if name not in present]
        is_free = spec.split_by == "none"
        ways = {"is_classifier": is_classifier, "may_share_all": is_free}
        try:
            carved = carve(pool, lacking, split_by, known, **ways)
        except ValueError:
            if missing == lacking:
                raise
            # There is not enough for what is not wanted, too.
            carved = carve(pool, missing, split_by, known, **ways)
        sides |= {name: carved.filter(split=name) for name in missing}
        trained = [row for row, split in enumerate(carved.column("split")) if split not in missing]
        train = carved.select(trained)
        told.append(
            f"{' and '.join(missing)}: carved out of {counted(len(pool), 'utterance')} "
            + (FREE if is_free and not is_classifier else _manner(carved, is_classifier))
            + _much(train, carved)
            + _few_texts({name: sides[name] for name in missing}, carved)
        )
    account = f"{spec.corpus}: {'; '.join(told)}. {_amounts(train, sides)}{_unused(whole, pool, sides)}"
    if spec.is_drawn:
        train = _subset(train, spec, account, seed)
    told_apart = sides if spec.split_as is not None else {name: sides[name] for name in missing}
    return Parts(train, sides, account, CarvedSplits.of(whole.name, spec.corpus, told_apart))


def _refuse_textless(pool: Corpus, missing: Sequence[str]) -> None:
    """Refuse to carve out of speech without transcripts what they are needed for."""
    if silent := sum(not text.strip() for text in pool.column("text")):
        raise ValueError(
            f"corpus {pool.name}: {' and '.join(missing)} cannot be carved out of it, since "
            f"{counted(silent, 'utterance')} of {len(pool)} {'has' if silent == 1 else 'have'} no text; "
            f"{without(missing)}."
        )


def _manner(carved: Corpus, is_classifier: bool) -> str:
    """By what held-out speech was told apart, for the account."""
    if carved.split_by != "none":
        return f"by {carved.split_by}"
    return CLASSES if is_classifier else RECORDINGS


def _few_texts(sides: Mapping[str, Corpus], carved: Corpus) -> str:
    """What to do where held-out texts are too few to say anything of others, for the account; else empty."""
    few = {name: len(set(side.column("text"))) for name, side in sides.items()}
    told = [f"{name} has {counted(number, 'text')}" for name, number in few.items() if number < FEW_TEXTS]
    if carved.split_by != "text" or not told:
        return ""
    return f"; {' and '.join(told)}, whose error says little (--target.split-by none holds out recordings)"


def _much(train: Corpus, carved: Corpus) -> str:
    """What to do where few speakers leave little to train on, for the account; else empty."""
    if carved.split_by != "speaker" or train.minutes >= MUCH * carved.minutes:
        return ""
    return (
        f", which leaves {100 * train.minutes / carved.minutes:.0f} % of the minutes to train on, since "
        "whole speakers are held out (--target.split-by text holds out texts)"
    )


def _pool(whole: Corpus, spec: CorpusSpec) -> Corpus:
    """What is trained on, before anything is carved out of it."""
    if spec.split is not None:
        return whole.filter(split=spec.split)
    if "train" in whole.splits:
        return whole.filter(split="train")
    others = [name for name in whole.splits if name not in HELD_OUT]
    strange = [name for name in others if is_held_out(name)]
    if strange and len(whole.splits) > 1:
        raise ValueError(
            f"corpus {spec.corpus} has the splits {', '.join(whole.splits)}: none is called train, and "
            f"{listed(strange)} would be trained on. Name what is (--target.split), and what dev and tests "
            "are (--dev.0.corpus, --dev.0.split, --tests.0.corpus, --tests.0.split), or call them train, dev "
            "and test"
        )
    if others:
        return whole.filter(predicate=lambda utterance: utterance.split in others)
    if len(whole.splits) == 1:
        return whole
    raise ValueError(
        f"corpus {spec.corpus} has the splits {', '.join(whole.splits)} and none to train on; name one of "
        "them as that (--target.split)"
    )


def _unused(whole: Corpus, pool: Corpus, sides: Collection[str]) -> str:
    """What of a corpus no side has, and what its preparation left out, for the account; empty if nothing."""
    others = sorted(set(whole.splits) - {*pool.splits, *sides})
    unused = [f"{counted(len(whole.filter(split=name)), 'utterance')} of the split {name}" for name in others]
    left_out = [f"{count} {reason}" for reason, count in sorted(whole.left_out.items())]
    told = [f"not used: {', '.join(unused)}"] if unused else []
    told += [f"left out: {', '.join(left_out)}"] if left_out else []
    return "".join(f"; {one}" for one in told)


def _taken_whole(train: Corpus, spec: CorpusSpec) -> str:
    """That dev and test of the corpus's own are trained on, where others are named; empty if it has none."""
    named = [name for name in train.splits if is_held_out(name)]
    own = named if spec.split is None else []
    if not own:
        return ""
    return (
        f"{spec.corpus}: all of it is trained on, its own {' and '.join(own)} too; --target.split train "
        f"leaves {'them' if own[1:] else 'it'} out"
    )


def _subset(train: Corpus, spec: CorpusSpec, account: str, seed: int) -> Corpus:
    try:
        return spec.drawn(train, seed)
    except ValueError as error:
        raise ValueError(f"{error}\n{account}") from error


def _amounts(train: Corpus, sides: dict[str, Corpus]) -> str:
    named = {"train": train, **sides}
    return "; ".join(
        f"{name}: {counted(len(corpus), 'utterance')}, {lasting(corpus.minutes)}"
        for name, corpus in named.items()
    )
