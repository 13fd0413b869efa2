"""Advice on speech without labels: what of it nothing hears, and what counts as the other domain."""

from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import examples, toy_experiment
from two_domains import silent, speech

from speechtl.advice import labelled_target, unsaid_classes, untrained_affine
from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment
from speechtl.transfer import DANN, L2SP, MMD, Composed, DomainBatchNorm
from speechtl.transfer.base import TransferData


def heard_twice(manifest: Path, **as_domain: str) -> Experiment:
    """Near speech, and a few labelled utterances of a corpus that is also heard without labels."""
    target = (corpus("near.jsonl"), corpus("far.jsonl", **as_domain))
    return toy_experiment(manifest, target=target, unlabelled=(corpus("far.jsonl"),), method=DANN())


@pytest.mark.parametrize(("domain", "is_told"), [(None, True), ("uk", False)])
def test_labelled_speech_of_the_unlabelled_corpus_is_to_say_its_domain(
    domain: str | None, is_told: bool
) -> None:
    """Else it would count as the other domain, and pull against what is to be learned."""
    found, _, tokenizers = examples(4)
    data = TransferData(
        replace(found, domains=["us", "us", domain, domain]),
        tokenizers,
        unlabelled=silent(domains=["uk"] * 12),
    )
    told = labelled_target(heard_twice(Path("en.jsonl")), data)
    assert ["far.jsonl is heard with labels and without" in one for one in told] == [True] * is_told
    assert all("--target.1.as-domain NAME --unlabelled.0.as-domain NAME" in one for one in told)
    alone = toy_experiment(Path("near.jsonl"), unlabelled=(corpus("far.jsonl"),), method=DANN())
    assert labelled_target(alone, data) == []


def test_unlabelled_speech_that_a_head_does_not_hear_is_counted() -> None:
    data = replace(speech(), unlabelled=silent(speakers=["cat", None, None] * 4))
    experiment = toy_experiment(
        Path("en.jsonl"),
        unlabelled=(corpus("far"),),
        method=Composed(methods=(DANN(over="speaker"), L2SP())),
        source="base",
    )
    (told,) = unsaid_classes(experiment, data)
    assert (
        told == "over=speaker: 8 of 12 unlabelled utterances say no speaker, and the head does not hear them"
    )
    assert unsaid_classes(replace(experiment, method=DANN()), data) == []


def test_a_scale_of_the_target_s_own_needs_something_that_trains_it() -> None:
    own = DomainBatchNorm(affine="own")
    experiment = toy_experiment(Path("en.jsonl"), unlabelled=(corpus("far"),), method=own)
    told = untrained_affine(experiment, speech())
    assert told is not None
    assert "stay where they began" in told
    for method in (DomainBatchNorm(), Composed(methods=(own, MMD()))):
        assert untrained_affine(replace(experiment, method=method), speech()) is None
    assert untrained_affine(experiment, speech(domains=["us", "uk"] * 6)) is None
