"""The tokenizer, which turns text into label ids and back, by the text rules of its language."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from speechtl.faults import listed
from speechtl.orthographies import orthography
from speechtl.units import KINDS, Kind, Pieces, TextSettings, Units, fit_pieces, units_of

__all__ = ["TextSettings", "Tokenizer", "orthography"]

FORMAT = "speechtl tokenizer"
FORMAT_VERSION = 2
_FIRST_VERSION = 1
"""Of tokenizers in the orthography's own units, which every speechtl reads."""


@dataclass(frozen=True)
class Tokenizer:
    """Label ids of the units of one language: unit i has id i + 1, the CTC blank is id 0."""

    language: str
    """The orthography: a BCP-47 tag."""
    units: tuple[str, ...]
    """The units, without blank, in the order of their ids."""
    kind: Kind = "default"
    """What the units are."""
    model: str = field(default="", repr=False)
    """SentencePiece's model in base 64, for units of that kind."""

    def __post_init__(self) -> None:
        if not self.units or not all(isinstance(unit, str) and unit for unit in self.units):
            raise ValueError(f"a tokenizer of {self.language} needs units that are texts, got {self.units!r}")
        if len(set(self.units)) < len(self.units):
            twice = sorted({unit for unit in self.units if self.units.count(unit) > 1})
            raise ValueError(f"units of {self.language} that occur more than once: {listed(twice)}")
        if self.kind not in KINDS:
            raise ValueError(f"units of the kind {self.kind!r}; expected one of {', '.join(KINDS)}")
        if self.kind == "sentencepiece":
            model = Pieces(orthography(self.language), self.model)
            if model.vocabulary != self.units:
                raise ValueError("the units are not those of the SentencePiece model")

    @classmethod
    def fit(cls, texts: Iterable[str], language: str, settings: TextSettings | None = None) -> Tokenizer:
        """The tokenizer with the units that occur in training texts, in code point order.

        Args:
            texts: The training texts.
            language: Their orthography.
            settings: Which units; the orthography's own by default. SentencePiece's keep its order.

        Raises:
            ValueError: No text, texts without a unit or that cannot be cut into units (all are listed), a
                tag that does not choose an orthography, or units that the orthography does not have.
        """
        rules, settings = orthography(language), settings or TextSettings()
        pieces = settings.units == "sentencepiece"
        cutting = units_of(rules, "default" if pieces else settings.units)
        units: set[str] = set()
        faults = []
        distinct = list(dict.fromkeys(texts))
        for text in distinct:
            try:
                found = cutting.cut(text)
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
        if pieces:
            fitted = fit_pieces(distinct, rules, settings)
            return cls(rules.tag, fitted.vocabulary, "sentencepiece", fitted.model)
        return cls(rules.tag, tuple(sorted(units)), settings.units)

    @property
    def has_grammar(self) -> bool:
        """Whether the orthography's grammar says which units may follow which."""
        return self.kind == "default" and orthography(self.language).syllabic

    @cached_property
    def _cutting(self) -> Units:
        return units_of(orthography(self.language), self.kind, self.model)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {unit: number for number, unit in enumerate(self.units, start=1)}

    @property
    def lacks_space(self) -> bool:
        """Whether it cannot write the space that parts words: all its training texts were single words."""
        rules = orthography(self.language)
        writes_letters = self.kind in ("default", "characters") and not rules.syllabic
        return writes_letters and rules.words and not self.separator

    @property
    def separator(self) -> tuple[int, ...]:
        """The label ids between two texts that are joined: the space's, where a space is a unit."""
        return (self._ids[" "],) if " " in self._ids else ()

    def encode(self, text: str) -> list[int]:
        """The label ids of a text, each at least 1; of printed alternatives, those of the first.

        Raises:
            ValueError: The text cannot be cut into units, or has units that the training texts lack.
        """
        units = self._cutting.cut(text)
        if unknown := self._unknown(units):
            raise ValueError(
                f"{text!r} has units that the tokenizer of {self.language} does not know: "
                f"{', '.join(map(repr, unknown))}; it knows those of its training texts. Leave the "
                "utterance out, or fit the tokenizer on texts that have them"
            )
        return [self._ids[unit] for unit in units]

    def count(self, text: str) -> int:
        """How many units a text has, unknown ones included.

        Raises:
            ValueError: The text cannot be cut into units.
        """
        return len(self._cutting.cut(text))

    def unknown(self, text: str) -> list[str]:
        """The units of a text that the training texts lack.

        Raises:
            ValueError: The text cannot be cut into units.
        """
        return self._unknown(self._cutting.cut(text))

    def _unknown(self, units: Sequence[str]) -> list[str]:
        return [unit for unit in dict.fromkeys(units) if unit not in self._ids]

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
        return self._cutting.spell([self.units[number - 1] for number in ids])

    def save(self, path: str | Path) -> None:
        """Write the tokenizer as JSON, beside the file first, then in its place."""
        path = Path(path)
        document = {
            "format": FORMAT,
            "version": _FIRST_VERSION,
            "language": self.language,
            "units": list(self.units),
        }
        if self.kind != "default":
            document |= {"version": FORMAT_VERSION, "kind": self.kind, "model": self.model}
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
        kind, model = document.get("kind", "default"), document.get("model", "")
        parts_are_texts = all(isinstance(part, str) for part in (language, kind, model))
        if not isinstance(version, int) or version < 1 or not parts_are_texts or not isinstance(units, list):
            raise ValueError(
                f"{path} is damaged: no version, language and list of units. Restore it from a copy"
            )
        try:
            return cls(orthography(language).tag, tuple(units), kind, model)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is damaged: {error}. Restore it from a copy") from error
