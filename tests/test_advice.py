"""Advice before training: how often the target's speech is heard, and what of it is not as it seems."""

from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import QUICK, toy_experiment, write_manifest

from speechtl.advice import hearings, unequal_source
from speechtl.corpus import Corpus
from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment
from speechtl.formats import read_corpus
from speechtl.transfer import (
    DANN,
    L2SP,
    Composed,
    JointTraining,
    MixedBatches,
    SourceReplay,
    Transfer,
)


@pytest.fixture(name="target")
def _target(tmp_path: Path) -> Corpus:
    return read_corpus(write_manifest(tmp_path / "en.jsonl", 30, "train", "en", seed=1))


def fifty_steps(method: Transfer, target: Corpus) -> Experiment:
    """A fiftieth of the target's seconds in each batch."""
    train = replace(QUICK, steps=50, batch_seconds=60 * target.minutes / 50)
    unlabelled = (corpus("elsewhere"),) if method.hears_unlabelled else ()
    return toy_experiment(Path("en.jsonl"), method=method, train=train, source="base", unlabelled=unlabelled)


@pytest.mark.parametrize(
    ("method", "share", "enough"),
    [
        (Transfer(), 1, 500),
        (MixedBatches(), 0.5, 1000),
        (SourceReplay(share=0.2), 0.8, 700),
        (Composed(methods=(SourceReplay(share=0.2), L2SP())), 0.8, 700),
        (Composed(methods=(SourceReplay(share=0.2), DANN())), 0.4, 1300),
    ],
)
def test_only_the_labelled_speech_of_the_target_counts(
    method: Transfer, share: float, enough: int, target: Corpus
) -> None:
    told = hearings(fifty_steps(method, target), None, target)
    assert told is not None
    assert f"training speech {share:.1f} times; --train.steps {enough} hears" in told


def test_what_a_temperature_draws_is_not_counted(target: Corpus) -> None:
    for method in (JointTraining(), Composed(methods=(JointTraining(), L2SP()))):
        assert hearings(fifty_steps(method, target), None, target) is None


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ({"minutes": 10}, {"minutes": 3}, "trained on 10 minutes, and this run on 3 minutes"),
        ({"utterances": 1}, {"minutes": 3}, "trained on 1 utterance, and this run on 3 minutes"),
        ({"minutes": 10}, {"minutes": 10}, None),
        ({}, {"minutes": 3}, None),
        ({"minutes": 10}, {}, None),
    ],
)
def test_a_source_of_another_amount_is_told(
    source: dict[str, float], target: dict[str, float], told: str | None
) -> None:
    """As the first of two stages, beside a row that had the second alone."""
    first, second = (toy_experiment(Path("a"), target=corpus("a", **one)) for one in (source, target))
    found = unequal_source(replace(second, source="toy"), first)
    assert (found is None) == (told is None)
    assert told is None or told in (found or "")
    assert unequal_source(second, None) is None
