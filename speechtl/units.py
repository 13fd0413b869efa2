"""What a head emits: an orthography's units, syllables, characters, SentencePiece's pieces or whole texts."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

from speechtl.languages.base import Orthography, letters
from speechtl.languages.syllables import SyllableOrthography

if TYPE_CHECKING:
    import sentencepiece

Kind = Literal["default", "syllables", "characters", "sentencepiece", "whole"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_WORD_PIECES = 1_000
"""Most pieces, beside the characters, of a fitted SentencePiece vocabulary."""
WORDS_PER_PIECE = 4
"""Distinct training words for each piece of a fitted SentencePiece vocabulary."""
SPACE = "\u2581"
_UNKNOWN = 0
_USUAL_LENGTH = 4192
"""SentencePiece's own limit in bytes; it would pass over longer texts."""


@dataclass(frozen=True)
class TextSettings:
    """What texts are cut into, for the heads that a run adds; a source's heads keep their units."""

    units: Kind = "default"
    """`default`: those of the orthography: initials, finals and tones, or characters. `syllables`: whole
    syllables with their tone. `characters`: letters with their marks. `sentencepiece`: pieces of words.
    `whole`: every distinct text is a unit, a class of a classifier (model.head=classifier)."""
    vocabulary: int | Literal["fitted"] = "fitted"
    """Units of `sentencepiece`. `fitted`: the characters of the training texts, and a piece for every four
    of their distinct words, at most 1,000. The data may give fewer."""

    def __post_init__(self) -> None:
        if self.units not in KINDS:
            raise ValueError(f"text.units is {self.units!r}; expected one of {', '.join(KINDS)}")
        if self.vocabulary != "fitted" and self.units != "sentencepiece":
            raise ValueError(
                f"text.vocabulary={self.vocabulary} is for text.units=sentencepiece, not for {self.units}"
            )
        if self.vocabulary != "fitted" and self.vocabulary < 1:
            raise ValueError(f"text.vocabulary is {self.vocabulary}; expected 'fitted', or at least 1")


@dataclass(frozen=True)
class Units:
    """The orthography's own units: initials, finals and tones, or characters."""

    rules: Orthography

    def cut(self, text: str) -> list[str]:
        """The units of a text.

        Raises:
            ValueError: It cannot be cut into units; the message names the part.
        """
        return self.rules.units(text)

    def spell(self, units: Sequence[str]) -> str:
        """The normalised text that units spell."""
        return self.rules.spell(units)


class Syllables(Units):
    """Whole syllables in their canonical spelling with tone; one in the neutral tone is another (`--lâi`).

    Syllables without tone are no units: texts could not be spelled from them. Every sequence is well-formed.
    """

    def __init__(self, rules: Orthography) -> None:
        if not isinstance(rules, SyllableOrthography):
            raise ValueError(
                f"text.units=syllables: {rules.tag} has no syllable grammar; choose default, characters or "
                "sentencepiece"
            )
        super().__init__(rules)

    def cut(self, text: str) -> list[str]:
        """The syllables; see `Units.cut`."""
        self.rules.units(text)
        return self.rules.normalise(text).split()

    def spell(self, units: Sequence[str]) -> str:
        """The syllables with spaces between."""
        return self.rules.normalise(" ".join(units))


class Characters(Units):
    """The letters of the normalised text with their marks, spaces included; in Han texts, its tokens."""

    def cut(self, text: str) -> list[str]:
        """The characters; see `Units.cut`."""
        units = self.rules.units(text)
        return letters(self.rules.normalise(text)) if self.rules.words else units

    def spell(self, units: Sequence[str]) -> str:
        """The characters joined."""
        return self.rules.normalise("".join(units)) if self.rules.words else self.rules.spell(units)


class Whole(Units):
    """The whole normalised text as one unit: a class."""

    def cut(self, text: str) -> list[str]:
        """The text, if anything in it is spoken; see `Units.cut`."""
        return [self.rules.normalise(text)] if self.rules.units(text) else []

    def spell(self, units: Sequence[str]) -> str:
        """The texts with spaces between."""
        return self.rules.normalise(" ".join(units))


@dataclass(frozen=True)
class Pieces(Units):
    """Pieces of words that occur together often (Kudo 2018, unigram language model; SentencePiece)."""

    model: str
    """SentencePiece's model, in base 64."""

    @cached_property
    def _processor(self) -> sentencepiece.SentencePieceProcessor:
        from sentencepiece import SentencePieceProcessor

        try:
            processor = SentencePieceProcessor(model_proto=base64.b64decode(self.model, validate=True))
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"the SentencePiece model cannot be read ({error})") from error
        return processor

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """All pieces in SentencePiece's order."""
        return tuple(self._processor.id_to_piece(i) for i in range(1, self._processor.get_piece_size()))

    def cut(self, text: str) -> list[str]:
        """The pieces; a run of characters that no training text had is one that the vocabulary lacks."""
        self.rules.units(text)
        pieces: list[str] = self._processor.encode(self.rules.normalise(text), out_type=str)
        return pieces

    def spell(self, units: Sequence[str]) -> str:
        """The pieces joined."""
        return self.rules.normalise("".join(units).replace(SPACE, " "))


def units_of(rules: Orthography, kind: Kind, model: str = "") -> Units:
    """How texts of an orthography are cut.

    Raises:
        ValueError: The orthography has no such units.
    """
    if kind == "sentencepiece":
        return Pieces(rules, model)
    kinds = {"default": Units, "syllables": Syllables, "characters": Characters, "whole": Whole}
    return kinds[kind](rules)


def fit_pieces(texts: Iterable[str], rules: Orthography, settings: TextSettings) -> Pieces:
    """Train SentencePiece on texts; the same texts give the same model.

    Unlike its own training this cannot fail for the vocabulary's size: a fitted one has room for every
    character, and where the texts do not hold as many pieces as are asked for there are fewer.

    Raises:
        ValueError: A vocabulary is asked for that has no room for the characters.
    """
    from sentencepiece import SentencePieceTrainer

    normal = [rules.normalise(text) for text in texts]
    characters = {*"".join(normal).replace(" ", SPACE), SPACE}
    size = settings.vocabulary
    if size == "fitted":
        words = {word for text in normal for word in text.split()}
        size = len(characters) + min(len(words) // WORDS_PER_PIECE, MOST_WORD_PIECES)
    elif size < len(characters):
        raise ValueError(
            f"text.vocabulary={size} is too small: the training texts of {rules.tag} have "
            f"{len(characters)} characters, the space included, and each needs a unit. Ask for more, or for "
            "'fitted'"
        )
    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(normal),
        model_writer=written,
        model_type="unigram",
        vocab_size=size + 1,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=rules.words,
        split_by_unicode_script=False,
        max_sentence_length=max(_USUAL_LENGTH, *(len(text.encode()) + 1 for text in normal)),
        unk_id=_UNKNOWN,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        num_threads=1,
        shuffle_input_sentence=False,
        minloglevel=2,
    )
    return Pieces(rules, base64.b64encode(written.getvalue()).decode())
