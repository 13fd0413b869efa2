"""Word, character, syllable and tone errors, per utterance and pooled.

All are edit distances (Levenshtein 1966) on jiwer's alignments (https://github.com/jitsi/jiwer), between
the normalised texts of one orthography:

- `wer`: words between spaces, where the orthography has them.
- `cer`: letters, each with its combining marks, so that tone 8 of Tâi-lô (`a̍`, two code points) costs what
  the other tones cost. A space counts as a letter where spaces separate words, otherwise it is ignored. In
  texts in Han characters a character counts one, and so does a romanised syllable or a word in letters that
  stands among them (the mixed error rate; see `languages/han.py`).
- `syllable`, `syllable_toneless`: spoken syllables with and without their tone.
- `tone`: of the aligned syllables with the right toneless form, those with a wrong tone. It is read off the
  alignment of toned syllables where that is also a best one without tones, else off the toneless one.

Closed decisions have errors of their own: `closed` and, over unequally frequent words, `closed_balanced`
(`closed_errors.py`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jiwer

from speechtl.conversion import conversion
from speechtl.faults import listed
from speechtl.languages.base import Orthography, is_latin
from speechtl.languages.respelling import respelled
from speechtl.text import orthography


@dataclass(frozen=True)
class Counts:
    """Errors of one metric, and what they are counted against.

    >>> Counts(errors=1, total=4, sub=1) + Counts(errors=2, total=4, del_=1, ins=1)
    Counts(errors=3, total=8, sub=1, del_=1, ins=1)
    """

    errors: int = 0
    """Substitutions, deletions and insertions."""
    total: int = 0
    """Units of the reference (for `tone`: aligned syllables with the right toneless form)."""
    sub: int = 0
    """Substituted units."""
    del_: int = 0
    """Deleted units; `del` in JSON."""
    ins: int = 0
    """Inserted units."""

    def __post_init__(self) -> None:
        if min(self.total, self.sub, self.del_, self.ins) < 0:
            raise ValueError(f"{self}: counts cannot be negative")
        if self.errors != self.sub + self.del_ + self.ins or self.sub + self.del_ > self.total:
            raise ValueError(f"{self}: errors must be sub + del_ + ins, and sub + del_ within the total")

    @property
    def rate(self) -> float:
        """Errors per unit of the reference, above 1 with many insertions; NaN where the total is 0."""
        return self.errors / self.total if self.total else float("nan")

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.errors + other.errors,
            self.total + other.total,
            self.sub + other.sub,
            self.del_ + other.del_,
            self.ins + other.ins,
        )

    def to_dict(self) -> dict[str, int]:
        """As JSON has it."""
        return {
            "errors": self.errors,
            "total": self.total,
            "sub": self.sub,
            "del": self.del_,
            "ins": self.ins,
        }

    @classmethod
    def from_dict(cls, counts: Mapping[str, Any]) -> Counts:
        """The inverse of `to_dict`; other keys (an interval) are ignored."""
        names = ("errors", "total", "sub", "del", "ins")
        return cls(*(counts[name] for name in names))


@dataclass(frozen=True)
class UtteranceScore:
    """One utterance's errors by metric."""

    reference: str
    """The alternative that was scored, normalised."""
    hypothesis: str
    """What was recognised, normalised."""
    counts: dict[str, Counts]
    """By metric: those of `wer cer syllable syllable_toneless tone` that the orthography has."""


def score(
    references: Sequence[str],
    hypotheses: Sequence[str],
    *,
    language: str,
    hypothesis_language: str | None = None,
) -> dict[str, Counts]:
    """Errors by metric, pooled over the utterances; see `score_utterances`.

    >>> errors = score(["the cat sat"], ["the hat sat"], language="en")
    >>> errors["wer"].rate == 1 / 3, errors["cer"].rate == 1 / 11
    (True, True)
    >>> poj = {"language": "nan-Latn-tailo", "hypothesis_language": "nan-Latn-pehoeji"}
    >>> score(["tsi̍t lia̍p"], ["chi̍t lia̍p"], **poj)["syllable"].errors
    0
    """
    return pool(
        entry.counts for entry in score_utterances(references, hypotheses, language, hypothesis_language)
    )


def pool(counts: Iterable[dict[str, Counts]]) -> dict[str, Counts]:
    """The sum by metric, so that long utterances weigh more; a metric may be absent from some."""
    pooled: dict[str, Counts] = {}
    for entry in counts:
        for metric, count in entry.items():
            pooled[metric] = pooled.get(metric, Counts()) + count
    return pooled


