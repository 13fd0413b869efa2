"""Text rules by language tag, and the tokenizer that turns text into label ids and back."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path

from speechtl.faults import listed
from speechtl.languages.base import Orthography

FORMAT = "speechtl tokenizer"
FORMAT_VERSION = 1

_RULES = ("ar", "cmn-Latn-pinyin", "en", "nan-Latn-tailo", "yue-Latn-jyutping")
_USUAL_SCRIPTS = {"ar-Arab": "ar", "en-Latn": "en"}
_CHOICES = {
    "nan": ("nan-Latn-tailo", "nan-Hant"),
    "cmn": ("cmn-Latn-pinyin", "cmn-Hans", "cmn-Hant"),
    "yue": ("yue-Latn-jyutping", "yue-Hant"),
    "zh": ("cmn-Latn-pinyin", "cmn-Hans", "cmn-Hant", "yue-Latn-jyutping", "yue-Hant", "nan-Latn-tailo"),
}
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)"
)


@lru_cache(maxsize=1024)
def orthography(tag: str) -> Orthography:
    """The text rules that a BCP-47 tag chooses.

    The rules know the tag in its canonical case. A region changes no rule: en-GB is written as en. A tag
    that no file of `speechtl.languages` is for gets the default, which is safe for every script. A
    language that is written in several ways must say which one is meant.

    Raises:
        ValueError: The tag is malformed, or not enough to choose the rules.
    """
    matched = _TAG.fullmatch(tag.lower())
    if matched is None:
        raise ValueError(
            f"{tag!r} is no language tag; expected a BCP-47 tag, a language of two or three letters and, "
            "joined by hyphens, script and variant where they matter, such as "
            f"{', '.join(_RULES)} or cmn-Hans"
        )
    language, script, region = matched["language"], (matched["script"] or "").title(), matched["region"]
    parts = [language, script, matched["variants"].strip("-")]
    rules = "-".join(part for part in parts if part)
    rules = _USUAL_SCRIPTS.get(rules, rules)
    if language in _CHOICES and script in {"", "Latn"} and rules not in _RULES:
        choices = ", ".join(_CHOICES[language])
        raise ValueError(f"{tag!r} does not say how the text is written; choose one of {choices}")
    parts.insert(2, (region or "").upper())
    canonical = "-".join(part for part in parts if part) + matched["extensions"]
    if rules not in _RULES:
        return Orthography(canonical)
    module = import_module(f"speechtl.languages.{rules.lower().replace('-', '_')}")
    known: Orthography = module.ORTHOGRAPHY
    return replace(known, tag=canonical)


@dataclass(frozen=True)
class Tokenizer:
    """Label ids of the units of one language: unit i has id i + 1, the CTC blank is id 0."""

    language: str
    """The orthography: a BCP-47 tag."""
    units: tuple[str, ...]
    """The units, without blank, in the order of their ids."""

    def __post_init__(self) -> None:
        if not self.units or not all(isinstance(unit, str) and unit for unit in self.units):
            raise ValueError(f"a tokenizer of {self.language} needs units that are texts, got {self.units!r}")
        if len(set(self.units)) < len(self.units):
            twice = sorted({unit for unit in self.units if self.units.count(unit) > 1})
            raise ValueError(f"units of {self.language} that occur more than once: {listed(twice)}")

    @classmethod
    def fit(cls, texts: Iterable[str], language: str) -> Tokenizer:
        """The tokenizer with the units that occur in training texts, in code point order.

        Raises:
            ValueError: No text, texts without a unit or that cannot be cut into units (all are listed), or
                a tag that does not choose an orthography.
        """
        rules = orthography(language)
        units: set[str] = set()
        faults = []
        for text in dict.fromkeys(texts):
            try:
                found = rules.units(text)
            except ValueError as error:
                faults.append(str(error))
                continue
            units.update(found)
            if not found:
                faults.append(f"{text!r}: nothing in it is spoken. Correct it or leave the utterance out")
        if faults:
            count = f"{len(faults)} text{'s' * (len(faults) > 1)} of {rules.tag}"
            raise ValueError(f"{count} cannot be cut into units:\n" + listed(faults, separator="\n"))
        if not units:
            raise ValueError(f"no texts to fit a tokenizer of {rules.tag} on; give the training texts")
        return cls(rules.tag, tuple(sorted(units)))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {unit: number for number, unit in enumerate(self.units, start=1)}

    def encode(self, text: str) -> list[int]:
        """The label ids of a text, each at least 1; of printed alternatives, those of the first.

        Raises:
            ValueError: The text cannot be cut into units, or has units that the training texts lack.
        """
        units = orthography(self.language).units(text)
        if unknown := list(dict.fromkeys(unit for unit in units if unit not in self._ids)):
            raise ValueError(
                f"{text!r} has units that the tokenizer of {self.language} does not know: "
                f"{', '.join(map(repr, unknown))}; it knows those of its training texts. Leave the "
                "utterance out, or fit the tokenizer on texts that have them"
            )
        return [self._ids[unit] for unit in units]

    def decode(self, ids: Sequence[int]) -> str:
        """The normalised text that label ids spell, ill-formed sequences included.

        Raises:
            ValueError: An id is blank or belongs to no unit.
        """
        wrong = [number for number in ids if not 1 <= number <= len(self.units)]
        if wrong:
            raise ValueError(
                f"label ids of {self.language} are 1 to {len(self.units)}, got {listed(wrong)}; "
                "collapse repetitions and drop the blank, 0, first"
            )
        return orthography(self.language).spell([self.units[number - 1] for number in ids])

    def save(self, path: str | Path) -> None:
        """Write the tokenizer as JSON, beside the file first, then in its place."""
        path = Path(path)
        document = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "language": self.language,
            "units": list(self.units),
        }
        beside = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with beside.open("w", encoding="utf-8") as file:
                json.dump(document, file, ensure_ascii=False, indent=1)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged, foreign or of a newer speechtl.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; expected a tokenizer that speechtl saved")
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is damaged: no JSON ({error}). Restore it from a copy") from error
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError(f"{path} is no tokenizer of speechtl: it lacks the format {FORMAT!r}")
        version, language, units = (document.get(key) for key in ("version", "language", "units"))
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise ValueError(
                f"{path} has format version {version}, this speechtl reads up to {FORMAT_VERSION}; update it"
            )
        if version != FORMAT_VERSION or not isinstance(language, str) or not isinstance(units, list):
            raise ValueError(
                f"{path} is damaged: no version, language and list of units. Restore it from a copy"
            )
        try:
            return cls(orthography(language).tag, tuple(units))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is damaged: {error}. Restore it from a copy") from error
