"""Recordings longer than a window: joined without loss, in little memory."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import MakeModel
from torch import Tensor
from toy_speech import HERTZ, TINY, tones, words

from speechtl import hearing
from speechtl.audio import write_audio
from speechtl.batches import Examples
from speechtl.checkpoint import LoadedModel, load_model
from speechtl.decode import DecodeSettings
from speechtl.features import FeatureSettings
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.text import Tokenizer
from speechtl.transcribe import TranscribeSettings, Transcript, transcribe, transcripts
from speechtl.windows import WindowSettings

WHOLE = TranscribeSettings(WindowSettings(1000.0, 2.0), pause=0.3)
CUT = TranscribeSettings(WindowSettings(4.0, 2.0), pause=0.3)


def listen(
    model: AcousticModel, examples: Examples, language: str
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Hears each toy letter at its start, frame by frame of the model, by the loudest frequency."""
    units = model.tokenizers[language].units
    for place, waveform in enumerate(examples.waveforms):
        padded = np.pad(waveform.astype(np.float64), 1600)
        frames = int(model.encoded_frames(torch.tensor([len(waveform)]))[0])
        log_probs = torch.full((1, frames, 1 + len(units)), -12.0)
        before = 0
        for frame in range(frames):
            part = padded[640 * frame : 640 * frame + 640]
            hertz = np.abs(np.fft.rfft(part, 640)).argmax() * 25
            letter = min(units, key=lambda unit: abs(HERTZ[unit] - hertz))
            label = 0 if np.abs(part).max(initial=0) < 1_000 else 1 + units.index(letter)
            log_probs[0, frame, label if label != before else 0] = -0.01
            before = label
        yield [place], log_probs, torch.tensor([frames])


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> LoadedModel:
    """A model that reads toy speech without training."""
    monkeypatch.setattr(hearing, "posteriors", listen)
    tokenizers = {"en": Tokenizer.fit(list("aeio"), "en")}
    return LoadedModel(AcousticModel(TINY, FeatureSettings(), tokenizers), Fingerprints(), ())


def chain(path: Path, count: int, seed: int, pause: float = 0.5) -> tuple[list[str], list[float]]:
    """A recording of words with pauses between; their texts and starts in seconds."""
    random = np.random.default_rng(seed)
    texts = words(count, random)
    pieces, starts, length = [], [], 0
    for text in texts:
        silence = random.normal(0, 0.003, round(16_000 * pause * random.uniform(0.8, 1.2)))
        starts.append((length + len(silence)) / 16_000)
        pieces += [silence, tones(text, random)]
        length += len(pieces[-1]) + len(pieces[-2])
    write_audio(path, np.concatenate(pieces), 16_000)
    return texts, starts


def heard(model: LoadedModel, path: Path, options: TranscribeSettings, method: str = "greedy") -> Transcript:
    settings = DecodeSettings(method)
    (found,) = transcripts(model, [path], None, settings, options)
    return found


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_windows_lose_and_double_nothing(model: LoadedModel, tmp_path: Path, method: str) -> None:
    texts, starts = chain(tmp_path / "long.wav", 40, 0)
    found = heard(model, tmp_path / "long.wav", CUT, method)
    # The units have no space, so it is pauses that part the words.
    assert found.text == " ".join(texts) == heard(model, tmp_path / "long.wav", WHOLE, method).text
    assert [segment.start for segment in found.segments] == pytest.approx(starts, abs=0.2)


def test_a_short_file_is_heard_whole(model: LoadedModel, tmp_path: Path) -> None:
    for number in range(4):
        chain(tmp_path / f"{number}.wav", 3, number)
    files = [tmp_path / f"{number}.wav" for number in range(4)]
    settings = DecodeSettings()
    one = list(transcripts(model, files, None, settings, TranscribeSettings(WindowSettings(30.0, 4.0))))
    other = list(transcripts(model, files, None, settings, TranscribeSettings(WindowSettings(9.0, 1.0))))
    assert one == other
    assert transcribe(model, files, None, settings) == [(found.file, found.text) for found in one]


def test_long_and_short_files_keep_their_order(model: LoadedModel, tmp_path: Path) -> None:
    counts = [2, 12, 3, 14, 2]
    files = [tmp_path / f"{number}.wav" for number in range(5)]
    texts = [" ".join(chain(file, count, count)[0]) for file, count in zip(files, counts, strict=True)]
    found = list(transcripts(model, files, None, DecodeSettings(), CUT))
    assert [one.file for one in found] == files
    assert [one.text for one in found] == texts


def test_a_silent_stretch_says_nothing(model: LoadedModel, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    speech = tones("aeio", random)
    hush = random.normal(0, 0.0001, 16_000 * 12)
    write_audio(tmp_path / "hush.wav", np.concatenate([speech, hush, speech]), 16_000)
    assert heard(model, tmp_path / "hush.wav", CUT).text == "aeio aeio"


def test_memory_does_not_grow_with_the_recording(tmp_path: Path, make_model: MakeModel) -> None:
    model = load_model(make_model(tmp_path / "model", "en"))
    peaks = []
    for minutes in (3, 6):
        path = tmp_path / f"{minutes}.wav"
        noise = np.random.default_rng(0).uniform(-0.3, 0.3, 16_000 * 60).astype(np.float32)
        write_audio(path, np.tile(noise, minutes), 16_000)
        tracemalloc.start()
        heard(model, path, TranscribeSettings(WindowSettings(10.0, 2.0)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Three minutes more are 11.5 MB as float32 and 5.8 MB as int16.
    assert peaks[1] < peaks[0] + 1e6
    assert peaks[1] < 40e6


def test_bad_files_may_be_left_out(
    tmp_path: Path, make_model: MakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    model = load_model(make_model(tmp_path / "model", "en", words=["go"]))
    chain(tmp_path / "good.wav", 2, 0)
    (tmp_path / "bad.wav").write_text("no sound")
    files = [tmp_path / "bad.wav", tmp_path / "good.wav"]
    with pytest.raises(ValueError, match="1 of 2 files cannot be transcribed"):
        list(transcripts(model, files, None, DecodeSettings()))
    skipping = TranscribeSettings(skip_bad=True)
    found = list(transcripts(model, files, None, DecodeSettings(), skipping))
    assert [one.file for one in found] == files[1:]
    assert "1 of 2 files cannot be transcribed and are left out" in caplog.text
    with pytest.raises(ValueError, match="1 of 1 file"):
        list(transcripts(model, files[:1], None, DecodeSettings(), skipping))
    closed = DecodeSettings(closed=True)
    (one,) = transcripts(model, files[1:], None, closed)
    assert one.text == "go"
    assert [segment.text for segment in one.segments] == ["go"]
    chain(tmp_path / "long.wav", 12, 0)
    with pytest.raises(ValueError, match="too long for a choice of one text"):
        list(transcripts(model, [tmp_path / "long.wav"], None, closed, CUT))


def test_speaker_and_domain_reach_the_model(
    model: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def notice(
        model: AcousticModel, examples: Examples, language: str
    ) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        seen.append((set(examples.speakers), set(examples.domains)))
        yield from listen(model, examples, language)

    monkeypatch.setattr(hearing, "posteriors", notice)
    for count in (2, 12):
        chain(tmp_path / f"{count}.wav", count, 0)
    files = [tmp_path / "2.wav", tmp_path / "12.wav"]
    options = TranscribeSettings(CUT.windows, speaker="ann", domain="telephone")
    list(transcripts(model, files, None, DecodeSettings(), options))
    assert len(seen) > 2
    assert all(entry == ({"ann"}, {"telephone"}) for entry in seen)
