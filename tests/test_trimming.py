"""Silence that is cut off: what counts as speech, and who hears of it."""

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toy_speech import toy_experiment, write_manifest

from speechtl.audio import read_pcm, write_audio
from speechtl.cache import load_waveforms
from speechtl.checkpoint import load_model
from speechtl.corpus import Corpus, Utterance
from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.decode import DecodeSettings
from speechtl.evaluate import evaluate
from speechtl.run import run
from speechtl.sets import Sets
from speechtl.transcribe import transcripts
from speechtl.trimming import PIECE, SHORTEST, speech_extent
from speechtl.waveforms import Waveforms

RATE = 16_000


def speech(before: float, during: float, after: float, level: float = 0.3) -> NDArray[np.int16]:
    """Noise between two stretches of noise that is 60 dB weaker, their seconds given."""
    random = np.random.default_rng(0)
    parts = [
        random.normal(0, loud, round(seconds * RATE))
        for seconds, loud in ((before, level / 1000), (during, level), (after, level / 1000))
    ]
    return np.round(20_000 * np.concatenate(parts)).astype(np.int16)


@pytest.mark.parametrize(("before", "after"), [(0.5, 0.3), (0.0, 0.4), (0.4, 0.0), (0.02, 0.02)])
def test_speech_is_found_to_a_frame(before: float, after: float) -> None:
    samples = speech(before, 0.4, after)
    start, end = speech_extent(samples, 30)
    assert 0 <= round(before * RATE) - start <= 3 * PIECE
    assert 0 <= end - round((before + 0.4) * RATE) <= 3 * PIECE


def test_what_is_nearer_to_the_loudest_than_asked_stays() -> None:
    quiet, loud = speech(0, 0.3, 0, level=0.03), speech(0, 0.3, 0, level=0.3)
    both = np.concatenate([quiet, loud])
    assert speech_extent(both, 30) == (0, len(both))
    start, end = speech_extent(both, 15)
    assert abs(start - len(quiet)) <= 3 * PIECE
    assert end == len(both)


@pytest.mark.parametrize("place", [0.1, 1.2, 1.9])
def test_a_click_in_silence_is_no_speech_and_no_measure_of_it(place: float) -> None:
    samples = speech(0.5, 0.5, 1.0)
    whole = speech_extent(samples, 30)
    clicked = samples.copy()
    at = round(place * RATE)
    clicked[at : at + 30] = 32_767
    assert speech_extent(clicked, 30) == whole


def test_what_is_louder_for_longer_than_a_click_counts() -> None:
    samples = speech(0.5, 0.5, 1.0)
    samples[1000:1800] = speech(0, 0.05, 0)
    assert speech_extent(samples, 30)[0] < 1000


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 6000),
    quiet=st.integers(0, 6000),
    trim_db=st.floats(1, 80),
    seed=st.integers(0, 1000),
)
def test_never_below_a_tenth_of_a_second_nor_outside(
    count: int, quiet: int, trim_db: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    loud = random.normal(0, 3000, count)
    samples = np.concatenate([np.zeros(quiet), loud, np.zeros(quiet)]).clip(-32768, 32767).astype(np.int16)
    start, end = speech_extent(samples, trim_db)
    assert 0 <= start <= end <= len(samples)
    assert end - start >= min(len(samples), SHORTEST)
    again = samples[start:end]
    assert speech_extent(again, trim_db)[1] <= len(again)


def test_it_is_fast() -> None:
    samples = speech(0.3, 0.5, 0.2)
    start = time.process_time()
    for _ in range(500):
        speech_extent(samples, 30)
    assert time.process_time() - start < 1.0


@pytest.fixture
def clips(own_folders: Path) -> Corpus:
    """Three clips with other silences around speech, saved as a corpus."""
    rows = []
    for number, (before, after) in enumerate([(0.5, 0.2), (0.0, 0.7), (0.3, 0.0)]):
        path = own_folders / f"{number}.wav"
        write_audio(path, speech(before, 0.3 + 0.1 * number, after) / 32768, RATE)
        rows.append(Utterance(f"u{number}", str(path), "one", "en", f"s{number}", None, 1.0, "train"))
    made = Corpus.from_utterances("clips", rows)
    made.save(own_folders / "data" / "clips")
    return made


def test_a_corpus_is_trimmed_wherever_it_is_heard_and_its_digests_stay(clips: Corpus) -> None:
    whole, cut = load_waveforms(clips), load_waveforms(CorpusSpec("clips", trim_db=30).open())
    assert cut.digests == whole.digests, "or the same recording would be in training and test"
    for index in range(3):
        start, end = speech_extent(whole[index], 30)
        np.testing.assert_array_equal(cut[index], whole[index][start:end])
    assert cut.durations.tolist() == [len(wave) / RATE for wave in cut]
    np.testing.assert_allclose(cut.durations, [0.3, 0.4, 0.5], atol=0.03)
    for chosen in (cut.select([2, 0]), cut[::-2]):
        assert [len(wave) for wave in chosen] == [len(cut[2]), len(cut[0])]
        np.testing.assert_array_equal(chosen[0], cut[2])
    with pytest.raises(ValueError, match="read-only"):
        cut[0][0] = 1


def test_trimming_twice_is_trimming_once(clips: Corpus) -> None:
    once = load_waveforms(replace(clips, trim_db=30.0))
    twice = once.trimmed(30)
    assert isinstance(twice, Waveforms)
    for one, other in zip(once, twice, strict=True):
        assert len(one) - len(other) <= 4 * PIECE
    np.testing.assert_array_equal(twice[1], once[1][: len(twice[1])])


def test_it_stays_with_the_corpus(clips: Corpus, tmp_path: Path) -> None:
    trimmed = CorpusSpec("clips", trim_db=25).open()
    assert trimmed.trim_db == 25
    for one in (trimmed.select([0, 1]), trimmed.split(by="none"), trimmed.filter(split="train")):
        assert one.trim_db == 25
    trimmed.save(tmp_path / "saved")
    assert Corpus.load(tmp_path / "saved").trim_db == 25
    clips.save(tmp_path / "whole")
    assert Corpus.load(tmp_path / "whole").trim_db is None


def test_corpora_are_joined_only_if_they_are_cut_alike(clips: Corpus) -> None:
    rows = [replace(row, id=f"x{row.id}") for row in clips]
    other = replace(Corpus.from_utterances("other", rows), trim_db=30.0)
    joined = Corpus.concatenate([replace(clips, trim_db=30.0), other])
    assert joined.trim_db == 30
    with pytest.raises(ValueError, match=r"clips, other: trim_db is 30.0 and None; give those"):
        Corpus.concatenate([clips, other])


@pytest.mark.parametrize("trim_db", [0, -3, float("nan"), float("inf")])
def test_decibels_that_mean_nothing_are_refused(trim_db: float) -> None:
    with pytest.raises(ValueError, match="expected decibels above 0, such as 30, or None"):
        corpus("clips", trim_db=trim_db)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a manifest, and a run whose target is trimmed; of dev and tests it says nothing."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHTL_CACHE", str(folder / "cache"))
        manifest = folder / "en.jsonl"
        for split, count in (("train", 24), ("dev", 4), ("test", 8)):
            write_manifest(manifest, count, split)
        target = corpus(str(manifest), split="train", trim_db=30)
        run(toy_experiment(manifest, target=target), folder / "runs")
    return folder


