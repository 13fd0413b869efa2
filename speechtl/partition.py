"""Assign utterances to splits by hashes, so that the same data give the same splits everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence


def hash_fraction(text: str) -> float:
    """A number in [0, 1) that follows from the text alone."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def text_keys(language: str, text: str) -> tuple[str, ...]:
    """What identifies a text wherever it is written: its normalised alternatives, folded.

    Raises:
        ValueError: The tag does not choose an orthography.
    """
    from speechtl.text import orthography

    rules = orthography(language)
    return tuple(dict.fromkeys(rules.fold(alternative) for alternative in rules.alternatives(text)))


def by_text(languages: Sequence[str], texts: Sequence[str], shares: Mapping[str, float]) -> list[str]:
    """A split per utterance; utterances that share any alternative of their texts are in the same one.

    A connected component of texts goes where the hash of its smallest text falls, so a new utterance moves
    no other unless it joins components.

    Raises:
        ValueError: The shares do not add up to 1.
    """
    components = _components(languages, texts)
    smallest: dict[int, tuple[str, str]] = {}
    for component, language, keys in components:
        candidate = min((language, key) for key in keys)
        smallest[component] = min(candidate, smallest.get(component, candidate))
    splits = {component: _locate(" ".join(key), shares) for component, key in smallest.items()}
    return [splits[component] for component, _, _ in components]


def by_speaker(speakers: Sequence[str | None], shares: Mapping[str, float]) -> list[str]:
    """A split per utterance; each speaker is in one split, and each split has at least one.

    Speakers are sorted by hash; the first split takes what the rounded shares of the others leave.

    Raises:
        ValueError: Unknown speakers, fewer speakers than splits, or shares that do not add up to 1.
    """
    _check(shares)
    if unknown := sum(speaker is None for speaker in speakers):
        raise ValueError(
            f"{unknown} of {len(speakers)} utterances have no speaker, so they cannot be split by speaker; "
            "name the speakers, or split by text"
        )
    order = sorted(
        {speaker for speaker in speakers if speaker is not None}, key=lambda s: (hash_fraction(s), s)
    )
    counts = {name: max(1, round(share * len(order))) for name, share in shares.items()}
    first, *others = shares
    counts[first] = len(order) - sum(counts[name] for name in others)
    if counts[first] < 1:
        raise ValueError(f"{len(order)} speakers are too few for {len(shares)} splits; split by text")
    places = [name for name, count in counts.items() for _ in range(count)]
    split_of = dict(zip(order, places, strict=True))
    return [split_of[speaker] for speaker in speakers if speaker is not None]


def by_key(keys: Sequence[str], shares: Mapping[str, float]) -> list[str]:
    """A split per key, each on its own.

    Raises:
        ValueError: The shares do not add up to 1.
    """
    return [_locate(key, shares) for key in keys]


def _components(languages: Sequence[str], texts: Sequence[str]) -> list[tuple[int, str, tuple[str, ...]]]:
    """Component, folded language and text keys of each utterance."""
    import numpy
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from speechtl.text import orthography

    written = {language: orthography(language).folded_as for language in set(languages)}
    cache: dict[tuple[str, str], tuple[str, ...]] = {}
    numbers: dict[tuple[str, str], int] = {}
    rows: list[int] = []
    columns: list[int] = []
    keys_of = []
    for row, entry in enumerate(zip(languages, texts, strict=True)):
        keys = cache.get(entry) or text_keys(*entry)
        cache[entry] = keys
        keys_of.append(keys)
        for key in keys:
            rows.append(row)
            columns.append(numbers.setdefault((written[entry[0]], key), len(numbers)))
    size = len(texts) + len(numbers)
    edges = (numpy.array(rows, dtype=int), numpy.array(columns, dtype=int) + len(texts))
    _, labels = connected_components(
        coo_array((numpy.ones(len(rows)), edges), shape=(size, size)), directed=False
    )
    return [
        (int(label), written[language], keys)
        for label, language, keys in zip(labels[: len(texts)], languages, keys_of, strict=True)
    ]


def _locate(key: str, shares: Mapping[str, float]) -> str:
    _check(shares)
    position = hash_fraction(key)
    edge = 0.0
    for name, share in shares.items():
        edge += share
        if position < edge:
            return name
    return list(shares)[-1]


def _check(shares: Mapping[str, float]) -> None:
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError(f"shares {dict(shares)} must be above 0 and add up to 1")
