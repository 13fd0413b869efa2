"""How log-probabilities become text: the method and what it needs."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from speechtl.text import Tokenizer

Method = Literal["constrained", "greedy", "beam", "lexicon"]
SEARCHES = ("beam", "lexicon")


@dataclass(frozen=True)
class DecodeSettings:
    """How log-probabilities become text."""

    method: Method = "constrained"
    """`constrained`: the best path that spells well-formed syllables; for units without such a grammar
    (characters, whole syllables, pieces) the same as greedy. `greedy`: the best unit of every frame.
    `beam`: the likeliest text, summed over its alignments, by a prefix beam search that can ask a language
    model. `lexicon`: only words of a list or of a language model, which needs the extra [lm]."""
    closed: bool = False
    """Also choose the best of the model's listed words, as for commands and digits."""
    words: tuple[str, ...] = ()
    """The words that `closed` chooses from, which a trained model then lists; by default the texts that it is
    trained on."""
    beam_width: int = 32
    """Hypotheses that `beam` and `lexicon` keep after every frame."""
    beam_threshold: float = 10.0
    """Hypotheses whose score lies further below the best one's are dropped, in nats."""
    grammar: bool = True
    """Whether `beam` keeps to well-formed syllables, where the units have a grammar."""
    lm: str | None = None
    """An n-gram language model in ARPA format for `beam` and `lexicon`, as `speechtl lm` writes it."""
    lm_weight: float = 0.4
    """What the language model's log-probabilities are multiplied by, beside the acoustic model's."""
    insertion_bonus: float = 0.0
    """Added to the score for every token of the text (syllable, Han character or word), in nats: above 0 it
    makes up for the language model's preference for short texts."""
    lexicon: str | None = None
    """A list of words for `lexicon`, one a line; by default those of the language model."""

    @property
    def searches(self) -> bool:
        """Whether it weighs sequences of units, which a classifier has none of."""
        return self.method in SEARCHES

    def __post_init__(self) -> None:
        methods = get_args(Method)
        if self.method not in methods:
            raise ValueError(f"decode.method is {self.method!r}; expected one of {', '.join(methods)}")
        if self.words and not self.closed:
            raise ValueError("decode.words are what decode.closed chooses from, and that is off; turn it on")
        if self.beam_width < 1 or not self.beam_threshold > 0:
            raise ValueError(
                f"decode.beam_width is {self.beam_width}, decode.beam_threshold {self.beam_threshold}; "
                "expected at least 1, and above 0"
            )
        if not (0 <= self.lm_weight < math.inf and math.isfinite(self.insertion_bonus)):
            raise ValueError(
                f"decode.lm_weight is {self.lm_weight}, decode.insertion_bonus {self.insertion_bonus}; "
                "expected a finite number of at least 0, and any finite number"
            )
        if self.lm is not None and not self.searches:
            raise ValueError(
                f"decode.lm is for decode.method beam or lexicon; {self.method} weighs no hypotheses. "
                "Choose one of these, or leave the language model out"
            )
        if self.lm is None and self.lm_weight != type(self).lm_weight:
            raise ValueError(
                f"decode.lm_weight is {self.lm_weight:g}, but there is no language model to weigh; name "
                "one by decode.lm, or leave the weight out"
            )
        if self.insertion_bonus and not self.searches:
            raise ValueError(
                f"decode.insertion_bonus is for decode.method beam or lexicon, not {self.method}"
            )
        if not self.grammar and (self.method == "constrained" or self.lm is not None):
            with_grammar = "constrained" if self.lm is None else "a language model, which scores syllables"
            raise ValueError(
                f"decode.grammar is off, but {with_grammar}, needs it; choose greedy, or beam without "
                "a language model"
            )
        if self.lexicon is not None and self.method != "lexicon":
            raise ValueError(f"decode.lexicon is for decode.method lexicon, not {self.method}")
        if self.method == "lexicon" and self.lexicon is None and self.lm is None:
            raise ValueError(
                "decode.method is lexicon, which needs words: a list (decode.lexicon), a language model "
                "(decode.lm) or both"
            )

    def describe(self, tokenizer: Tokenizer) -> str:
        """What a report calls this decoding, with the hash of each file that it reads.

        >>> from speechtl.text import Tokenizer
        >>> DecodeSettings().describe(Tokenizer("en", ("a", "b")))
        'greedy'
        """
        if self.method == "constrained":
            return "constrained" if tokenizer.has_grammar else "greedy"
        parts: list[str] = [self.method]
        if self.method == "beam" and tokenizer.has_grammar and not self.grammar:
            parts.append("without grammar")
        if self.lm is not None:
            parts.append(f"{named(self.lm)} × {self.lm_weight:g}")
        if self.lexicon is not None:
            parts.append(f"words of {named(self.lexicon)}")
        if self.insertion_bonus:
            parts.append(f"bonus {self.insertion_bonus:g}")
        return " + ".join(parts)


def named(path: str) -> str:
    """A file's name and the first digits of its content's hash."""
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{Path(path).name} ({digest[:8]})"
