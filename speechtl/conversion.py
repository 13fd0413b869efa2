"""Texts of one language in another orthography, where the spelling alone decides it.

Tâi-lô and Pe̍h-ōe-jī spell the same syllables and convert into each other without loss. Han characters have
several readings and do not say which is meant, and another language is another language: neither converts.
"""

from __future__ import annotations

from speechtl.faults import listed
from speechtl.languages.base import Orthography
from speechtl.languages.respelling import respelled, shares_syllables, strangers
from speechtl.languages.syllables import SyllableOrthography
from speechtl.orthographies import KNOWN, orthography, regionless


def convert(text: str, *, source: str, target: str) -> str:
    """A text in another orthography, in canonical form; printed alternatives stay alternatives.

    >>> convert("Tâi-oân", source="nan-Latn-pehoeji", target="nan-Latn-tailo")
    'tâi uân'
    >>> convert("tsi̍t lia̍p tsio̍h-thâu", source="nan-Latn-tailo", target="nan-Latn-pehoeji")
    'chi̍t lia̍p chio̍h thâu'

    Args:
        text: In the source's orthography.
        source: The tag of the text.
        target: The tag that is wanted.

    Raises:
        ValueError: The orthographies do not convert, or pieces of the text are no syllables.
    """
    rules = conversion(source, target)
    if rules is None:
        return "/".join(orthography(target).alternatives(text))
    before, after = rules
    readings = before.readings(text)
    if foreign := [piece for reading in readings for piece in strangers(reading, before)]:
        raise ValueError(
            f"{text!r} cannot be converted to {after.tag}: {listed([repr(one) for one in foreign])} "
            f"{'is' if len(foreign) == 1 else 'are'} not {before.scheme.name}. Correct the text, or leave it "
            "out"
        )
    return "/".join(dict.fromkeys(respelled(reading, before, after) for reading in readings))


def respell(text: str, *, source: str, target: str) -> str:
    """What a recogniser wrote, in another orthography; unlike `convert` it keeps what is no syllable.

    Raises:
        ValueError: The orthographies do not convert.
    """
    rules = conversion(source, target)
    return orthography(target).normalise(text) if rules is None else respelled(text, *rules)


def conversion(source: str, target: str) -> tuple[SyllableOrthography, SyllableOrthography] | None:
    """The rules of source and target; None where both tags mean the same orthography.

    Raises:
        ValueError: The orthographies do not convert.
    """
    before, after = orthography(source), orthography(target)
    if regionless(source) == regionless(target):
        return None
    if _converts(before, after):
        assert isinstance(before, SyllableOrthography)
        assert isinstance(after, SyllableOrthography)
        return before, after
    others = [tag for tag in KNOWN if tag != regionless(target) and _converts(orthography(tag), after)]
    known = f"; texts in {' or '.join(others)} can" if others else ""
    raise ValueError(
        f"texts in {before.tag} cannot be converted to {after.tag}: the spelling does not tell how{known}"
    )


def converts(source: str, target: str) -> bool:
    """Whether texts in one orthography can be had in another."""
    return regionless(source) == regionless(target) or _converts(orthography(source), orthography(target))


def _converts(before: Orthography, after: Orthography) -> bool:
    return (
        isinstance(before, SyllableOrthography)
        and isinstance(after, SyllableOrthography)
        and shares_syllables(before, after)
    )
