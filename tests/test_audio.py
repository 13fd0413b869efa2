from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from speechtl.audio import (
    SAMPLE_RATE,
    AudioError,
    decode,
    duration,
    read_audio,
    read_pcm,
    resample,
    write_audio,
)

RATES = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)


def tone(rate: int, seconds: float = 0.5, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def loudest_hertz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * SAMPLE_RATE / len(samples))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".opus"])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_and_rate_becomes_the_same_16_khz_mono_tone(
    tmp_path: Path, suffix: str, rate: int, channels: int
) -> None:
    if suffix == ".opus" and rate in (22_050, 44_100):
        with pytest.raises(ValueError, match=r"\.opus at .* Hz cannot be written"):
            write_audio(tmp_path / f"a{suffix}", tone(rate), rate)
        return
    path = tmp_path / f"a{suffix}"
    write_audio(path, np.repeat(tone(rate)[:, None], channels, axis=1), rate)
    samples = read_audio(path)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert len(samples) / SAMPLE_RATE == pytest.approx(0.5, abs=0.001)
    assert duration(path) == pytest.approx(0.5, abs=0.001)
    assert loudest_hertz(samples) == pytest.approx(440, abs=4)
    middle = samples[2000:-2000]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@given(st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=300))
def test_16_khz_16_bit_samples_come_back_bit_for_bit(values: list[int]) -> None:
    import tempfile

    expected = np.array(values, dtype=np.int16)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.flac"
        soundfile.write(path, expected, SAMPLE_RATE, subtype="PCM_16")
        np.testing.assert_array_equal(read_pcm(path), expected)


def test_stereo_is_the_mean_of_its_channels(tmp_path: Path) -> None:
    left, right = tone(16_000), tone(16_000, hertz=1000)
    write_audio(tmp_path / "a.wav", np.stack([left, right], axis=1), 16_000)
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), (left + right) / 2, atol=1e-4)


def test_resampling_keeps_what_both_rates_can_hold_and_drops_the_rest() -> None:
    kept = resample(tone(48_000, hertz=3000).astype(np.float32), 48_000)
    np.testing.assert_allclose(kept[200:-200], tone(16_000, hertz=3000)[200:-200], atol=0.01)
    dropped = resample(tone(48_000, hertz=12_000).astype(np.float32), 48_000)
    assert np.abs(dropped[200:-200]).max() < 0.01


def test_values_beyond_full_scale_are_clipped_and_not_wrapped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([2.0, -2.0, 0.5]), SAMPLE_RATE, subtype="FLOAT")
    assert read_pcm(tmp_path / "a.wav").tolist() == [32_767, -32_768, 16_384]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for function in (read_audio, duration):
        with pytest.raises(FileNotFoundError, match=r"nowhere\.wav: no such file"):
            function(tmp_path / "nowhere.wav")
        with pytest.raises(FileNotFoundError, match="a folder is there"):
            function(tmp_path)


def test_text_renamed_to_wav_is_called_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("this is not sound")
    for function in (read_audio, duration):
        with pytest.raises(ValueError, match=r"a\.wav: not readable as audio .*convert"):
            function(tmp_path / "a.wav")


def test_files_without_samples_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), SAMPLE_RATE)
    (tmp_path / "b.wav").write_bytes(b"")
    for function in (read_audio, duration):
        with pytest.raises(ValueError, match=r"a\.wav: holds no samples"):
            function(tmp_path / "a.wav")
        with pytest.raises(ValueError, match=r"b\.wav: the file is empty"):
            function(tmp_path / "b.wav")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.1, bad]), SAMPLE_RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match="not numbers"):
        read_audio(tmp_path / "a.wav")


