"""Tâi-lô to espeak-ng's phonemes: every syllable with its tone, sandhi and checked finals.

espeak-ng speaks no Taiwanese. Its Mandarin voice has phonemes that come near, and as the only one of all its
voices a phoneme for each of many pitch contours (55, 33, 21, 214 and others). So every tone of Taiwanese is
asked for as a contour of its own, and nothing is changed in the sound afterwards.

- Tones (pitch from 1, low, to 5, high): 1 is 55, 2 is 51, 3 is 21, 5 is 214, 6 is 22, 7 is 33, 9 is 35; on
  finals with a stop 4 is 21 and 8 is 55. Speakers differ in 4 and 8; these lie as far apart as they get.
- Checked finals: the stops p, t, k and, for h, the glottal stop; the syllable is said 1.7 times as fast.
  espeak-ng releases a last p, t or k, faintly; speakers of Taiwanese do not.
- Tone sandhi: all syllables of a tone group but the last change their tones. 1 and 5 become 7, 7 and 6 become
  3, 3 becomes 2, 2 becomes 1, 4 and 8 become each other; with h, which is then not said, 4 becomes 2 and 8
  becomes 3; 9 stays. The spelling has the tones before sandhi. Where a group ends is a matter of syntax, so
  that the text has to say it, by a bar. The exceptions before the suffix á are not made.
- Neutral tone: what follows `--` up to the end of its group has the voice's short low one, and the syllable
  before it keeps its own.
- Vowels: o is the central vowel of the south, oo the open one. The voice has no nasal vowels: -nn is a
  palatal nasal after the vowel, which tells it from -n, -ng and -m but is not what people say. The finals
  -er, -ere and -ir, letters for dialects, are refused.

The tones and their sandhi are those of the Ministry of Education (Taiwan), 臺灣台語羅馬字拼音方案使用手冊.
"""

from __future__ import annotations

from speechtl.languages.nan_latn_tailo import ORTHOGRAPHY
from speechtl.languages.syllables import Token

VOICE = "cmn-latn-pinyin"
"""The voice whose phonemes these are."""
GROUP_END = "|"
"""Ends a tone group inside a text, as a word of its own."""
CONTOURS = dict(zip("123456789", ("55", "51", "21", "21", "214", "22", "33", "55", "35"), strict=True))
"""Tone number to the voice's phoneme for its contour."""
CHECKED_SPEED = 1.7
"""How much faster a checked syllable is said."""

_NEUTRAL_CONTOUR = "11"
_SANDHI = dict(zip("123456789", "712873349", strict=True))
_GLOTTAL_SANDHI = {"4": "2", "8": "3"}
_INITIALS = {"ng": "N", "j": "z"}
_BEFORE_I = {"ts": "tS;", "tsh": "tS;h", "j": "dZ;", "s": "S;"}
_VOWELS = {
    "a": "a",
    "ai": "ai",
    "au": "Au",
    "e": "e",
    "i": "i",
    "ia": "ja",
    "iau": "jAu",
    "io": "j@",
    "ioo": "jo",
    "iu": "ju",
    "o": "@",
    "oo": "o",
    "u": "u",
    "ua": "wa",
    "uai": "wai",
    "ue": "we",
    "ui": "wi",
}
_SYLLABIC = {"m": "m-", "ng": "N-"}
_CODAS = {"nn": "n^", "ng": "N", "m": "m", "n": "n", "p": "p", "t": "t", "k": "k"}
_OPEN_BEFORE_CODA = {"o": "oo", "io": "ioo"}
_RAISED = {"ian": "jE", "iat": "jE"}
"""Finals whose vowel is not that of their letters."""
_DIALECTAL = ("er", "ir")


def spoken(text: str, rate: int) -> str:
    """What the voice is given for a text in Tâi-lô.

    >>> spoken("ka-pi", 160)
    '[[ka33]] [[pi55]]'

    Args:
        text: Words, with a bar where a tone group ends; the end of the text ends one too.
        rate: Words a minute; each checked syllable brings a faster one, and the next the old one again.

    Raises:
        ValueError: The text is no Tâi-lô, or has a final of dialects.
    """
    pieces = []
    current = rate
    for syllable in syllables(text):
        wanted = round(rate * CHECKED_SPEED) if syllable[-1] in "ptk?" else rate
        # An embedded command of espeak-ng: at this rate from here on.
        command = f"\x01{wanted}S" if wanted != current else ""
        pieces.append(f"{command}[[{syllable}]]")
        current = wanted
    return " ".join(pieces)


def written(text: str) -> str:
    """The text as a corpus has it, without bars."""
    return " ".join(word for word in text.split() if word != GROUP_END)


def syllables(text: str) -> list[str]:
    """The voice's phonemes of every syllable, tones after sandhi.

    >>> syllables("lâi | khì--ah")
    ['lai214', 'khi21', 'a11?']

    Raises:
        ValueError: The text is no Tâi-lô, or has a final of dialects.
    """
    ORTHOGRAPHY.units(written(text))
    groups = [ORTHOGRAPHY.tokens(group) for group in text.split(GROUP_END)]
    return [syllable for group in groups for syllable in _group(group)]


def phonemes(initial: str, final: str, contour: str) -> str:
    """One syllable in the voice's phonemes.

    >>> phonemes("tsh", "iann", "51"), phonemes("k", "ok", "21")
    ('tS;hja51n^', 'ko21k')

    Raises:
        ValueError: The final is one of dialects.
    """
    if final.startswith(_DIALECTAL):
        raise ValueError(
            f"the final -{final} is one of dialects, which have no phonemes here; use another word"
        )
    onset = _BEFORE_I.get(initial) if final.startswith("i") else None
    onset = onset or _INITIALS.get(initial, initial)
    open_part, glottal = final.removesuffix("h"), "?" if final.endswith("h") else ""
    if open_part in _SYLLABIC:
        return f"{onset}{_SYLLABIC[open_part]}{contour}{glottal}"
    ending = next((letters for letters in _CODAS if open_part.endswith(letters)), "")
    letters = open_part.removesuffix(ending)
    vowel = _VOWELS[_OPEN_BEFORE_CODA.get(letters, letters) if ending else letters]
    return f"{onset}{_RAISED.get(final, vowel)}{contour}{_CODAS.get(ending, '')}{glottal}"


def _group(tokens: list[Token]) -> list[str]:
    """A tone group's syllables: the last full one, and what is neutral after it, are not changed."""
    is_neutral = [token.neutral for token in tokens]
    last = (is_neutral.index(True) if any(is_neutral) else len(tokens)) - 1
    found = []
    for place, token in enumerate(tokens):
        assert token.parts is not None
        initial, final, tone = token.parts
        if place > last:
            found.append(phonemes(initial, final, _NEUTRAL_CONTOUR))
        elif place == last:
            found.append(phonemes(initial, final, CONTOURS[tone]))
        elif final.endswith("h"):
            found.append(phonemes(initial, final[:-1], CONTOURS[_GLOTTAL_SANDHI[tone]]))
        else:
            found.append(phonemes(initial, final, CONTOURS[_SANDHI[tone]]))
    return found
