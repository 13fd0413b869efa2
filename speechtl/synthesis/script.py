"""The script of a synthetic corpus: who says what, how, and in which split; nothing is synthesised yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Literal

from speechtl.corpus import SHARES, SplitBy
from speechtl.partition import by_key
from speechtl.synthesis import taiwanese
from speechtl.synthesis.engine import Delivery
from speechtl.synthesis.phrasebook import PHRASES, Phrases
from speechtl.synthesis.pronunciation import ACCENTS, TAIWANESE
from speechtl.synthesis.speakers import Speaker, speakers, varied

Half = Literal["first", "second"]
_SINGLE = 0.3
"""Share of utterances that are a single digit or a command."""
_STRINGS = 0.25
"""Share of utterances that are several digits."""
_TRIES = 20
"""So many texts are tried for one that the speaker has not said yet."""


@dataclass(frozen=True)
class Wanted:
    """One synthetic corpus that is asked for."""

    language: str
    """The orthography, one of `LANGUAGES`."""
    train: int
    """Utterances."""
    dev: int
    """Utterances."""
    test: int
    """Utterances."""
    accents: tuple[str, ...] = ()
    """Accents of English, of `ACCENTS`, that pairs of speakers have in turn; all of these by default. Other
    languages are spoken in one way."""
    half: Half | None = None
    """Only every second pair of speakers of each split, from the first or the second one on, so that two
    corpora of one language have no speaker in common; all by default."""
    name: str = ""
    """The corpus's; synthetic_ and the language by default, or the accent where there is one."""

    def __post_init__(self) -> None:
        if self.language not in PHRASES:
            raise ValueError(
                f"there are no texts to synthesise in {self.language!r}; there are in {', '.join(PHRASES)}"
            )
        if min(self.train, self.dev, self.test) < 1:
            raise ValueError(f"{self.language}: train, dev and test each need at least 1 utterance")
        if self.accents and self.language != "en":
            raise ValueError(f"{self.language}: accents are for en; leave {', '.join(self.accents)} out")
        if strange := [accent for accent in self.accents if accent not in ACCENTS]:
            raise ValueError(f"no accents {', '.join(strange)}; there are {', '.join(ACCENTS)}")
        if self.half not in (None, "first", "second"):
            raise ValueError(f"{self.language}: half is {self.half!r}; use first, second or None")
        named = self.accents[0] if len(self.accents) == 1 else self.language
        default = f"synthetic_{named.lower().replace('-', '_')}"
        if self.name and not self.name.startswith("synthetic_"):
            raise ValueError(f"corpus {self.name!r}: the names of synthetic corpora begin with synthetic_")
        object.__setattr__(self, "name", self.name or default)

    @property
    def utterances(self) -> Mapping[str, int]:
        """How many of each split."""
        return {"train": self.train, "dev": self.dev, "test": self.test}

    @property
    def split_by(self) -> SplitBy:
        """What no two splits share: in the target texts, otherwise speakers; none of them shares speakers."""
        return "text" if self.language == TAIWANESE else "speaker"


@dataclass(frozen=True)
class Line:
    """One utterance of a script."""

    id: str
    text: str
    """Phrases of the book; in Tâi-lô with bars."""
    split: str
    speaker: str
    """A variant."""
    spoken_as: str
    """An accent of English, else the language."""
    delivery: Delivery
    seed: int
    """Of the noise in the sound."""


def dealt(language: str, utterances: int) -> Wanted:
    """So many utterances of a language in all: 80 % training, 8 % dev, 12 % test, and at least one of each.

    Raises:
        ValueError: There are fewer than three, or no texts in this language.
    """
    if utterances < 3:
        raise ValueError(
            f"{utterances} utterances asked for; train, dev and test need at least one each, so 3"
        )
    dev, test = (max(1, round(utterances * SHARES[split])) for split in ("dev", "test"))
    return Wanted(language, utterances - dev - test, dev, test)


