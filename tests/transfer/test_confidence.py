"""How sure a head is of what it has recognised, against counting all labellings."""

from itertools import product
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from speechtl.decode import collapse, unit_ids
from speechtl.decode.settings import DecodeSettings
from speechtl.text import Tokenizer
from speechtl.transfer.confidence import confidences


def posteriors(batch: int, time: int, columns: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(batch, time, columns, generator=random)).log_softmax(2)


def counted(log_probs: Tensor) -> dict[tuple[int, ...], float]:
    """Posterior of every hypothesis of an utterance (time, columns): its labellings, one by one."""
    found: dict[tuple[int, ...], float] = {}
    frames = log_probs.double().exp().tolist()
    for path in product(range(log_probs.shape[1]), repeat=len(frames)):
        units = tuple(collapse(list(path)))
        posterior = prod(frame[unit] for frame, unit in zip(frames, path, strict=True))
        found[units] = found.get(units, 0.0) + posterior
    return found


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 5), st.integers(2, 4), st.integers(0, 1000))
def test_it_is_the_root_of_what_all_labellings_add_up_to(time: int, columns: int, seed: int) -> None:
    log_probs = posteriors(1, time, columns, seed)
    every = counted(log_probs[0])
    assert sum(every.values()) == pytest.approx(1)
    hypotheses = [list(units) for units in every]
    rows = log_probs.expand(len(hypotheses), -1, -1)
    found = confidences(rows, torch.full((len(hypotheses),), time), hypotheses)
    for units, confidence in zip(every, found.tolist(), strict=True):
        assert confidence == pytest.approx(every[units] ** (1 / max(1, len(units))), abs=1e-6)


def test_values_by_hand() -> None:
    """Two frames; `1` is written 11, 1- or -1, `12` only so, and nothing as --."""
    log_probs = torch.tensor([[[0.5, 0.3, 0.2], [0.6, 0.1, 0.3]]]).log().expand(4, -1, -1)
    found = confidences(log_probs, torch.full((4,), 2), [[1], [1, 2], [], [1, 1]])
    assert found.tolist() == pytest.approx([0.03 + 0.18 + 0.05, 0.09**0.5, 0.3, 0.0], abs=1e-6)


def test_sure_blanks_make_no_sure_hypothesis() -> None:
    """The best units of the frames are on average nearly certain, and the only unit is a guess."""
    frames = torch.full((1, 40, 3), 0.005)
    frames[:, :, 0] = 0.99
    frames[0, 20] = torch.tensor([0.1, 0.46, 0.44])
    assert float(frames.amax(dim=2).mean()) > 0.97
    assert float(confidences(frames.log(), torch.tensor([40]), [[1]])) < 0.5


def test_utterances_are_alone_in_their_batch_and_padding_counts_nothing() -> None:
    log_probs, lengths = posteriors(3, 6, 4), torch.tensor([6, 3, 4])
    hypotheses = [[1, 2, 1], [3], []]
    together = confidences(log_probs, lengths, hypotheses)
    for row, length in enumerate(lengths.tolist()):
        alone = confidences(log_probs[row : row + 1, :length], lengths[row : row + 1], [hypotheses[row]])
        assert float(alone) == pytest.approx(float(together[row]), abs=1e-12)
    noise = log_probs.clone()
    noise[1, 3:], noise[2, 4:] = 7.0, -9.0
    assert torch.equal(confidences(noise, lengths, hypotheses), together)


def test_of_a_classifier_it_is_the_posterior_of_the_class() -> None:
    classes = posteriors(2, 1, 3)
    log_probs = torch.nn.functional.pad(classes, (1, 0), value=-torch.inf)
    tokenizer = Tokenizer("en", ("yes", "no", "stop"), "whole")
    best = unit_ids(log_probs, torch.ones(2, dtype=torch.int64), tokenizer, DecodeSettings())
    found = confidences(log_probs, torch.ones(2, dtype=torch.int64), best)
    assert found.tolist() == pytest.approx(classes.exp().amax(dim=2).flatten().tolist())
    nothing = confidences(log_probs, torch.ones(2, dtype=torch.int64), [[], [1, 2]])
    assert nothing.tolist() == [0.0, 0.0], "it cannot say nothing, nor two things"


def test_what_does_not_fit_is_certainly_wrong() -> None:
    found = confidences(posteriors(2, 3, 3), torch.tensor([3, 2]), [[1, 1, 1], [2, 1, 2]])
    assert found.tolist() == [0.0, 0.0]


def test_long_utterances_do_not_underflow() -> None:
    """The likelihood alone is far below the smallest number there is."""
    log_probs = torch.full((1, 3000, 4), 0.25).log()
    units = [1, 2, 3] * 300
    found = float(confidences(log_probs, torch.tensor([3000]), [units]))
    assert 0.05 < found < 0.5
