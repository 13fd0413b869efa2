"""Held-out speech: dev and test that a recipe does not name, taken from the corpus that is trained on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from speechtl.carved_splits import CarvedSplits
from speechtl.corpus import SHARES, Corpus, SplitBy
from speechtl.corpus_spec import CorpusSpec
from speechtl.faults import counted, lasting, listed
from speechtl.leakage import Fingerprints, trained_texts
from speechtl.partition import by_fewest_spoken, by_key_filled, by_text_filled, hash_fraction
from speechtl.text import orthography

HELD_OUT = ("dev", "test")
_HELD_OUT_ELSEWHERE = re.compile(r"(dev|valid|val|validation|test|testing|eval|evaluation)(?![a-z])")
"""How names of splits begin elsewhere that are not to be trained on: dev-clean, test_other."""
FEWEST_SPEAKERS = 3
"""From so many speakers on, all of them known, the test's speakers can be others than those of training."""

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


def carve(
    pool: Corpus,
    missing: Sequence[str],
    split_by: SplitBy = "none",
    known: Fingerprints | None = None,
    *,
    is_classifier: bool = False,
    may_share_all: bool = False,
) -> Corpus:
    """The same utterances in the splits `train` and `missing`, which share no speaker or no text.

    Each language is carved for itself, so that it is in every split, unless its speakers speak others too.
    A classifier's share texts: they have other recordings of the same ones. Its speakers are kept apart as
    long as others say most of their texts too.

    Args:
        pool: What would be trained on.
        missing: `dev`, `test` or both.
        split_by: What the corpus's own splits do not share; `none` leaves the choice to its speakers.
        known: What the source was trained on.
        is_classifier: Whether texts are classes, so that each needs a recording to train on.
        may_share_all: Whether the splits may share texts and speakers, so that recordings are held out.

    Raises:
        ValueError: There are too few texts, or of a classifier too few recordings that repeat one.
    """
    shares = {name: SHARES[name] for name in missing}
    shares = {"train": 1 - sum(shares.values()), **shares}
    by_speaker = None if split_by == "text" or may_share_all else _by_speaker(pool, shares)
    if by_speaker is not None:
        apart = pool.with_splits(by_speaker, "speaker")
        train = apart.filter(split="train")
        if not is_classifier or all(mostly_trained(train, apart.filter(split=name)) for name in missing):
            return apart
    pinned = set(trained_texts(known, pool)) if known is not None else set()
    ids, languages, texts = (pool.column(name) for name in ("id", "language", "text"))
    again = repeated(pool) if is_classifier else []
    by_recording = may_share_all or len(pinned) == len(pool)

    def assign(rows: Sequence[int]) -> list[str]:
        """A split for each of these utterances."""
        if is_classifier:
            return _by_repetition([ids[row] for row in rows], [again[row] for row in rows], shares)
        if by_recording:
            return by_key_filled([ids[row] for row in rows], shares)
        known_here = [place for place, row in enumerate(rows) if row in pinned]
        return by_text_filled(
            [languages[row] for row in rows], [texts[row] for row in rows], shares, known_here
        )

    try:
        assigned = _per_language(pool, assign)
    except ValueError as error:
        raise ValueError(
            f"corpus {pool.name}: {' and '.join(missing)} cannot be carved out of it: {error}. Record "
            f"more; or {_instead(missing)}."
        ) from error
    return pool.with_splits(assigned, "none" if is_classifier or by_recording else "text")


def _by_speaker(pool: Corpus, shares: Mapping[str, float]) -> list[str] | None:
    """A split per utterance by its speaker, with every language in each; None where that cannot be."""
    speakers, languages = pool.column("speaker"), pool.column("language")
    if None in speakers or len(set(speakers)) < FEWEST_SPEAKERS:
        return None
    spoken = Counter(tag for tag, _ in set(zip(languages, speakers, strict=True)))
    if spoken.total() == len(set(speakers)) and min(spoken.values()) >= FEWEST_SPEAKERS:
        return _per_language(pool, lambda rows: by_fewest_spoken([speakers[row] for row in rows], shares))
    assigned = by_fewest_spoken(speakers, shares)
    is_whole = len(set(zip(assigned, languages, strict=True))) == len(shares) * len(spoken)
    return assigned if is_whole else None


