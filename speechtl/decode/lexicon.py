"""Decoding to listed words only, with an n-gram language model, by torchaudio's decoder (Flashlight, KenLM).

Kahn et al. 2022, "Flashlight: Enabling Innovation in Tools for Machine Learning"; the extra [lm]. A word is
spelled in the tokenizer's units; between words may stand blanks, and the unit of the space where there is
one. That decoder knows CTC only roughly: without a silence after every word it gives the last unit of a word
a single frame, and lets a final unit be doubled without a blank between. Hence

- every word is also spelled with its last unit twice, which is how that unit gets more frames;
- the decoder proposes its best texts, and the one is taken whose exact score, the same as that of our own
  prefix beam search, is the highest.
"""

from __future__ import annotations

import logging
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechtl.decode.closed_decision import log_likelihoods
from speechtl.decode.fusion import Fusion, language_model
from speechtl.decode.settings import DecodeSettings
from speechtl.faults import counted, listed
from speechtl.language_model import NgramModel, tokens
from speechtl.language_model.texts import lines_of
from speechtl.text import Tokenizer, orthography
from speechtl.units import SPACE

MISSING = (
    "decoding with a lexicon needs torchaudio's decoder: pip install 'speechtl[lm]' (flashlight-text). "
    "--decode beam takes the same language model without it"
)
_NEVER = -1e4
"""Log-probability of what cannot be; infinity would make the decoder's sums no numbers."""
_LOOKED_AT = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lexicon:
    """Words and how they are spelled in unit ids."""

    spellings: dict[str, tuple[int, ...]]
    """By normalised word, without a space at its end."""
    unspelled: tuple[str, ...]
    """Words that the units cannot spell."""


@dataclass(frozen=True)
class LexiconDecoder:
    """torchaudio's decoder over a tokenizer's units."""

    decoder: Any
    words: dict[str, str]
    """The words by the name that each has in the decoder."""
    tokenizer: Tokenizer
    fusion: Fusion

    def unit_ids(self, log_probs: Tensor, lengths: Tensor) -> list[list[int]]:
        """The unit ids of the best words of each utterance; none where no words fit into its frames.

        Args:
            log_probs: (batch, time, 1 + units) on the CPU, the blank first.
            lengths: (batch,) in frames.
        """
        return [self._best(row[:length]) for row, length in zip(log_probs, lengths.tolist(), strict=True)]

    def _best(self, log_probs: Tensor) -> list[int]:
        if not len(log_probs) or log_probs.isnan().any():
            return []
        # The last column is a silence that never is: at a word's end the decoder tries one beside the blank.
        frames = functional.pad(log_probs.float(), (0, 1), value=_NEVER)
        proposals = self.decoder(frames[None].contiguous())[0]
        proposed = dict.fromkeys(tuple(self.words[name] for name in best.words) for best in proposals)
        # A head that was trained on single words has no space, and several words are nothing it can write.
        spelled = spell(self.tokenizer, (" ".join(words) for words in proposed)).spellings
        texts = [words for words in proposed if not words or " ".join(words) in spelled]
        if not texts:
            return []
        ids = [list(spelled.get(" ".join(words), ())) for words in texts]
        (acoustic,) = log_likelihoods(log_probs[None], torch.tensor([len(log_probs)]), ids)
        scores = acoustic + torch.tensor([self.fusion.score(words) for words in texts])
        best = int(scores.argmax())
        return ids[best] if scores[best] > -torch.inf else []


def read_lexicon(tokenizer: Tokenizer, settings: DecodeSettings) -> Lexicon:
    """The words of the list, or else of the language model.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file cannot be used, or no word of it can be spelled.
    """
    model = None if settings.lm is None else language_model(settings.lm)
    source = settings.lexicon or settings.lm
    if model is not None:
        require_spellable(tokenizer, model, str(settings.lm))
    words = model.vocabulary if settings.lexicon is None and model else listed_words(settings.lexicon)
    rules = orthography(tokenizer.language)
    normal = dict.fromkeys(rules.normalise(word) for word in words)
    several = [repr(word) for word in normal if model and len(tokens(rules, word)) > 1]
    if several:
        raise ValueError(
            f"{source}: {counted(len(several), 'word')} of several tokens of the language model: "
            f"{listed(several)}. It scores {tokenizer.language} token by token: list these, or leave "
            "the language model or the list out"
        )
    lexicon = spell(tokenizer, normal)
    if not lexicon.spellings:
        raise ValueError(
            f"{source}: none of its {counted(len(normal), 'word')} can be spelled in the units of the "
            f"{tokenizer.language} head: {listed([repr(word) for word in lexicon.unspelled])}"
        )
    if lexicon.unspelled:
        _log.warning(
            "%s: %s of %d cannot be spelled in the head's units and will never be recognised: %s",
            source,
            counted(len(lexicon.unspelled), "word"),
            len(normal),
            listed([repr(word) for word in lexicon.unspelled]),
        )
    return lexicon


