"""The same syllables in another romanisation."""

from __future__ import annotations

import re

from speechtl.languages.syllables import NEUTRAL, SyllableOrthography, Token

_FRAGMENT = re.compile(r"([^0-9]+)(0[0-9]?)")


def shares_syllables(first: SyllableOrthography, second: SyllableOrthography) -> bool:
    """Whether two romanisations have the same units, as Tâi-lô and Pe̍h-ōe-jī do."""
    return first.scheme.inventory == second.scheme.inventory


def respelled(text: str, source: SyllableOrthography, target: SyllableOrthography) -> str:
    """The first reading of a text in another romanisation, in canonical form.

    A fragment that a recogniser left of a syllable (`choa0` without tone, `ka4` with one that its final
    cannot carry) is respelled too. What is neither stays as it is.
    """
    assert shares_syllables(source, target), f"{source.tag} and {target.tag} do not spell the same syllables"
    return " ".join(
        (NEUTRAL if token.neutral else "") + _respelled(token, source, target)
        for token in source.tokens(text)
    )


def strangers(text: str, rules: SyllableOrthography) -> list[str]:
    """The pieces of the first reading that are neither syllables nor fragments of any."""
    return [
        token.text
        for token in rules.tokens(text)
        if token.text and token.parts is None and not _is_fragment(token.text, rules)
    ]


def _respelled(token: Token, source: SyllableOrthography, target: SyllableOrthography) -> str:
    if token.parts is not None:
        return target.canonical(token.parts)
    matched = _FRAGMENT.fullmatch(token.text)
    read = source.scheme.read(matched[1], source.table) if matched else None
    if matched is None or read is None or len(read) > 1:
        return token.text
    return target.scheme.base(read[0].initial, read[0].final) + matched[2]


def _is_fragment(text: str, rules: SyllableOrthography) -> bool:
    """Whether this is how `spell` writes an initial, a final or a tone on its own."""
    matched = _FRAGMENT.fullmatch(text)
    if matched is None:
        return len(text) == 2 and text[0] == "0" and text[1] in rules.scheme.tone_numbers
    return matched[1] in rules.scheme.initials or rules.scheme.read(matched[1], rules.table) is not None
