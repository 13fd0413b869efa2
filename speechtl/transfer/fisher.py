"""The Fisher information of a model's parameters, its diagonal, from what the model itself would say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechtl.models.fates import plain
from speechtl.models.heads import class_losses, ctc_losses
from speechtl.models.layers import seed_of

if TYPE_CHECKING:
    from speechtl.batches import Examples
    from speechtl.models.acoustic import AcousticModel


class Weighted(NamedTuple):
    """Labels with their share of an expectation."""

    share: float
    labels: Tensor
    """int64 (units,)."""


Labels = Callable[[Tensor, bool], list[Weighted]]
"""From an utterance's log-probabilities (time, 1 + units), and whether they are CTC's, to labels for it."""


@dataclass(frozen=True)
class Sampled:
    """Labels that are drawn from a model's own distribution.

    For CTC a unit is drawn at every frame from the frame's posteriors and the path is collapsed, which draws
    a label sequence with the probability that CTC gives it. A classifier's only label is drawn likewise.
    """

    samples: int
    """Draws for an utterance."""
    generator: torch.Generator

    def __call__(self, log_probs: Tensor, is_ctc: bool) -> list[Weighted]:
        """So many draws, with equal shares."""
        paths = torch.multinomial(log_probs.exp().cpu(), self.samples, True, generator=self.generator)
        drawn = [path if not is_ctc else collapse(path) for path in paths.T]
        return [Weighted(1 / self.samples, labels) for labels in drawn]


def enumerated(log_probs: Tensor, is_ctc: bool) -> list[Weighted]:
    """All labels of a classifier with their probabilities: the exact expectation."""
    assert not is_ctc, "the label sequences of CTC are too many"
    shares = log_probs[0].exp().tolist()
    return [Weighted(share, torch.tensor([label])) for label, share in enumerate(shares) if label]


def collapse(path: Tensor) -> Tensor:
    """The labels (units,) of a path (time,): equal neighbours once, then without blanks.

    >>> collapse(torch.tensor([0, 3, 3, 0, 3, 5, 5])).tolist()
    [3, 3, 5]
    """
    merged: Tensor = torch.unique_consecutive(path)
    return merged[merged != 0]


def diagonal_fisher(
    model: AcousticModel, speech: Examples, labels: Labels, *, utterances: int, seed: int
) -> dict[str, Tensor]:
    """F = E[(∂ log p(y|x) / ∂w)²] of every trainable parameter, by its plain name; zero where no speech gets.

    The expectation over x is the mean over some of the speech, that over y over the model's *own* output,
    never over the transcripts, which are not looked at: with them it would be the empirical Fisher, which is
    small wherever the model is right. One utterance goes through the model at a time, in eval mode, through
    the head of its language: the square of a sum of gradients is not the sum of their squares.

    Source: Kirkpatrick et al. 2017, Overcoming catastrophic forgetting in neural networks, section 2; for
    whose labels count, Kunstner, Balles and Hennig 2019, Limitations of the empirical Fisher approximation,
    section 2.

    Args:
        model: the source, or a copy of it; its parameters, buffers and mode are left as they are.
        speech: in languages that the model has heads for.
        labels: gives the labels that the expectation over y is made of.
        utterances: how many of them are drawn; all, if there are fewer.
        seed: draws the utterances.
    """
    generator = torch.Generator().manual_seed(seed_of(seed, "fisher", "utterances"))
    chosen = torch.randperm(len(speech), generator=generator)[:utterances].tolist()
    weights = {plain(name): value for name, value in model.named_parameters() if value.requires_grad}
    found = {name: torch.zeros_like(value) for name, value in weights.items()}
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        for index in chosen:
            _add_squares(found, weights, _losses(model, speech, index, labels), count=len(chosen))
    finally:
        _restore(modes)
    return found


def _losses(model: AcousticModel, speech: Examples, index: int, labels: Labels) -> list[tuple[float, Tensor]]:
    """-log p(y|x), a scalar, of an utterance's labels, each with its share of the expectation."""
    batch = speech.batch([index]).to(next(model.parameters()).device)
    encoded, language = model.encode(batch), batch.languages[0]
    log_probs = model.log_probs(encoded, language)
    lengths = model.output_lengths(encoded, language)
    is_ctc = model.tokenizers[language].kind != "whole"
    with torch.no_grad():
        chosen = labels(log_probs[0, : int(lengths)], is_ctc)
    found = []
    for share, sequence in chosen:
        wanted = sequence.to(log_probs.device).unsqueeze(0)
        if is_ctc:
            count = torch.tensor([len(sequence)], device=log_probs.device)
            padded = F.pad(wanted, (0, 1))  # no label at all is a sequence too
            found.append((share, ctc_losses(log_probs, lengths, padded, count)[0]))
        else:
            found.append((share, class_losses(log_probs, wanted)[0]))
    return found


def _add_squares(
    found: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    losses: Sequence[tuple[float, Tensor]],
    count: int,
) -> None:
    """Add the squared gradients of one utterance of so many."""
    for place, (share, loss) in enumerate(losses):
        gradients = torch.autograd.grad(
            loss, list(weights.values()), retain_graph=place + 1 < len(losses), allow_unused=True
        )
        for name, gradient in zip(weights, gradients, strict=True):
            if gradient is not None:
                found[name].addcmul_(gradient, gradient, value=share / count)


def _restore(modes: Mapping[nn.Module, bool]) -> None:
    for module, training in modes.items():
        module.training = training