def require_spellable(tokenizer: Tokenizer, model: NgramModel, source: str) -> None:
    """Refuse a language model of other texts than the head writes; warn where most of its words are such.

    Of a large vocabulary a thousand words are looked at. Most must be written as the head writes them, since
    the model knows a word in its own spelling alone.

    Raises:
        ValueError: no word of the model can be spelled in the head's units, or most have another spelling.
    """
    rules = orthography(tokenizer.language)
    words = model.vocabulary[:: 1 + len(model.vocabulary) // _LOOKED_AT]
    others = [word for word in words if rules.normalise(word) not in ("", word)]
    if 2 * len(others) > len(words):
        shown = listed([_respelled(word, rules.normalise(word)) for word in others])
        raise ValueError(
            f"{source}: {len(others)} of {len(words)} words of the language model that were looked at are "
            f"not spelled as the {tokenizer.language} head spells them, and would be unknown: {shown}. Make "
            f"one of such texts: speechtl lm TEXT --language {tokenizer.language}"
        )
    normal = [word for word in dict.fromkeys(map(rules.normalise, words)) if word]
    lexicon = spell(tokenizer, normal)
    unspelled, tag = listed([repr(word) for word in lexicon.unspelled]), tokenizer.language
    if words and not lexicon.spellings:
        raise ValueError(
            f"{source}: no word of the language model can be spelled in the units of the {tag} head: "
            f"{unspelled or listed(words)}. Make one of texts in {tag}: speechtl lm TEXT --language {tag}"
        )
    if 2 * len(lexicon.unspelled) > len(normal):
        _log.warning(
            "%s: %d of %d words that were looked at cannot be spelled in the units of the %s head: %s",
            source,
            len(lexicon.unspelled),
            len(normal),
            tag,
            unspelled,
        )


def _respelled(word: str, normal: str) -> str:
    """A word and its normal spelling; of two that look alike the code points."""
    are_alike = unicodedata.normalize("NFC", word) == normal
    return f"{ascii(word) if are_alike else repr(word)} for {normal!r}"


def spell(tokenizer: Tokenizer, words: Iterable[str]) -> Lexicon:
    """Cut normalised words into unit ids."""
    spellings: dict[str, tuple[int, ...]] = {}
    unspelled = []
    for word in words:
        try:
            ids = tuple(tokenizer.encode(word))
        except ValueError:
            ids = ()
        if ids:
            spellings[word] = ids
        else:
            unspelled.append(word)
    return Lexicon(spellings, tuple(unspelled))


def lexicon_decoder(tokenizer: Tokenizer, settings: DecodeSettings) -> LexiconDecoder:
    """The decoder of a tokenizer and some settings, built once as long as the files do not change.

    Raises:
        ImportError: the extra [lm] is missing.
        FileNotFoundError: the language model or the list is not there.
        ValueError: one of them cannot be used.
    """
    paths = [Path(path) for path in (settings.lm, settings.lexicon) if path is not None]
    changed = tuple(path.stat().st_mtime_ns for path in paths if path.is_file())
    return _built(tokenizer, settings, changed)


@lru_cache(maxsize=4)
def _built(tokenizer: Tokenizer, settings: DecodeSettings, changed: tuple[int, ...]) -> LexiconDecoder:
    return built(tokenizer, settings, read_lexicon(tokenizer, settings))


def built(tokenizer: Tokenizer, settings: DecodeSettings, lexicon: Lexicon) -> LexiconDecoder:
    """The decoder of a lexicon.

    Raises:
        ImportError: the extra [lm] is missing.
    """
    try:
        from torchaudio.models.decoder import ctc_decoder
    except ImportError as error:
        raise ImportError(MISSING) from error
    units = [str(column) for column in range(1 + len(tokenizer.units))]
    silence = str(len(units))
    space = next((str(i) for i, unit in enumerate(tokenizer.units, 1) if unit in (" ", SPACE)), silence)
    names = {_name(word): word for word in lexicon.spellings}
    with TemporaryDirectory() as folder, _model_refused(settings.lm):
        path = Path(folder) / "lexicon.txt"
        path.write_text("".join(_entries(names, lexicon)), encoding="utf-8")
        decoder = ctc_decoder(
            lexicon=str(path),
            tokens=[*units, silence],
            lm=settings.lm,
            nbest=settings.beam_width,
            beam_size=settings.beam_width,
            beam_threshold=settings.beam_threshold,
            lm_weight=settings.lm_weight * math.log(10),  # KenLM's logarithms have the base 10
            word_score=settings.insertion_bonus,
            log_add=True,
            blank_token=units[0],
            sil_token=space,
        )
    model = None if settings.lm is None else language_model(settings.lm)
    fusion = Fusion(tokenizer, model, settings.lm_weight, settings.insertion_bonus)
    return LexiconDecoder(decoder, names, tokenizer, fusion)


@contextmanager
def _model_refused(lm: str | None) -> Iterator[None]:
    """Say in a sentence that the decoder cannot use a language model, such as one of single words alone.

    Raises:
        ValueError: it cannot.
    """
    try:
        yield
    except RuntimeError as error:
        if lm is None:
            raise
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(
            f"{lm}: decode=lexicon cannot use this language model ({reason}); it needs one of two words "
            "or more in a row (speechtl lm --order 2). decode=beam takes one of single words"
        ) from error


def _entries(names: Mapping[str, str], lexicon: Lexicon) -> Iterator[str]:
    """Lines of the decoder's lexicon, two for each word."""
    for name, word in names.items():
        ids = lexicon.spellings[word]
        for spelling in (ids, (*ids, ids[-1])):
            yield f"{name} {' '.join(map(str, spelling))}\n"


def _name(word: str) -> str:
    return word.replace(" ", SPACE)


def listed_words(path: str | None) -> list[str]:
    """The words of a list, one a line; none without one.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is in another encoding than UTF-8.
    """
    if path is None:
        return []
    lines = lines_of(Path(path), "a list of words, one a line, was expected")
    return [line for line in lines if line.strip()]