def test_an_mp3_that_was_cut_short_is_refused_with_both_lengths(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    write_audio(path, tone(44_100, seconds=1.0), 44_100)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    for function in (read_audio, duration):
        with pytest.raises(AudioError, match=r"cut short, it holds 0\.4\d s of the 1\.0\d s"):
            function(path)


def test_an_mp3_that_does_not_state_its_length_is_counted_and_never_read_in_part(tmp_path: Path) -> None:
    """Decoders guess from the first frame: of silence far too much, of noise too little, and stop there."""
    path = tmp_path / "a.mp3"
    silence, noise = np.zeros(48_000), np.random.default_rng(0).uniform(-0.9, 0.9, 48_000)

    def write(*parts: NDArray[np.float64]) -> None:
        soundfile.write(
            path, np.concatenate(parts), 16_000, subtype="MPEG_LAYER_III", bitrate_mode="VARIABLE"
        )
        content = path.read_bytes()
        path.write_bytes(content[content.index(content[:2], 4) :])

    write(silence, noise)
    assert duration(path) == pytest.approx(6, abs=0.15)
    assert len(read_audio(path)) == pytest.approx(96_000, abs=2400)
    write(noise, silence)
    for function in (read_audio, duration):
        with pytest.raises(
            AudioError, match=r"does not state its length, of which .* would be read; convert"
        ):
            function(path)


def test_a_cut_mp3_is_refused_without_a_word_of_the_decoder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mp3"
    write_audio(path, tone(44_100, seconds=1.0), 44_100)
    path.write_bytes(path.read_bytes()[:3000])
    for function in (read_audio, duration):
        with pytest.raises(AudioError):
            function(path)
    assert capfd.readouterr() == ("", "")


def test_a_flac_that_does_not_state_its_length_is_read(tmp_path: Path) -> None:
    """As those are that were written to a pipe: the samples' count, 36 bits of the header, is 0."""
    path = tmp_path / "a.flac"
    write_audio(path, tone(16_000, seconds=1.5), 16_000)
    whole = read_pcm(path)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert soundfile.info(path).frames > 1 << 60
    np.testing.assert_array_equal(read_pcm(path), whole)
    assert duration(path) == 1.5
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError, match="cut short or damaged"):
        read_audio(path)


def test_what_is_wrong_with_a_file_has_a_kind_and_a_cure(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for content, kind, mend in (
        (b"", "empty audio file", "fetch it again"),
        (b"no sound", "audio that cannot be read", "convert it"),
    ):
        path.write_bytes(content)
        with pytest.raises(AudioError) as caught:
            read_audio(path)
        assert (caught.value.kind, caught.value.mend) == (kind, mend)
        assert str(caught.value) == f"{path}: {caught.value.found}; {mend}"


def test_blocks_of_a_long_recording_are_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import speechtl.audio

    path = tmp_path / "a.wav"
    write_audio(path, tone(16_000, seconds=1.0), 16_000)
    whole = read_pcm(path)
    for size in (4_000, 16_000, 15_999, 7):
        monkeypatch.setattr(speechtl.audio, "_BLOCK", size)
        assert sum(len(block) for block, _ in decode(path)) == 16_000
        np.testing.assert_array_equal(read_pcm(path), whole)


def test_a_wav_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    for subtype in ("PCM_16", "PCM_24", "FLOAT", "PCM_U8"):
        path = tmp_path / f"{subtype}.wav"
        soundfile.write(path, tone(16_000), SAMPLE_RATE, subtype=subtype)
        whole = path.read_bytes()
        assert len(read_audio(path)) == 8_000
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match=r"cut short, its header promises \d+ bytes more"):
            read_audio(path)


def test_a_wav_whose_writer_did_not_know_its_length_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stream.wav"
    write_audio(path, tone(16_000), 16_000)
    content = bytearray(path.read_bytes())
    content[4:8] = b"\xff" * 4
    path.write_bytes(content)
    assert len(read_audio(path)) == 8_000


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".opus"])
def test_other_formats_that_were_cut_short_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, tone(16_000), 16_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cut short"):
        read_audio(path)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_width_of_wav_holds_the_same_sound(tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "a.wav", tone(16_000), SAMPLE_RATE, subtype=subtype)
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), tone(16_000), atol=1 / 120)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_what_is_written_is_read_again_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    values = np.arange(-32_768, 32_768, 5, dtype=np.int16)
    write_audio(tmp_path / f"a{suffix}", values / 32_768, 16_000)
    np.testing.assert_array_equal(read_pcm(tmp_path / f"a{suffix}"), values)


def test_an_unknown_ending_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot write '\.aac'; use \.wav"):
        write_audio(tmp_path / "a.aac", tone(16_000), 16_000)
