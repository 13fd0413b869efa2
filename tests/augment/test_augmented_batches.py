"""What holds for every augmentation, in the batches that training sees."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from speechtl.augment import AugmentSettings
from speechtl.batches import Batch, Examples, Stream, concatenate

ONE_ON = {
    "pitch": AugmentSettings(pitch=2.0),
    "tempo": AugmentSettings(tempo=0.1),
    "vocal_tract": AugmentSettings(vocal_tract=0.1),
    "reverb": AugmentSettings(reverb=0.5),
    "noise": AugmentSettings(noise=0.5),
    "chain": AugmentSettings(chain=0.5),
}
ALL_ON = AugmentSettings(pitch=2.0, tempo=0.1, vocal_tract=0.1, reverb=0.5, noise=0.5, chain=0.5)
DRAWN = {
    "pitch": ("pitches",),
    "tempo": ("tempos",),
    "vocal_tract": ("warps",),
    "reverb": ("has_room", "rt60", "direct_db"),
    "noise": ("has_noise", "snr", "kinds"),
}


def examples(count: int = 60, seconds: tuple[float, ...] = (), speakers: int = 3) -> Examples:
    random = np.random.default_rng(0)
    lengths = seconds or tuple(random.uniform(0.2, 1.2, count))
    waves = [random.normal(0, 2000, round(16_000 * length)).astype(np.int16) for length in lengths]
    return Examples(
        waveforms=waves,
        seconds=np.array([len(wave) / 16_000 for wave in waves]),
        labels=[[1 + i % 3, 4] for i in range(len(waves))],
        languages=[("en", "ar")[i % 2] for i in range(len(waves))],
        ids=[f"u{i}" for i in range(len(waves))],
        speakers=[f"s{i % speakers}" for i in range(len(waves))],
        domains=["test"] * len(waves),
        separators={"en": (9,)},
    )


def stream(settings: AugmentSettings, **changed: object) -> Stream:
    return Stream(changed.pop("examples", examples()), 6.0, 1, settings, **changed)


def equal(first: Batch, second: Batch) -> bool:
    return (
        first.ids == second.ids
        and torch.equal(first.waveforms, second.waveforms)
        and torch.equal(first.lengths, second.lengths)
        and torch.equal(first.labels, second.labels)
        and (first.warps is None) == (second.warps is None)
        and (first.warps is None or second.warps is None or torch.equal(first.warps, second.warps))
    )


@pytest.mark.parametrize("name", ["all", *ONE_ON])
def test_a_batch_is_a_pure_function_of_settings_and_step(name: str) -> None:
    settings = ONE_ON.get(name, ALL_ON)
    late = stream(settings).batch(9)
    other, state = stream(settings), torch.get_rng_state()
    batches = [other.batch(step) for step in range(10)]
    assert equal(batches[9], late)
    assert equal(other.batch(3), batches[3])
    assert torch.equal(torch.get_rng_state(), state), "the global generator was used"
    assert not equal(Stream(examples(), 6.0, 2, settings).batch(9), late)


@pytest.mark.parametrize("name", ONE_ON)
def test_it_changes_what_training_hears(name: str) -> None:
    """Switched on it does something; what it may not touch stays."""
    plain, changed = stream(AugmentSettings()), stream(ONE_ON[name])
    steps = range(len(plain.plan(0).batches))
    if name == "vocal_tract":
        assert all(torch.equal(plain.batch(s).waveforms, changed.batch(s).waveforms) for s in steps)
        warps = torch.cat([batch.warps for batch in map(changed.batch, steps) if batch.warps is not None])
        assert set(warps.tolist()) <= set(torch.tensor(ONE_ON[name].warps).tolist())
        assert len(warps.unique()) > 5
    else:
        assert not all(equal(plain.batch(step), changed.batch(step)) for step in steps)
        assert changed.batch(0).warps is None


@pytest.mark.parametrize("name", DRAWN)
def test_switching_one_on_shifts_no_other_draw(name: str) -> None:
    plain, changed = stream(AugmentSettings()).plan(3), stream(ONE_ON[name]).plan(3)
    everything = stream(ALL_ON).plan(3)
    assert np.array_equal(plain.utterances, changed.utterances)
    assert np.array_equal(plain.draws.speeds, everything.draws.speeds)
    for other, fields in DRAWN.items():
        for field in fields:
            alone, together = (getattr(plan.draws, field) for plan in (changed, everything))
            if other == name:
                assert np.array_equal(alone, together), f"{field} depends on what else is on"
            else:
                assert np.array_equal(alone, getattr(plain.draws, field)), f"{name} shifts {field}"


def test_phrases_are_the_same_whatever_else_is_on() -> None:
    alone, together = stream(ONE_ON["chain"]).plan(2).phrases, stream(ALL_ON).plan(2).phrases
    assert alone is not None
    assert together is not None
    assert np.array_equal(alone.followers, together.followers)
    assert np.array_equal(alone.pauses, together.pauses)


@pytest.mark.parametrize("name", ["all", *ONE_ON])
def test_lengths_are_those_that_were_planned_for(name: str) -> None:
    """Buckets keep their bound and their little padding only if plans know the lengths."""
    changed = stream(ONE_ON.get(name, ALL_ON))
    plan = changed.plan(0)
    for step, numbers in enumerate(plan.batches):
        batch = changed.batch(step)
        assert batch.lengths.numpy() / 16_000 == pytest.approx(plan.seconds[numbers], abs=3 / 16_000)
        assert batch.waveforms.shape[1] * len(numbers) / 16_000 <= 6 + 1e-3 * len(numbers)
        for row, length in zip(batch.waveforms, batch.lengths.tolist(), strict=True):
            assert not row[length:].any()


@pytest.mark.parametrize("name", ["all", *ONE_ON])
def test_any_length_of_clip_stays_finite(name: str) -> None:
    """Clips of 1 sample, 0.14 s and 60 s, among which silence."""
    short = examples(seconds=(1 / 16_000, 0.14, 0.14, 0.5, 60.0, 0.3, 0.3))
    waves = [*short.waveforms[:-2], np.zeros(4_800, np.int16), np.zeros(4_800, np.int16)]
    settings = replace(ONE_ON.get(name, ALL_ON), chain=0.5 * (name in ("all", "chain")))
    changed = Stream(replace(short, waveforms=waves), 24.0, 0, settings)
    seen: set[str] = set()
    for step in range(2 * len(changed.plan(0).batches)):
        batch = changed.batch(step)
        assert torch.isfinite(batch.waveforms).all()
        seen.update(id_ for ids in batch.ids for id_ in ids.split(" + "))
    assert seen == set(short.ids)


def test_phrases_in_a_batch() -> None:
    """Of one language and speaker, with labels joined by what is written between words."""
    speech = examples()
    changed = stream(AugmentSettings(speeds=(1.0,), chain=1.0, chain_longest=3), examples=speech)
    where = {id_: index for index, id_ in enumerate(speech.ids)}
    chained = 0
    for step in range(len(changed.plan(0).batches)):
        batch = changed.batch(step)
        for row, ids in enumerate(batch.ids):
            parts = [where[id_] for id_ in ids.split(" + ")]
            chained += len(parts) > 1
            assert {speech.languages[part] for part in parts} == {batch.languages[row]}
            assert {speech.speakers[part] for part in parts} == {batch.speakers[row]}
            between = [9] if batch.languages[row] == "en" else []
            labels = list(speech.labels[parts[0]])
            for part in parts[1:]:
                labels += [*between, *speech.labels[part]]
            assert batch.labels[row, : batch.label_lengths[row]].tolist() == labels
            pauses = float(batch.lengths[row]) / 16_000 - speech.seconds[parts].sum()
            assert 0.1 * (len(parts) - 1) - 1e-3 <= pauses <= 0.4 * (len(parts) - 1) + 1e-3
    assert chained == len(speech)


def test_unknown_speakers_follow_each_other_within_a_domain() -> None:
    unknown = replace(examples(), speakers=[None] * 60, domains=["a", "a", "b"] * 20)
    changed = stream(AugmentSettings(chain=1.0), examples=unknown)
    where = {id_: index for index, id_ in enumerate(unknown.ids)}
    for step in range(10):
        for ids in changed.batch(step).ids:
            parts = [where[id_] for id_ in ids.split(" + ")]
            assert len(parts) > 1
            assert len({unknown.domains[part] for part in parts}) == 1


def test_loud_speech_is_not_clipped() -> None:
    loud = replace(examples(2), waveforms=[np.full(8_000, 32_767, np.int16)] * 2, seconds=np.full(2, 0.5))
    noisy = stream(AugmentSettings(noise=1.0, snr=(0.0, 0.0), noise_kinds=("white",)), examples=loud)
    assert noisy.batch(0).waveforms.abs().max() > 1.5


def test_two_threads_may_ask_at_once() -> None:
    wanted = [stream(ALL_ON).batch(step) for step in range(40)]
    shared = stream(ALL_ON)
    found: list[Batch] = []
    ahead = threading.Thread(target=lambda: found.extend(map(shared.batch, range(40))))
    ahead.start()
    mine = [shared.batch(step) for step in reversed(range(40))][::-1]
    ahead.join()
    assert all(map(equal, mine, wanted))
    assert all(map(equal, found, wanted))


def test_streams_with_and_without_warps_in_one_batch() -> None:
    warped, plain = stream(ONE_ON["vocal_tract"]).batch(0), stream(AugmentSettings()).batch(0)
    joined = concatenate([warped, plain])
    assert joined.warps is not None
    assert joined.warps[len(warped.ids) :].tolist() == [1.0] * len(plain.ids)
    assert concatenate([plain, plain]).warps is None


def test_plans_of_past_epochs_are_not_kept() -> None:
    long = stream(AugmentSettings())
    for epoch in range(6):
        long.plan(epoch)
    assert len(long._epochs._plans) == 2
    assert long.batch(2).ids == stream(AugmentSettings()).batch(2).ids
