"""What a model was trained on, as hashes, and the refusal to test it on the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from speechtl.corpus import Corpus
from speechtl.faults import counted, listed
from speechtl.partition import text_keys
from speechtl.text import orthography


@dataclass(frozen=True)
class Fingerprints:
    """Hashes of everything a model, its ancestors included, was trained on."""

    audio: frozenset[str] = frozenset()
    """Digests of decoded samples."""
    texts: frozenset[str] = frozenset()
    """Of language and folded text, for every alternative."""
    speakers: frozenset[str] = frozenset()
    """Of corpus and speaker; unknown speakers have none."""
    dev: frozenset[str] = frozenset()
    """Digests of decoded samples that nothing was trained on, but weights chosen by."""

    @staticmethod
    def union(fingerprints: Iterable[Fingerprints]) -> Fingerprints:
        """What any of several was trained on."""
        several = list(fingerprints)
        return Fingerprints(
            audio=frozenset().union(*(one.audio for one in several)),
            texts=frozenset().union(*(one.texts for one in several)),
            speakers=frozenset().union(*(one.speakers for one in several)),
            dev=frozenset().union(*(one.dev for one in several)),
        )

    def to_dict(self) -> dict[str, list[str]]:
        """Sorted lists, for JSON."""
        return {name: sorted(values) for name, values in vars(self).items()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Fingerprints:
        """The inverse of `to_dict`; earlier versions stored no dev.

        Raises:
            ValueError: The dictionary is another one's.
        """
        if set(stored) | {"dev"} != {"audio", "texts", "speakers", "dev"} or not all(
            isinstance(v, list) for v in stored.values()
        ):
            raise ValueError(f"fingerprints need lists audio, texts and speakers; found {sorted(stored)}")
        return cls(**{name: frozenset(values) for name, values in stored.items()})


@dataclass(frozen=True)
class Shared:
    """Utterances of a test set that share something with the training, as is allowed there."""

    texts: int
    speakers: int
    dev: int
    """Those that were dev themselves."""


def fingerprint(corpus: Corpus, digests: Sequence[str]) -> Fingerprints:
    """Hashes of a training corpus.

    Args:
        corpus: What is trained on.
        digests: Of the decoded audio, one per utterance, as `Waveforms.digests` gives them.
    """
    return Fingerprints(
        audio=frozenset(digests),
        texts=frozenset(key for keys in _text_hashes(corpus) for key in keys),
        speakers=frozenset(key for key in _speaker_hashes(corpus) if key is not None),
    )


def heard(corpus: Corpus, digests: Sequence[str]) -> Fingerprints:
    """Hashes of a corpus that is heard without its labels: its texts are nothing that was trained on.

    Args:
        corpus: What is heard.
        digests: Of the decoded audio, one per utterance.
    """
    return replace(fingerprint(corpus, digests), texts=frozenset())


def check(trained: Fingerprints, corpus: Corpus, digests: Sequence[str], where: str) -> Shared:
    """Refuse a test on what was trained on; count what is shared and allowed.

    Identical audio is refused always; a text where the corpus is split by text; a speaker of the same corpus
    where it is split by speaker. Audio that only chose weights is counted.

    Args:
        trained: What the model and its ancestors were trained on.
        corpus: The test set.
        digests: Of its decoded audio, one per utterance.
        where: The name of the test set, for the message.

    Raises:
        ValueError: What is refused, all of it in one message.
    """
    ids, texts, speakers = (corpus.column(name) for name in ("id", "text", "speaker"))
    audio = [id_ for id_, digest in zip(ids, digests, strict=True) if digest in trained.audio]
    seen_texts = trained_texts(trained, corpus)
    seen_speakers = [i for i, key in enumerate(_speaker_hashes(corpus)) if key in trained.speakers]
    faults = []
    if audio:
        faults.append(
            f"identical audio in {counted(len(audio), 'utterance')}: {listed(audio)}; take them out of one "
            "side, or choose another split"
        )
    if seen_texts and corpus.split_by == "text":
        items = listed([f"{ids[i]} ({texts[i]})" for i in seen_texts])
        mend = "train on the corpus's train split, or split both together by text"
        faults.append(
            f"texts that were trained on in {counted(len(seen_texts), 'utterance')}: {items}; {mend}"
        )
    if seen_speakers and corpus.split_by == "speaker":
        named = listed(sorted({speakers[i] for i in seen_speakers}))
        mend = "train on the corpus's train split, or split both together by speaker"
        where_seen = counted(len(seen_speakers), "utterance")
        faults.append(f"speakers who were trained on in {where_seen}: {named}; {mend}")
    if faults:
        raise ValueError("\n".join([f"{where} holds what the model is trained on", *faults]))
    return Shared(len(seen_texts), len(seen_speakers), sum(digest in trained.dev for digest in digests))


def trained_texts(trained: Fingerprints, corpus: Corpus) -> list[int]:
    """The utterances, by their places, with a text that was trained on."""
    return [i for i, keys in enumerate(_text_hashes(corpus)) if not trained.texts.isdisjoint(keys)]


def _text_hashes(corpus: Corpus) -> Iterator[tuple[str, ...]]:
    """Hashes of all alternatives, per utterance."""
    known: dict[tuple[str, str], tuple[str, ...]] = {}
    for entry in zip(corpus.column("language"), corpus.column("text"), strict=True):
        if entry not in known:
            # Models of before the rules had one name have the tag itself.
            names = dict.fromkeys([orthography(entry[0]).folded_as, orthography(entry[0]).tag])
            keys = text_keys(*entry) if entry[1] else ()  # speech without a transcript has no text in common
            known[entry] = tuple(_hash("text", name, key) for name in names for key in keys)
        yield known[entry]


def _speaker_hashes(corpus: Corpus) -> Iterable[str | None]:
    for name in corpus.qualified_speakers:
        yield None if name is None else _hash("speaker", name)


def _hash(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()
