"""Carving: a split for each utterance of a corpus that has no dev or test, by speaker, text or recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from speechtl.corpus import SHARES, Corpus, SplitBy
from speechtl.faults import counted
from speechtl.leakage import Fingerprints, trained_texts
from speechtl.partition import by_fewest_spoken, by_key_filled, by_text_filled, hash_fraction
from speechtl.text import orthography

FEWEST_SPEAKERS = 3
"""From so many speakers on, all of them known, the test's speakers can be others than those of training."""


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
            f"more; or {without(missing)}."
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


def without(missing: Sequence[str]) -> str:
    """What to do where some of dev and test cannot be had from the target."""
    ways = {
        "dev": "keep the last weights by --dev none, or name dev speech with transcripts by --dev.0.corpus",
        "test": "name test speech with transcripts by --tests.0.corpus",
    }
    return "; ".join(ways[name] for name in missing)
