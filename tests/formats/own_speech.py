"""Speech of a user's own for the tests of formats: clips with awkward names, texts and ids."""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from speechtl.audio import read_pcm, write_audio
from speechtl.corpus import Corpus, Utterance
from speechtl.formats import read

TAILO = "tsi̍t puànn"
NAMES = ("a b", "it's", "一半 日頭", 'q"q', "o͘", "50%20,x", "ends.")
TEXTS = (
    unicodedata.normalize("NFC", TAILO),
    unicodedata.normalize("NFD", TAILO),
    'he said "no", it\'s',
    "一半 日頭",
    "a,b; c\\",
    " spaces  kept ",
    "o͘ⁿ %25",
)


def sound(path: Path, seed: int = 0, seconds: float = 0.1, rate: int = 16_000) -> Path:
    """A clip of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-0.3, 0.3, round(rate * seconds))
    write_audio(path, noise, rate)
    return path


def awkward(folder: Path) -> Corpus:
    """One utterance for each name and text; both forms of the marks, some speakers and domains unknown."""
    utterances = []
    for number, (name, text) in enumerate(zip(NAMES, TEXTS, strict=True)):
        audio = sound(folder / "my clips" / f"{name}.wav", number)
        speaker, domain = (None, "說 話", "s'1")[number % 3], (None, 'the "radio"')[number % 2]
        split = ("train", "dev", "test")[number % 3]
        id_ = f"{number} {unicodedata.normalize('NFD', name)} '\"%"
        utterances.append(Utterance(id_, str(audio), text, "de", speaker, domain, 0.1, split))
    return Corpus.from_utterances("awkward", utterances)


def assert_same(found: Iterable[Utterance], expected: Corpus, is_copied: bool = False) -> None:
    """All utterances came back; where their audio was copied, its samples did."""
    by_id = {utterance.id: utterance for utterance in found}
    assert sorted(by_id) == sorted(expected.column("id"))
    for utterance in expected:
        back = by_id[utterance.id]
        if is_copied:
            assert (read_pcm(back.audio) == read_pcm(utterance.audio)).all()
            back = replace(back, audio=utterance.audio)
        assert back == utterance


def message_of(path: Path | str, **options: object) -> str:
    """What a user is told about faults."""
    from speechtl.formats import read_corpus

    with pytest.raises(ValueError, match="fault") as caught:
        read_corpus(path, **options)
    return str(caught.value)


def kinds(path: Path | str, **options: object) -> dict[str, list[str]]:
    """The places of each kind of fault."""
    found: dict[str, list[str]] = {}
    for fault in read(path, **options).faults:
        found.setdefault(fault.kind, []).append(fault.where)
    return found


def characters(without: str = "") -> st.SearchStrategy[str]:
    """Any that UTF-8 holds."""
    return st.characters(codec="utf-8", exclude_characters=without)


def texts(without: str = "") -> st.SearchStrategy[str]:
    """Texts with something spoken in them."""
    return st.text(characters(without), max_size=8).map(lambda text: f"o{text}")


def corpora(
    audio: Path, ids: st.SearchStrategy[str], values: st.SearchStrategy[str], splits: st.SearchStrategy[str]
) -> st.SearchStrategy[Corpus]:
    """Corpora of up to five utterances, all with the same audio.

    Args:
        audio: The file.
        ids: Their ids.
        values: Their texts, speakers and domains.
        splits: Their splits.
    """
    rows = st.lists(
        st.tuples(ids, values, st.none() | values, st.none() | values, splits),
        min_size=1,
        max_size=5,
        unique_by=lambda row: row[0],
    )
    build: Callable[[list[tuple[str, str, str | None, str | None, str]]], Corpus] = lambda found: (  # noqa: E731
        Corpus.from_utterances(
            "m",
            [
                Utterance(id_, str(audio), text, "de", speaker, domain, 0.1, split)
                for id_, text, speaker, domain, split in found
            ],
        )
    )
    return rows.map(build)
