"""A closed decision: the listed word whose labellings are likeliest (Graves et al. 2006, section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from speechtl.faults import listed
from speechtl.text import Tokenizer


def closed(log_probs: Tensor, lengths: Tensor, tokenizer: Tokenizer, words: Sequence[str]) -> list[str]:
    """The listed word of highest CTC likelihood for each utterance.

    Where several are equal it is the first in the list; so it is too where no word fits into the frames.

    Args:
        log_probs: (batch, time, 1 + units), the blank first.
        lengths: (batch,) in frames.
        tokenizer: Its unit i is column i + 1.
        words: The choices, returned as they are written here.

    Raises:
        ValueError: There are no words, or some that the tokenizer cannot write; names all of these.
    """
    if not words:
        raise ValueError("no words to choose from; a closed decision needs the model's list of words")
    labels, unwritable = [], []
    for word in words:
        try:
            labels.append(tokenizer.encode(word))
        except ValueError:
            unwritable.append(repr(word))
    if unwritable:
        raise ValueError(
            f"{len(unwritable)} of {len(words)} listed words cannot be written in the units of the "
            f"{tokenizer.language} head: {listed(unwritable)}. Leave them out of the list, or "
            "train on texts that have their units"
        )
    scores = log_likelihoods(log_probs, lengths, labels)
    return [words[i] for i in scores.argmax(dim=1).tolist()]


def log_likelihoods(log_probs: Tensor, lengths: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
    """CTC log-likelihoods (batch, labels) of several label sequences, each for every utterance.

    The sum over all labellings by the forward algorithm (Graves et al. 2006, equation 8); minus infinity
    where a sequence does not fit into the frames.

    Args:
        log_probs: (batch, time, 1 + units), the blank first.
        lengths: (batch,) in frames.
        labels: Unit ids of each sequence, which may be empty.
    """
    log_probs, count = log_probs.detach().cpu(), len(labels)
    scores = torch.empty(len(log_probs), count, dtype=log_probs.dtype)
    sizes = torch.tensor([len(ids) for ids in labels])
    targets = pad_sequence([torch.tensor(ids, dtype=torch.int64) for ids in labels], batch_first=True)
    for row, length in enumerate(lengths.tolist()):
        frames = log_probs[row].unsqueeze(1).expand(-1, count, -1)
        scores[row] = -F.ctc_loss(frames, targets, torch.full((count,), length), sizes, reduction="none")
    return scores
