"""The text rules that a language tag chooses."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from importlib import import_module

from speechtl.languages.base import Orthography

KNOWN = (
    "ar",
    "cmn-Hans",
    "cmn-Hant",
    "cmn-Latn-pinyin",
    "en",
    "nan-Hant",
    "nan-Latn-pehoeji",
    "nan-Latn-tailo",
    "yue-Latn-jyutping",
)
"""Tags with rules of their own."""
_SAME_RULES = {"ar-Arab": "ar", "en-Latn": "en", "zh-Hans": "cmn-Hans", "zh-Hant": "cmn-Hant"}
"""Other names of one language in one script."""
_SAME_CHARACTERS = {"yue-Hans": "cmn-Hans", "yue-Hant": "cmn-Hant"}
"""Another language, written by the same rules."""
_ROMANISATIONS = {"nan-tailo": "Latn", "nan-pehoeji": "Latn"}
"""Variants that imply the script, as Common Voice writes them (nan-TW-tailo)."""
_NAN = ("nan-Latn-tailo", "nan-Latn-pehoeji", "nan-Hant")
_CMN = ("cmn-Latn-pinyin", "cmn-Hans", "cmn-Hant")
_YUE = ("yue-Latn-jyutping", "yue-Hant")
_CHOICES = {"nan": _NAN, "cmn": _CMN, "yue": _YUE, "zh": (*_CMN, *_YUE, *_NAN)}
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)"
)


def canonical_tag(tag: str, role: str) -> str:
    """The tag in canonical case, of a language that somebody gave.

    Raises:
        ValueError: It chooses no rules; the message begins with its role.
    """
    try:
        return orthography(tag).tag
    except ValueError as error:
        raise ValueError(f"{role}: {error}") from error


@lru_cache(maxsize=1024)
def orthography(tag: str) -> Orthography:
    """The text rules that a BCP-47 tag chooses.

    The rules know the tag in its canonical case. A region changes no rule: en-GB is written as en. A tag
    that no file of `speechtl.languages` is for gets the default, which is safe for every script. A
    language that is written in several ways must say which one is meant.

    >>> [orthography(tag).folded_as for tag in ("en-GB", "en-x-own", "zh-Hant", "yue-Hant-HK")]
    ['en', 'en', 'cmn-Hant', 'yue-Hant']
    >>> [orthography(tag).folded_as for tag in ("nan-Latn-TW-tailo", "es-419", "en-Latn-u-co-phonebk")]
    ['nan-Latn-tailo', 'es', 'en']

    Raises:
        ValueError: The tag is malformed, or not enough to choose the rules.
    """
    matched = _TAG.fullmatch(tag.lower())
    if matched is None:
        raise ValueError(
            f"{tag!r} is no language tag; expected a BCP-47 tag, a language of two or three letters and, "
            "joined by hyphens, script and variant where they matter, such as "
            f"{', '.join(KNOWN)} or pt"
        )
    language, region, variants = matched["language"], matched["region"], matched["variants"].strip("-")
    script = (matched["script"] or "").title() or _ROMANISATIONS.get(f"{language}-{variants}", "")
    parts = [language, script, variants]
    own = "-".join(part for part in parts if part)
    own = _SAME_RULES.get(own, own)
    rules = _SAME_CHARACTERS.get(own, own)
    if language in _CHOICES and script in {"", "Latn"} and rules not in KNOWN:
        choices = ", ".join(_CHOICES[language])
        raise ValueError(f"{tag!r} does not say how the text is written; choose one of {choices}")
    parts.insert(2, (region or "").upper())
    canonical = "-".join(part for part in parts if part) + matched["extensions"]
    if rules not in KNOWN:
        return Orthography(canonical, rules=own)
    module = import_module(f"speechtl.languages.{rules.lower().replace('-', '_')}")
    known: Orthography = module.ORTHOGRAPHY
    return replace(known, tag=canonical, rules=own)


def regionless(tag: str) -> str:
    """The tag without its region, on which no text rule depends: en of en-GB, cmn-Hant of zh-Hant-TW."""
    canonical = orthography(tag).tag
    matched = _TAG.fullmatch(canonical.lower())
    assert matched is not None
    region = matched["region"]
    without = canonical.replace(f"-{region.upper()}", "", 1) if region else canonical
    return _SAME_RULES.get(without, without)
