"""decode(): the text of each utterance by any of the methods; unit_ids(): the units that it consists of."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from speechtl.decode.constrained import accepts, best_accepted_paths, collapse, grammar
from speechtl.decode.fusion import Fusion, language_model
from speechtl.decode.prefix_beam import Beam, prefix_beam
from speechtl.decode.settings import DecodeSettings
from speechtl.language_model import NgramModel
from speechtl.text import Tokenizer, orthography


def decode(log_probs: Tensor, lengths: Tensor, tokenizer: Tokenizer, settings: DecodeSettings) -> list[str]:
    """The text of each utterance.

    Args:
        log_probs: (batch, time, 1 + units), the blank first.
        lengths: (batch,) in frames; what lies beyond is padding and has no effect.
        tokenizer: Its unit i is column i + 1.
        settings: How to decode; `closed` is for `closed()`.

    Returns:
        One text per utterance, empty where nothing but blanks is best, or where no accepted text fits into
        the frames (which cannot happen where the grammar accepts the empty text, as ours do).

    Raises:
        FileNotFoundError: The language model or the list of words is not there.
        ValueError: One of them cannot be used.
        ImportError: `lexicon` without the extra [lm].
    """
    return [tokenizer.decode(ids) for ids in unit_ids(log_probs, lengths, tokenizer, settings)]


def unit_ids(
    log_probs: Tensor, lengths: Tensor, tokenizer: Tokenizer, settings: DecodeSettings
) -> list[list[int]]:
    """The unit ids of each utterance's text; see `decode`."""
    log_probs, lengths = log_probs.detach().cpu(), lengths.cpu()
    if settings.method == "beam":
        return _by_beam(log_probs, lengths, tokenizer, settings)
    if settings.method == "lexicon":
        from speechtl.decode.lexicon import lexicon_decoder

        return lexicon_decoder(tokenizer, settings).unit_ids(log_probs, lengths)
    allowed = grammar_of(tokenizer) if settings.method == "constrained" else None
    return _best_paths(log_probs, lengths, allowed)


def grammar_of(tokenizer: Tokenizer) -> Tensor | None:
    """Which unit may follow which, bool (1 + units, 1 + units); None for units without a grammar."""
    return grammar(orthography(tokenizer.language), tokenizer.units) if tokenizer.has_grammar else None


def require_files(settings: DecodeSettings) -> None:
    """Read what a decoding needs, to refuse before any work is done what cannot be read.

    Raises:
        FileNotFoundError: there is no such language model or list of words.
        ValueError: the language model is no whole ARPA file.
    """
    if settings.lm is not None:
        language_model(settings.lm)
    if settings.lexicon is not None:
        from speechtl.decode.lexicon import listed_words

        listed_words(settings.lexicon)


def _best_paths(log_probs: Tensor, lengths: Tensor, allowed: Tensor | None) -> list[list[int]]:
    best = log_probs.argmax(dim=2).tolist()
    ids = [collapse(path[:length]) for path, length in zip(best, lengths.tolist(), strict=True)]
    if allowed is not None:
        # A greedy path that the grammar accepts is the best accepted path: the search is for the others.
        rows = [i for i, units in enumerate(ids) if not accepts(allowed, units)]
        paths = best_accepted_paths(log_probs[rows], lengths[rows], allowed).tolist()
        for i, path in zip(rows, paths, strict=True):
            ids[i] = collapse(path)
    return ids


def _by_beam(
    log_probs: Tensor, lengths: Tensor, tokenizer: Tokenizer, settings: DecodeSettings
) -> list[list[int]]:
    """By prefix beam search; where it loses every accepted text, the constrained path."""
    fusion = None
    if settings.lm is not None or settings.insertion_bonus:
        model = None if settings.lm is None else language_model(settings.lm)
        fusion = _fusion(tokenizer, model, settings)
    allowed = grammar_of(tokenizer) if settings.grammar else None
    beam = Beam(settings.beam_width, settings.beam_threshold)
    rules = None if allowed is None else allowed.numpy()
    found = []
    for row, length in zip(log_probs.numpy(), lengths.tolist(), strict=True):
        ids = prefix_beam(row[:length].astype(np.float64), beam, rules, fusion)
        if ids is None:
            frames = torch.from_numpy(row[None, :length])
            (ids,) = _best_paths(frames, torch.tensor([length]), allowed)
        found.append(ids)
    return found


@lru_cache(maxsize=4)
def _fusion(tokenizer: Tokenizer, model: NgramModel | None, settings: DecodeSettings) -> Fusion:
    """Kept from batch to batch, since it remembers what it has read."""
    if model is not None:
        from speechtl.decode.lexicon import require_spellable

        require_spellable(tokenizer, model, str(settings.lm))
    return Fusion(tokenizer, model, settings.lm_weight, settings.insertion_bonus)