def script(wanted: Wanted, seed: int) -> list[Line]:
    """The utterances of a corpus; with fewer asked for they are the first ones of each split."""
    return [
        line
        for split, utterances in wanted.utterances.items()
        for line in islice(_lines(wanted, split, seed), utterances)
    ]


def _lines(wanted: Wanted, split: str, seed: int) -> Iterator[Line]:
    """Utterances of a split without end."""
    random = Random(f"script {seed} {wanted.name} {split}")
    texts = _texts(wanted, split, random)
    said: set[tuple[Speaker, str]] = set()
    turns = _turns(_cast(wanted, split, seed), random)
    for number, (speaker, spoken_as) in enumerate(turns, 1):
        text = next(texts)
        for _ in range(_TRIES):
            if (speaker, text) not in said:
                break
            text = next(texts)
        said.add((speaker, text))
        yield Line(
            id=f"{wanted.name}-{split}-{number:05d}",
            text=text,
            split=split,
            speaker=speaker.variant,
            spoken_as=spoken_as,
            delivery=varied(speaker.delivery, random),
            seed=random.randrange(1, 2**31),
        )


def _turns(cast: list[tuple[Speaker, str]], random: Random) -> Iterator[tuple[Speaker, str]]:
    """Everybody, in an order that is another one each time, without end."""
    while True:
        yield from random.sample(cast, len(cast))


def _cast(wanted: Wanted, split: str, seed: int) -> list[tuple[Speaker, str]]:
    """The speakers of a split, and the accent of English or the language that each one speaks."""
    everyone = speakers(split, seed)
    halves = {"first": (0, 1), "second": (2, 3), None: (0, 1, 2, 3)}
    chosen = [speaker for place, speaker in enumerate(everyone) if place % 4 in halves[wanted.half]]
    if wanted.language != "en":
        return [(speaker, wanted.language) for speaker in chosen]
    accents = wanted.accents or ACCENTS
    return [(speaker, accents[place // 2 % len(accents)]) for place, speaker in enumerate(chosen)]


def _texts(wanted: Wanted, split: str, random: Random) -> Iterator[str]:
    """Texts of a split without end; training begins with every word, so that no later one is new."""
    if split == "train":
        opening = _opening(wanted, random)
        yield from random.sample(opening, len(opening))
    while True:
        kind = random.random()
        text = _of_kind(PHRASES[wanted.language], kind, random)
        if _belongs(text, wanted, split, is_single=kind < _SINGLE):
            yield text


def _opening(wanted: Wanted, random: Random) -> list[str]:
    """Training texts: single ones, and sentences in which every choice of every slot occurs."""
    phrases = PHRASES[wanted.language]
    single = [*phrases.digits, *phrases.commands]
    texts = [text for text in single if _belongs(text, wanted, "train", is_single=True)]
    for pattern in phrases.patterns:
        sentences: list[str] = []
        while not sentences or not all(_belongs(one, wanted, "train", is_single=False) for one in sentences):
            slots = [random.sample(slot, len(slot)) for slot in pattern]
            turns = range(max(map(len, slots)))
            sentences = [" ".join(slot[turn % len(slot)] for slot in slots) for turn in turns]
        texts += sentences
    return texts


def _belongs(text: str, wanted: Wanted, split: str, is_single: bool) -> bool:
    """Whether a text is one of the split's: by its hash, but single ones of a source are all splits'."""
    if is_single and wanted.split_by == "speaker":
        return True
    return by_key([f"{wanted.language} {taiwanese.written(text)}"], SHARES) == [split]


def _of_kind(phrases: Phrases, kind: float, random: Random) -> str:
    if kind < _SINGLE:
        return random.choice(phrases.digits + phrases.commands)
    if kind < _SINGLE + _STRINGS:
        digits = [random.choice(phrases.digits) for _ in range(random.randint(2, 5))]
        return (f" {taiwanese.GROUP_END} " if phrases is PHRASES[TAIWANESE] else " ").join(digits)
    return " ".join(random.choice(slot) for slot in random.choice(phrases.patterns))
