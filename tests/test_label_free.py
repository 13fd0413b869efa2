"""Mutual information of decisions: golden values, and what does not count."""

import math

import pytest
import torch
from toy_speech import TINY, examples

from speechtl.features import FeatureSettings
from speechtl.label_free import MOST, Decisions, LabelFree, Tally
from speechtl.models.acoustic import AcousticModel


def frames(*rows: tuple[float, ...]) -> torch.Tensor:
    """Log-probabilities (1, time, 1 + units) of posteriors, blank first."""
    return torch.tensor([rows]).log()


def lengths(count: int) -> torch.Tensor:
    return torch.tensor([count])


def mutual_information(log_probs: torch.Tensor, ends: torch.Tensor) -> float:
    """That of one batch of log-probabilities (batch, time, 1 + units), in nats."""
    tally = Tally()
    tally.add(log_probs, ends)
    return tally.decisions.information


SURE = 1.0, 0.0, 0.0, 0.0


@pytest.mark.parametrize(
    ("posteriors", "expected"),
    [
        ([(0.25,) * 4] * 4, 0.0),  # cannot decide
        ([SURE[-k:] + SURE[:-k] for k in range(4)], math.log(4)),  # sure, and each as often
        ([SURE] * 4, 0.0),  # always the same
        ([(0.75, 0.25), (0.25, 0.75)], math.log(2) - (2 * math.log(2) - 0.75 * math.log(3))),
        ([(1.0, 0.0), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0)], 2 * math.log(2) - 0.75 * math.log(3)),
    ],
)
def test_golden_values(posteriors: list[tuple[float, ...]], expected: float) -> None:
    """Of a classifier, whose blank is impossible, and of CTC frames that are half blank alike."""
    for blank in (0.0, 0.5):
        rows = [(blank, *(p * (1 - blank) for p in row)) for row in posteriors]
        assert mutual_information(frames(*rows), lengths(len(rows))) == pytest.approx(expected, abs=1e-6)


def test_a_frame_counts_as_much_as_it_is_not_blank() -> None:
    """Frames that are spoken to 0.2, 0.2 and 0.6 are as equal ones of which the last is there thrice."""
    blanks = frames((0.8, 0.2, 0.0), (0.8, 0.0, 0.2), (0.4, 0.3, 0.3))
    equal = frames((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), *[(0.0, 0.5, 0.5)] * 3)
    assert mutual_information(blanks, lengths(3)) == pytest.approx(
        mutual_information(equal, lengths(5)), abs=1e-6
    )


def test_padding_is_not_looked_at() -> None:
    real = frames((0.5, 0.5, 0.0), (0.5, 0.0, 0.5))
    padded = torch.cat([real, torch.full((1, 3, 3), torch.nan)], dim=1)
    assert mutual_information(padded, lengths(2)) == mutual_information(real, lengths(2))


def test_batches_add_up() -> None:
    torch.manual_seed(0)
    batch = torch.randn(6, 9, 5).log_softmax(2)
    ends = torch.tensor([9, 4, 7, 1, 9, 2])
    tally = Tally()
    for rows in (slice(0, 1), slice(1, 4), slice(4, 6)):
        tally.add(batch[rows], ends[rows])
    assert tally.decisions.information == pytest.approx(mutual_information(batch, ends), abs=1e-12)
    assert 0 < tally.decisions.information < tally.decisions.entropy < tally.decisions.most == math.log(4)


def test_what_is_emitted_is_the_mean_of_what_is_no_blank() -> None:
    tally = Tally()
    tally.add(frames((0.5, 0.5, 0.0), (1.0, 0.0, 0.0)), lengths(2))
    tally.add(frames((0.0, 0.5, 0.5), (0.9, 0.1, 0.0)), lengths(1))  # what lies behind is padding
    assert tally.decisions.emitted == pytest.approx((0.5 + 0 + 1) / 3)


def test_what_is_no_number_stays_none() -> None:
    """All blank, or weights that are broken: never a number that could win."""
    for batch in (frames((1.0, 0.0, 0.0)), torch.full((1, 1, 3), torch.nan)):
        tally = Tally()
        tally.add(batch, lengths(1))
        assert tally.decisions.to_dict()["information"] is None
        assert not tally.decisions.information > 0


def test_a_collapse_is_named() -> None:
    assert Decisions(0.0, 0.01, math.log(4)).collapse == (
        "the decisions on the unlabelled speech are nearly always the same (entropy 0.01 of at most 1.39 "
        "nats)"
    )
    assert Decisions(0.3, 0.4, math.log(4)).collapse is None
    assert Decisions(0.9, 1.2, math.log(4), emitted=0.01).collapse is None, "speech with long pauses"
    assert Decisions(0.9, 1.2, math.log(4), emitted=0.0004).collapse == (
        "the decisions on the unlabelled speech are nearly nothing but blanks (0.04 % of a frame is none)"
    )
    assert Decisions(0.0, 0.0, 0.0).collapse is None, "one unit is all that there is"


def test_a_model_is_asked_in_its_own_languages() -> None:
    speech, _, tokenizers = examples(8, ("en", "de"))
    english = AcousticModel(TINY, FeatureSettings(), {"en": tokenizers["en"]}, seed=0).eval()
    found = LabelFree.of(speech, english.languages, seed=0)
    assert found is not None
    assert set(found.examples.languages) == {"en"}
    assert not any(found.examples.labels)
    decisions = found(english)
    with torch.inference_mode():
        encoded = english.encode(found.examples.batch(range(4)))
        expected = mutual_information(english.log_probs(encoded, "en"), encoded.lengths)
    assert decisions.information == pytest.approx(expected, abs=1e-5)
    assert decisions.most == pytest.approx(math.log(len(tokenizers["en"].units)))
    assert LabelFree.of(speech, ["ar"], seed=0) is None


def test_no_more_is_heard_than_is_worth_it() -> None:
    speech, _, _ = examples(MOST + 20, letters="ae")
    found = LabelFree.of(speech, ["en"], seed=0)
    assert found is not None
    assert len(found.examples) == MOST
