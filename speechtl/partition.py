"""Assign utterances to splits by hashes, so that the same data give the same splits everywhere."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from speechtl.faults import counted


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
    return _of_components(_components(languages, texts), shares)


def _of_components(
    components: Sequence[tuple[int, str, tuple[str, ...]]], shares: Mapping[str, float]
) -> list[str]:
    """A split per utterance, by the smallest text of its component."""
    smallest = _smallest(components)
    splits = {key: _locate(key, shares) for key in set(smallest)}
    return [splits[key] for key in smallest]


def text_groups(languages: Sequence[str], texts: Sequence[str]) -> list[str]:
    """For each utterance the smallest of all texts that it hangs together with, through shared alternatives.

    Utterances with the same one share a text, or share texts with others that do.
    """
    return _smallest(_components(languages, texts))


def _smallest(components: Sequence[tuple[int, str, tuple[str, ...]]]) -> list[str]:
    """The language and smallest text of each utterance's component."""
    smallest: dict[int, tuple[str, str]] = {}
    for component, language, keys in components:
        candidate = min((language, key) for key in keys)
        smallest[component] = min(candidate, smallest.get(component, candidate))
    return [" ".join(smallest[component]) for component, _, _ in components]


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


def by_text_filled(
    languages: Sequence[str],
    texts: Sequence[str],
    shares: Mapping[str, float],
    pinned: Collection[int] = (),
) -> list[str]:
    """As `by_text`, but the first split is not empty, and the others have half their shares at least.

    The hashes of few texts leave splits empty. Such a split takes components from the fullest one, those of
    the smallest hashes first.

    Args:
        languages: The orthography of each utterance.
        texts: The text of each utterance.
        shares: Of the utterances, by split.
        pinned: Utterances that stay in the first split, and all that share a text with them.

    Raises:
        ValueError: The texts have fewer components than there are splits.
    """
    components = _components(languages, texts)
    labels = [label for label, _, _ in components]
    assigned = _of_components(components, shares)
    return _filled(labels, texts, assigned, shares, {labels[row] for row in pinned})


def by_key_filled(keys: Sequence[str], shares: Mapping[str, float]) -> list[str]:
    """As `by_key`, but the first split is not empty, and the others have half their shares at least.

    Raises:
        ValueError: There are fewer keys than splits.
    """
    return _filled(list(range(len(keys))), keys, by_key(keys, shares), shares, set())


def _filled(
    labels: Sequence[int],
    names: Sequence[str],
    assigned: Sequence[str],
    shares: Mapping[str, float],
    pinned: Collection[int],
) -> list[str]:
    """Splits of utterances whose components (labels) are moved until no split is too small."""
    sizes = Counter(labels)
    first, *others = shares
    if len(sizes) < len(shares) or len(sizes) - len(pinned) < len(others):
        known = f", {len(pinned)} of which must be trained on," if pinned else ""
        texts = counted(len(sizes), "different text")
        raise ValueError(f"it has {texts}{known} but {len(shares)} splits need one each")
    split_of = dict(zip(labels, assigned, strict=True)) | dict.fromkeys(pinned, first)
    smallest: dict[int, float] = {}
    for label, name in zip(labels, names, strict=True):
        smallest[label] = min(hash_fraction(name), smallest.get(label, 1.0))
    waiting = sorted(sizes.keys() - set(pinned), key=lambda label: smallest[label])
    for split, share in shares.items():
        goal = 1 if split == first else max(1, round(share * len(labels) / 2))
        while sum(sizes[label] for label in sizes if split_of[label] == split) < goal:
            spare = _spare(split, split_of, sizes, waiting)
            if spare is None:
                break
            split_of[spare] = split
            waiting.remove(spare)
    return [split_of[label] for label in labels]


def _spare(
    name: str, split_of: Mapping[int, str], sizes: Mapping[int, int], waiting: Sequence[int]
) -> int | None:
    """The first waiting component of the fullest other split that can do without one."""
    components = Counter(split_of.values())
    full: Counter[str] = Counter()
    for label, split in split_of.items():
        if split != name and components[split] > 1:
            full[split] += sizes[label]
    for split in sorted(full, key=lambda split: (-full[split], split)):
        for label in waiting:
            if split_of[label] == split:
                return label
    return None


def by_fewest_spoken(speakers: Sequence[str], shares: Mapping[str, float]) -> list[str]:
    """A split per utterance; each speaker is in one split, and those who spoke least are held out.

    So the first split keeps as much speech as it can, as Common Voice's own splits do. The other splits take
    speakers in turn until each has its share of the utterances.

    Raises:
        ValueError: Fewer speakers than splits, or shares that do not add up to 1.
    """
    _check(shares)
    spoken = Counter(speakers)
    first, *others = shares
    if len(spoken) < len(shares):
        raise ValueError(f"{len(spoken)} speakers are too few for {len(shares)} splits; split by text")
    queue = sorted(spoken, key=lambda speaker: (spoken[speaker], hash_fraction(speaker), speaker))
    split_of: dict[str, str] = {}
    held = dict.fromkeys(others, 0)
    hungry = list(others)
    while hungry and len(split_of) < len(queue) - 1:
        name = hungry.pop(0)
        speaker = queue[len(split_of)]
        split_of[speaker] = name
        held[name] += spoken[speaker]
        if held[name] < shares[name] * len(speakers):
            hungry.append(name)
    return [split_of.get(speaker, first) for speaker in speakers]


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
