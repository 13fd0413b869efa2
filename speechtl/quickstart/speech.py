"""Which synthetic speech a quickstart needs: sources, a target, and a pair of accents."""

from __future__ import annotations

from dataclasses import dataclass

from speechtl.quickstart.settings import Quickstart
from speechtl.synthesis import Wanted

ACCENT, OTHER_ACCENT = "en-us", "en-gb-scotland"
"""English as the labelled speech has it, and as the speech without labels has it."""


@dataclass(frozen=True)
class Speech:
    """The corpora of a quickstart; no speaker of a test set is in any training."""

    sources: tuple[Wanted, ...]
    target: Wanted
    accent: Wanted
    """English with labels: one of the sources, or the target if that is English."""
    other_accent: Wanted
    """English by other speakers, who are heard without labels or tested."""

    @property
    def all(self) -> tuple[Wanted, ...]:
        """Each corpus once."""
        return (*self.sources, self.target, self.other_accent)


def speech_of(chosen: Quickstart) -> Speech:
    """The corpora of a quickstart. English is American, so that the other accent is new to every model."""
    size = chosen.size
    target = _wanted(chosen.language, size.target_train, size.dev, size.target_test)
    sources = tuple(_wanted(tag, size.source_train, size.dev, size.source_test) for tag in chosen.sources)
    return Speech(
        sources,
        target,
        accent=next(one for one in (*sources, target) if one.language == "en"),
        other_accent=Wanted(
            "en", size.accent_train, size.dev, size.accent_test, accents=(OTHER_ACCENT,), half="second"
        ),
    )


def _wanted(language: str, train: int, dev: int, test: int) -> Wanted:
    if language == "en":
        return Wanted(language, train, dev, test, accents=(ACCENT,), half="first")
    return Wanted(language, train, dev, test)