def between_silence(folder: Path, manifest: Path) -> tuple[Path, list[Path]]:
    """The test clips with a second of near silence on either side, in a manifest, and their files."""
    made, files = [], []
    for line in manifest.read_text().splitlines():
        entry = json.loads(line)
        if entry["split"] != "test":
            continue
        samples = read_pcm(manifest.parent / entry["audio"]) / 32768
        noise = np.random.default_rng(len(files)).normal(0, 1e-4, (2, RATE))
        files.append(folder / f"{len(files)}.wav")
        write_audio(files[-1], np.concatenate([noise[0], samples, noise[1]]), RATE)
        made.append(entry | {"audio": str(files[-1])})
    path = folder / "silence.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in made))
    return path, files


def test_a_model_hears_silence_as_its_training_speech_had_it(
    trained: Path, tmp_path: Path, own_folders: Path
) -> None:
    model = load_model(trained / "runs" / "toy" / "seed-0")
    assert model.model.trim_db == {"en": 30}
    manifest, files = between_silence(tmp_path, trained / "en.jsonl")
    long = CorpusSpec(str(manifest)).open()
    found = evaluate(model, {"long": long}).hypotheses["long"]
    known = evaluate(model, {"long": replace(long, trim_db=30.0)}).hypotheses["long"]
    assert [one.hyp for one in found] == [one.hyp for one in known]
    assert sum(one.hyp == one.ref for one in found) >= 6
    heard = list(transcripts(model, files, None, DecodeSettings("greedy")))
    assert [one.text for one in heard] == [one.hyp for one in found]
    for one in heard:
        assert one.segments[0].start > 0.9, "times are those of the whole recording"
    model.model.trim_db.clear()
    assert [one.hyp for one in evaluate(model, {"long": long}).hypotheses["long"]] != [
        one.hyp for one in found
    ]


def test_dev_and_tests_of_a_run_are_trimmed_like_its_target(trained: Path) -> None:
    target = corpus(str(trained / "en.jsonl"), split="train", trim_db=30)
    sets = Sets.of(toy_experiment(trained / "en.jsonl", target=target))
    assert sets.dev is not None
    assert sets.dev.trim_db == 30
    own = corpus(str(trained / "en.jsonl"), split="dev", trim_db=20)
    other = Sets.of(toy_experiment(trained / "en.jsonl", target=target, dev=(own,)))
    assert other.dev is not None
    assert other.dev.trim_db == 20


def test_adaptation_to_whole_speech_hears_it_whole_again(trained: Path, own_folders: Path) -> None:
    source = str(trained / "runs" / "toy" / "seed-0")
    run(toy_experiment(trained / "en.jsonl", name="whole", source=source), own_folders)
    assert load_model(own_folders / "whole" / "seed-0").model.trim_db == {}


def test_unlabelled_speech_that_is_trimmed_otherwise_is_told(trained: Path) -> None:
    manifest = str(trained / "en.jsonl")
    unlabelled = (corpus(manifest, split="train", trim_db=30),)
    sets = Sets.of(toy_experiment(trained / "en.jsonl", unlabelled=unlabelled))
    (note,) = (line for line in sets.check(None) if "trim_db" in line)
    assert note.startswith("the target's trim_db is None, that of the unlabelled speech 30")
