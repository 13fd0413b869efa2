"""From a text to what espeak-ng is given: the voice of each language, and what its rules would get wrong."""

from __future__ import annotations

import re

from speechtl.synthesis import taiwanese

TAIWANESE = "nan-Latn-tailo"
ACCENTS = (
    "en-us",
    "en-gb",
    "en-gb-scotland",
    "en-029",
    "en-us-nyc",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
)
"""espeak-ng's voices of English, which are the domains of a corpus of English: American, British, Scottish,
Caribbean, of New York, Received Pronunciation, of Lancashire, of the West Midlands."""
_VOICES = {TAIWANESE: taiwanese.VOICE, "en-gb": "en"}
_SYLLABIC_JYUTPING = re.compile(r"\b(m|ng)([1-6])")
_SYLLABIC_PHONEMES = {"m": "m-", "ng": "ng"}


def voice_of(language: str) -> str:
    """espeak-ng's voice for an orthography, or for an accent of English."""
    return _VOICES.get(language, language.lower())


def given(text: str, language: str, rate: int) -> str:
    """What the voice is given so that it says a text.

    Args:
        text: A text of the phrase book.
        language: Its orthography.
        rate: Words a minute of the utterance.
    """
    if language == TAIWANESE:
        return taiwanese.spoken(text, rate)
    if language == "yue-Latn-jyutping":
        # Syllables without vowel lose their tone where the voice reads them as text.
        return _SYLLABIC_JYUTPING.sub(lambda found: f"[[{_SYLLABIC_PHONEMES[found[1]]}{found[2]}]]", text)
    return text
