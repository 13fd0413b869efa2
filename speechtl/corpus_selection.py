"""Some of a corpus's utterances: those of certain speakers, domains, texts or ids, or so many by draw."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from speechtl.corpus import Corpus
from speechtl.draws import spread
from speechtl.faults import counted, listed
from speechtl.partition import text_keys

Test = Callable[[int], bool]


def selected(
    corpus: Corpus,
    *,
    speakers: Collection[str] = (),
    texts: Collection[str] = (),
    ids: Collection[str] = (),
    domains: Collection[str] = (),
    split: str | None = None,
) -> Corpus:
    """The utterances of these speakers and domains with these texts and these ids, in the corpus's order.

    Args:
        corpus: What is chosen from.
        speakers: Names of speakers; all if there are none.
        texts: Texts, however they are spelled; an utterance with alternatives needs one of them among these.
        ids: Patterns with `*`, `?` and `[...]` for whole ids.
        domains: Values of the column `domain`; all, and none, if there are no such.
        split: What of the corpus has been taken before, for messages.

    Raises:
        ValueError: The corpus has no such speaker, domain, text or id (all that it lacks, in one message), or
            no utterance that is all of these.
    """
    tests: list[Test] = []
    faults: list[str] = []
    for found, fault in (
        _of_values("speaker", corpus.column("speaker"), speakers),
        _of_values("domain", corpus.column("domain"), domains),
        _of_texts(corpus, texts),
        _of_ids(corpus.column("id"), ids),
    ):
        tests += [found] if found else []
        faults += [fault] if fault else []
    name = f"corpus {corpus.name}{'' if split is None else f', split {split},'}"
    if faults:
        raise ValueError(f"{name} has " + "; ".join(faults))
    kept = [index for index in range(len(corpus)) if all(test(index) for test in tests)]
    if not kept:
        asked = {"speakers": speakers, "domains": domains, "texts": texts, "ids": ids}
        named = "; ".join(f"{name} {listed(list(values))}" for name, values in asked.items() if values)
        raise ValueError(f"{name} has no utterance that is all of these at once: {named}")
    return corpus.select(kept)


def no_longer(corpus: Corpus, seconds: float) -> Corpus:
    """The utterances of at most so many seconds.

    Raises:
        ValueError: The corpus has none.
    """
    kept = [row for row, duration in enumerate(corpus.column("duration")) if duration <= seconds]
    if not kept:
        raise ValueError(f"corpus {corpus.name} has no utterance of at most {seconds:g} s (longest)")
    if len(kept) == len(corpus):
        return corpus
    left_out = {**corpus.left_out, f"longer than {seconds:g} s": len(corpus) - len(kept)}
    return replace(corpus.select(kept), left_out=left_out, is_checked=True)


def draw(corpus: Corpus, count: int, seed: int, *, by_text: bool = True) -> Corpus:
    """So many utterances, the same for a seed; fewer lie inside more.

    They are taken in the order of the hash of seed and id, but no text comes again before every text has
    come: 20 utterances of a vocabulary of 20 words are 20 words. Of each language one comes first. Without
    `by_text` texts play no part, as of speech that is heard without labels.

    Raises:
        ValueError: The corpus holds fewer.
    """
    if count > len(corpus):
        raise ValueError(
            f"corpus {corpus.name}: {counted(count, 'utterance')} asked for, but there "
            f"{'is' if len(corpus) == 1 else 'are'} {len(corpus)}; ask for fewer, or for 'all'"
        )
    several = corpus.column("language") if len(corpus.languages) > 1 else ()
    texts = corpus.column("text") if by_text else [""] * len(corpus)
    return corpus.select(spread(count, corpus.arrow("id"), texts, seed, several))


def _of_values(
    kind: str, present: Sequence[str | None], wanted: Collection[str]
) -> tuple[Test | None, str | None]:
    """The test for values of one column, or what the column lacks."""
    if not wanted:
        return None, None
    known = sorted(set(present) - {None}, key=str)
    if not known:
        return None, f"no known {kind}s; choose by texts or ids"
    missing = sorted(set(wanted) - set(known))
    chosen = frozenset(wanted)
    return lambda index: present[index] in chosen, _lacking(kind, missing, known)


def _of_texts(corpus: Corpus, wanted: Collection[str]) -> tuple[Test | None, str | None]:
    if not wanted:
        return None, None
    languages, texts = corpus.column("language"), corpus.column("text")
    entries = list(zip(languages, texts, strict=True))
    keys = {entry: frozenset(text_keys(*entry)) for entry in set(entries)}
    asked = {text: {key for tag in set(languages) for key in text_keys(tag, text)} for text in wanted}
    present = frozenset().union(*keys.values())
    missing = [text for text, its_keys in asked.items() if present.isdisjoint(its_keys)]
    chosen = frozenset().union(*asked.values())
    distinct = sorted(set(texts))
    return lambda index: not chosen.isdisjoint(keys[entries[index]]), _lacking("text", missing, distinct)


def _of_ids(present: Sequence[str], patterns: Collection[str]) -> tuple[Test | None, str | None]:
    if not patterns:
        return None, None
    chosen = {pattern: {id_ for id_ in present if fnmatchcase(id_, pattern)} for pattern in patterns}
    missing = [pattern for pattern, found in chosen.items() if not found]
    kept = frozenset().union(*chosen.values())
    return lambda index: present[index] in kept, _lacking("id", missing, present)


def _lacking(kind: str, missing: Iterable[str], present: Sequence[str | None]) -> str | None:
    """`no speaker a, b (it has c, d)`, or None where nothing is missing."""
    if not (named := list(missing)):
        return None
    return f"no {kind} {listed(named)} (it has {listed([str(one) for one in present])})"
