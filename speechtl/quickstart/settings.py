"""What a quickstart is asked for, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass

from speechtl.synthesis import LANGUAGES
from speechtl.synthesis.pronunciation import TAIWANESE

NAMES = {
    "cmn-Latn-pinyin": "Mandarin",
    "yue-Latn-jyutping": "Cantonese",
    "vi": "Vietnamese",
    "en": "English",
    "de": "German",
    "es": "Spanish",
    TAIWANESE: "Taiwanese",
}
"""What the languages are called in tables and sentences."""


@dataclass(frozen=True)
class Size:
    """How much is said, and how long it is trained on."""

    name: str
    """In quickstart.json."""
    source_train: int
    """Training utterances of each of the source's languages."""
    source_test: int
    """Test utterances of each of the source's languages."""
    minutes: float
    """Minutes of the target that are trained on."""
    target_speakers: tuple[str, ...]
    """Whose minutes they are, as a few people are all that one finds at first; empty: all training voices."""
    target_train: int
    """Utterances of the target to draw these minutes from; an utterance has one second or more."""
    target_test: int
    """Test utterances of the target."""
    accent_train: int
    """Utterances of the other accent, without labels."""
    accent_test: int
    """Test utterances of the other accent."""
    dev: int
    """Dev utterances of each language."""
    dim: int
    """Width of the encoder."""
    source_steps: int
    """Steps of the source."""
    target_steps: int
    """Steps of each method, and of scratch."""
    accent_steps: int
    """Steps on two accents."""


FULL = Size(
    name="full",
    source_train=500,
    source_test=50,
    minutes=3.0,
    target_speakers=("f1", "m1", "Annie", "m4"),
    target_train=1200,
    target_test=300,
    accent_train=200,
    accent_test=200,
    dev=40,
    dim=96,
    source_steps=1500,
    target_steps=300,
    accent_steps=150,
)
SMOKE = Size(
    name="smoke",
    source_train=60,
    source_test=6,
    minutes=0.75,
    target_speakers=(),
    target_train=50,
    target_test=16,
    accent_train=20,
    accent_test=16,
    dev=6,
    dim=32,
    source_steps=30,
    target_steps=12,
    accent_steps=6,
)


@dataclass(frozen=True)
class Quickstart:
    """Which quickstart."""

    language: str = TAIWANESE
    """The target; all other languages but Taiwanese are the source's."""
    seed: int = 0
    """Of the speech and of all runs; not negative."""
    size: Size = FULL
    """How large it is."""

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(
                f"there are no texts to synthesise in {self.language!r}; there are in {', '.join(LANGUAGES)}"
            )
        if self.seed < 0:
            raise ValueError(f"seed={self.seed}; expected 0 or more")

    @property
    def sources(self) -> tuple[str, ...]:
        """The languages that the source is trained on."""
        return tuple(tag for tag in LANGUAGES if tag not in (self.language, TAIWANESE))
