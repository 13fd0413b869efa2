from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechtl.augment import AugmentSettings
from speechtl.batches import Examples, Stream, concatenate, inference_batches
from speechtl.epochs import bucket


def make_examples(seconds: list[float], languages: list[str] | None = None, seed: int = 0) -> Examples:
    random = np.random.default_rng(seed)
    waves = [random.integers(-900, 900, round(s * 16_000)).astype(np.int16) for s in seconds]
    count = len(seconds)
    return Examples(
        waveforms=waves,
        seconds=np.array([len(wave) / 16_000 for wave in waves]),
        labels=[[1 + i % 3, 2] for i in range(count)],
        languages=languages or ["en"] * count,
        ids=[f"u{i}" for i in range(count)],
        speakers=[None] * count,
        domains=["test"] * count,
    )


def drawn(count: int, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).uniform(0.2, 1.5, count).tolist()


def epoch_ids(stream: Stream, epoch: int) -> list[str]:
    plan = stream.plan(epoch)
    return [stream.examples.ids[i] for batch in plan.batches for i in plan.utterances[batch]]


def test_every_utterance_comes_once_per_epoch() -> None:
    stream = Stream(make_examples(drawn(97)), batch_seconds=8, seed=1)
    for epoch in range(3):
        assert sorted(epoch_ids(stream, epoch)) == sorted(stream.examples.ids)


def test_order_is_a_pure_function_of_seed_and_step() -> None:
    examples = make_examples(drawn(50))
    stream, again = (
        Stream(examples, 6, seed=2, augment=AugmentSettings(speeds=(0.9, 1.1))) for _ in range(2)
    )
    late = again.batch(37)
    for step in range(38):
        batch = stream.batch(step)
    assert batch.ids == late.ids
    assert torch.equal(batch.waveforms, late.waveforms)
    other = Stream(examples, 6, seed=3, augment=AugmentSettings(speeds=(0.9, 1.1)))
    assert [other.batch(s).ids for s in range(5)] != [stream.batch(s).ids for s in range(5)]
    assert epoch_ids(stream, 0) != epoch_ids(stream, 1)


def test_batches_are_bounded_in_padded_seconds_of_what_is_played() -> None:
    stream = Stream(make_examples(drawn(200)), batch_seconds=10, seed=0, augment=AugmentSettings())
    for step in range(30):
        batch = stream.batch(step)
        assert batch.waveforms.shape[1] * len(batch.ids) / 16_000 <= 10 + 1e-3 * len(batch.ids)


def test_padding_is_under_five_percent() -> None:
    stream = Stream(make_examples(drawn(400)), batch_seconds=24, seed=0, augment=AugmentSettings())
    assert stream.plan(0).padding_share < 0.05


def test_languages_mix_within_batches() -> None:
    examples = make_examples(drawn(300), ["ar", "en", "cmn-Latn-pinyin"] * 100)
    stream = Stream(examples, batch_seconds=24, seed=0)
    mixed = [len(set(stream.batch(step).languages)) for step in range(len(stream.plan(0).batches))]
    assert np.mean(mixed) > 2.5


def test_batches_of_one_language_each_cover_the_same_epoch() -> None:
    examples = make_examples(drawn(200), [f"l{index % 3}" for index in range(200)])
    stream = Stream(examples, batch_seconds=24, seed=0, is_mixed=False)
    batches = [stream.batch(step) for step in range(len(stream.plan(0).batches))]
    assert all(len(set(batch.languages)) == 1 for batch in batches)
    assert len({batch.languages[0] for batch in batches[:12]}) == 3
    assert sorted(epoch_ids(stream, 0)) == sorted(examples.ids)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_language_shares_follow_the_temperature(temperature: float) -> None:
    languages = ["ar"] * 320 + ["en"] * 40
    stream = Stream(make_examples([0.5] * 360, languages), 8, seed=0, temperature=temperature)
    counts = Counter(
        stream.examples.languages[i]
        for plan in map(stream.plan, range(4))
        for batch in plan.batches
        for i in plan.utterances[batch]
    )
    expected = 320 ** (1 / temperature) / (320 ** (1 / temperature) + 40 ** (1 / temperature))
    assert counts["ar"] / counts.total() == pytest.approx(expected, abs=0.01)


@given(st.lists(st.floats(0.1, 30), min_size=1, max_size=60), st.floats(0.5, 40))
def test_buckets_cover_everything_within_the_bound(seconds: list[float], bound: float) -> None:
    lengths = np.sort(np.array(seconds))
    batches = bucket(lengths, bound)
    assert np.concatenate(batches).tolist() == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or lengths[batch].max() * len(batch) <= bound


def test_inference_batches_give_every_utterance_once() -> None:
    examples = make_examples(drawn(30))
    seen = [int(i) for indices, batch in inference_batches(examples, 5.0) for i in indices]
    assert sorted(seen) == list(range(30))
    for indices, batch in inference_batches(examples, 5.0):
        assert batch.ids == tuple(examples.ids[i] for i in indices)
        assert batch.lengths.tolist() == [len(examples.waveforms[i]) for i in indices]


def test_concatenated_batches_keep_every_utterance() -> None:
    first, second = make_examples([0.3, 0.4]).batch([0, 1]), make_examples([0.9], seed=5).batch([0])
    joined = concatenate([first, second])
    assert joined.ids == ("u0", "u1", "u0")
    assert joined.waveforms.shape == (3, 14_400)
    assert torch.equal(joined.waveforms[2, :14_400], second.waveforms[0])
    assert joined.lengths.tolist() == [4_800, 6_400, 14_400]
    assert joined.labels.tolist() == [[1, 2], [2, 2], [1, 2]]