def _per_language(pool: Corpus, assign: Callable[[Sequence[int]], list[str]]) -> list[str]:
    """A split per utterance, assigned among those of its language, or of languages that have texts in common.

    Raises:
        ValueError: a language has too little; names it.
    """
    rows_of: dict[str, list[int]] = {}
    for row, tag in enumerate(pool.column("language")):
        rows_of.setdefault(orthography(tag).folded_as, []).append(row)
    split_of: dict[int, str] = {}
    for tag, rows in rows_of.items():
        try:
            split_of |= zip(rows, assign(rows), strict=True)
        except ValueError as error:
            if len(rows_of) == 1:
                raise
            raise ValueError(f"in {tag} {error}") from error
    return [split_of[row] for row in range(len(pool))]


def repeated(corpus: Corpus) -> list[bool]:
    """Whether each utterance's text stays in training without it: true of all but one of every text.

    That one is the first by the hash of its id, so the order of the rows does not matter.
    """
    ids, texts = corpus.column("id"), _classes(corpus)
    first: dict[tuple[str, str], tuple[float, str]] = {}
    for id_, text in zip(ids, texts, strict=True):
        place = (hash_fraction(id_), id_)
        first[text] = min(place, first.get(text, place))
    return [first[text][1] != id_ for id_, text in zip(ids, texts, strict=True)]


def mostly_trained(train: Corpus, held: Corpus) -> bool:
    """Whether most of the held-out utterances have a text that a classifier is trained on."""
    trained = set(_classes(train))
    return 2 * sum(text in trained for text in _classes(held)) > len(held)


def _classes(corpus: Corpus) -> list[tuple[str, str]]:
    """The language and class of each utterance, as a classifier's units have them."""
    entries = list(zip(corpus.column("language"), corpus.column("text"), strict=True))
    classes = {entry: (entry[0], orthography(entry[0]).normalise(entry[1])) for entry in set(entries)}
    return [classes[entry] for entry in entries]


def _by_repetition(ids: Sequence[str], repeats: Sequence[bool], shares: Mapping[str, float]) -> list[str]:
    """A split per utterance, those that do not say a text again being in the first one."""
    again = [id_ for id_, says_again in zip(ids, repeats, strict=True) if says_again]
    if len(again) < len(shares):
        raise ValueError(
            f"a classifier is tested on texts that it was trained on, and {len(again)} of its "
            f"{counted(len(ids), 'utterance')} say a text again, but {len(shares)} are needed"
        )
    split_of = dict(zip(again, by_key_filled(again, shares), strict=True))
    return [split_of.get(id_, next(iter(shares))) for id_ in ids]


def _refuse_textless(pool: Corpus, missing: Sequence[str]) -> None:
    """Refuse to carve out of speech without transcripts what they are needed for."""
    if silent := sum(not text.strip() for text in pool.column("text")):
        raise ValueError(
            f"corpus {pool.name}: {' and '.join(missing)} cannot be carved out of it, since "
            f"{counted(silent, 'utterance')} of {len(pool)} {'has' if silent == 1 else 'have'} no text; "
            f"{_instead(missing)}."
        )


def _instead(missing: Sequence[str]) -> str:
    """What to do where some of dev and test cannot be had from the target."""
    ways = {
        "dev": "keep the last weights by --dev none, or name dev speech with transcripts by --dev.0.corpus",
        "test": "name test speech with transcripts by --tests.0.corpus",
    }
    return "; ".join(ways[name] for name in missing)


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
    strange = [name for name in others if _HELD_OUT_ELSEWHERE.match(name.lower())]
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
    named = [name for name in train.splits if name in HELD_OUT or _HELD_OUT_ELSEWHERE.match(name.lower())]
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