def score_utterances(
    references: Sequence[str],
    hypotheses: Sequence[str],
    language: str,
    hypothesis_language: str | None = None,
) -> list[UtteranceScore]:
    """Errors of each utterance.

    A reference with printed alternatives (`a/b`) is scored against the best one: the fewest syllable errors,
    or character errors without syllables, the first of equals. All metrics use that one.

    Args:
        references: The right texts, not necessarily normalised.
        hypotheses: What was recognised, one per reference; an empty one deletes everything.
        language: The tag of the orthography of the references, and of the scores.
        hypothesis_language: That of the hypotheses, if it is another one: they are converted. A piece that
            is no syllable stays as it is and is an error, as it would be without conversion.

    Raises:
        ValueError: The numbers differ, a reference holds nothing that could be scored, or the hypotheses
            cannot be converted.
    """
    if isinstance(references, str) or isinstance(hypotheses, str):
        raise ValueError("references and hypotheses must be lists of texts: write score([text], ...)")
    if len(references) != len(hypotheses):
        raise ValueError(
            f"{len(references)} references but {len(hypotheses)} hypotheses: give one hypothesis per "
            "reference, in the same order, and an empty text where nothing was recognised"
        )
    rules = orthography(language)
    views = lru_cache(maxsize=None)(lambda text: _views(rules, text))
    choices = [
        [text for text in rules.alternatives(reference) if all(views(text).values())]
        for reference in references
    ]
    if empty := [f"{i} ({references[i]!r})" for i, texts in enumerate(choices) if not texts]:
        raise ValueError(
            f"references without anything to score in {language}, counted from 0: {listed(empty)}. "
            "Correct their text or leave these utterances out"
        )
    if hypothesis_language is not None:
        hypotheses = _converted(hypotheses, hypothesis_language, language)
    recognised = [rules.normalise(hypothesis) for hypothesis in hypotheses]
    pairs = [(i, text) for i, texts in enumerate(choices) for text in texts]
    counts = _count([(views(text), views(recognised[i])) for i, text in pairs], tones=rules.tones)
    best: dict[int, UtteranceScore] = {}
    for (i, text), entry in zip(pairs, counts, strict=True):
        if i not in best or _main_errors(entry) < _main_errors(best[i].counts):
            best[i] = UtteranceScore(text, recognised[i], entry)
    return [best[i] for i in range(len(references))]


def _converted(hypotheses: Sequence[str], source: str, target: str) -> Sequence[str]:
    """Hypotheses in the orthography of the references.

    Raises:
        ValueError: The orthographies do not convert, or hypotheses hold another script.
    """
    rules = conversion(source, target)
    if rules is None:
        return hypotheses
    before, after = rules
    foreign = [f"{i} ({text!r})" for i, text in enumerate(hypotheses) if not is_latin(text)]
    if foreign:
        raise ValueError(
            f"hypotheses that are not in {before.tag}, counted from 0: {listed(foreign)}. Characters of "
            f"another script cannot be converted to {after.tag}: declare the language that they are in, and "
            "score them against references in it"
        )
    return [respelled(text, before, after) for text in hypotheses]


_Tokens = Sequence[Hashable]
_Views = dict[str, _Tokens]


def _views(rules: Orthography, text: str) -> _Views:
    """A normalised text as each metric's sequence of units."""
    views: _Views = {"cer": rules.characters(text)}
    if rules.words:
        views = {"wer": text.split(), **views}
    if (syllables := rules.syllables(text)) is not None:
        views["syllable"] = syllables
        views["syllable_toneless"] = [syllable.base for syllable in syllables]
    return views


def _count(pairs: Sequence[tuple[_Views, _Views]], tones: bool) -> list[dict[str, Counts]]:
    """Errors by metric of each pair of reference and hypothesis."""
    if not pairs:
        return []
    alignments = {
        metric: _align([(reference[metric], hypothesis[metric]) for reference, hypothesis in pairs])
        for metric in pairs[0][0]
    }
    counts = [
        {metric: _edits(aligned[i], len(reference[metric])) for metric, aligned in alignments.items()}
        for i, (reference, _) in enumerate(pairs)
    ]
    if tones and "syllable" in alignments:
        for i, pair in enumerate(pairs):
            toned = _tones(alignments["syllable"][i], *pair)
            toneless = _tones(alignments["syllable_toneless"][i], *pair)
            also_best = counts[i]["syllable"].errors - toned.errors == counts[i]["syllable_toneless"].errors
            counts[i]["tone"] = toned if also_best else toneless
    return counts


def _align(pairs: Sequence[tuple[_Tokens, _Tokens]]) -> list[list[jiwer.AlignmentChunk]]:
    """jiwer's alignment of each pair; numbers stand for the tokens, so that jiwer cannot alter them."""
    keys = [(tuple(reference), tuple(hypothesis)) for reference, hypothesis in pairs]
    distinct = list(dict.fromkeys(keys))
    numbers: dict[Hashable, str] = {}

    def written(tokens: _Tokens) -> str:
        return " ".join(numbers.setdefault(token, str(len(numbers))) for token in tokens)

    output = jiwer.process_words(
        [written(reference) for reference, _ in distinct], [written(hypothesis) for _, hypothesis in distinct]
    )
    aligned = dict(zip(distinct, output.alignments, strict=True))
    return [aligned[key] for key in keys]


def _edits(alignment: list[jiwer.AlignmentChunk], total: int) -> Counts:
    sizes = {"substitute": 0, "delete": 0, "insert": 0, "equal": 0}
    for chunk in alignment:
        length = chunk.ref_end_idx - chunk.ref_start_idx
        sizes[chunk.type] += length or chunk.hyp_end_idx - chunk.hyp_start_idx
    sub, deleted, inserted = sizes["substitute"], sizes["delete"], sizes["insert"]
    return Counts(sub + deleted + inserted, total, sub, deleted, inserted)


def _tones(alignment: list[jiwer.AlignmentChunk], reference: _Views, hypothesis: _Views) -> Counts:
    """Wrong tones among the aligned syllables with the right toneless form."""
    total = wrong = 0
    for chunk in alignment:
        if chunk.type in {"equal", "substitute"}:
            for i in range(chunk.ref_end_idx - chunk.ref_start_idx):
                a, b = chunk.ref_start_idx + i, chunk.hyp_start_idx + i
                if reference["syllable_toneless"][a] == hypothesis["syllable_toneless"][b]:
                    total += 1
                    wrong += reference["syllable"][a] != hypothesis["syllable"][b]
    return Counts(wrong, total, wrong)


def _main_errors(counts: dict[str, Counts]) -> int:
    return counts["syllable" if "syllable" in counts else "cer"].errors
