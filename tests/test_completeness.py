from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.audio import write_audio
from speechtl.completeness import missing_end

RATES = (8_000, 16_000, 22_050, 44_100, 48_000)
MODES = ("CONSTANT", "AVERAGE", "VARIABLE")


def sound(rate: int, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(rate * seconds)) / rate
    noise = np.random.default_rng(0).normal(0, 0.02, len(time))
    return 0.3 * np.sin(2 * np.pi * (200 + 300 * time) * time) + noise


def mp3(path: Path, mode: str, rate: int = 16_000, channels: int = 1, has_count: bool = True) -> bytes:
    """An MP3 file; without a count, the frame that states it is taken away."""
    samples = np.repeat(sound(rate)[:, None], channels, axis=1)
    soundfile.write(path, samples, rate, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode=mode)
    content = path.read_bytes()
    assert b"Xing" in content[:60] or b"Info" in content[:60]
    if not has_count:
        sync = content[:2]
        content = content[content.index(sync, 4) :]
        assert b"Xing" not in content
        assert b"Info" not in content
        path.write_bytes(content)
    return content


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".opus"])
def test_a_whole_file_lacks_nothing(tmp_path: Path, suffix: str, rate: int) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".opus" and rate in (22_050, 44_100):
        pytest.skip("Opus has no such rate")
    for channels in (1, 2):
        write_audio(path, np.repeat(sound(rate)[:, None], channels, axis=1), rate)
        assert missing_end(path) is None


@pytest.mark.parametrize("has_count", [True, False])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_that_is_cut_is_found_with_and_without_a_stated_length(
    tmp_path: Path, mode: str, channels: int, has_count: bool
) -> None:
    path = tmp_path / "a.mp3"
    content = mp3(path, mode, channels=channels, has_count=has_count)
    assert missing_end(path) is None
    for share in (0.3, 0.5, 0.9):
        cut = round(share * len(content))
        starts_a_frame = content[cut : cut + 2] == content[:2]  # there, nothing shows
        path.write_bytes(content[: cut + 7 * starts_a_frame])
        gap = missing_end(path)
        assert gap is not None
        assert gap.is_certain
        if has_count:
            assert gap.message.endswith("s of the 1.08 s its header promises")
        else:
            assert gap.message == "its last frame is incomplete"


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_an_mp3_without_a_stated_length_is_found_wherever_a_frame_is_cut(data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp3"
        content = mp3(path, data.draw(st.sampled_from(MODES)), has_count=False)
        cut = data.draw(st.integers(1500, len(content) - 1))
        path.write_bytes(content[:cut])
        starts_a_frame = content[cut : cut + 2] == content[:2]
        assert starts_a_frame or missing_end(path) is not None


def test_what_stands_before_and_behind_the_frames_of_an_mp3_is_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    tag = b"ID3\x04\x00\x00\x00\x00\x01\x00" + b"Info and Xing in a comment \xff\xfb".ljust(128, b"\0")
    for has_count in (True, False):
        content = mp3(path, "VARIABLE", has_count=has_count)
        for before in (b"", tag, tag + tag):
            for behind in (b"", b"TAG" + b"x" * 125, b"\0" * 1000, b"APETAGEX" + b"\xff" * 200):
                path.write_bytes(before + content + behind)
                assert missing_end(path) is None, (has_count, before, behind)
            path.write_bytes(before + content[: len(content) // 2])
            assert missing_end(path) is not None


def test_a_flac_behind_an_mp3_s_tag_is_no_mp3(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    write_audio(path, sound(16_000), 16_000)
    path.write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x00" + path.read_bytes())
    assert missing_end(path) is None


@pytest.mark.parametrize("suffix", [".ogg", ".opus"])
def test_an_ogg_ends_with_a_whole_page_that_says_so(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, sound(16_000, seconds=9), 16_000)
    content = path.read_bytes()
    for size in (len(content) - 1, len(content) * 9 // 10, len(content) // 2, 100):
        path.write_bytes(content[:size])
        gap = missing_end(path)
        assert gap is not None
        assert gap == ("its last page is incomplete", True)
    path.write_bytes(content[: content.rindex(b"OggS")])
    assert missing_end(path) == ("its last page does not end the stream", False)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_a_wav_states_its_length_twice(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(16_000)[:15_999], 16_000, subtype=subtype)
    content = bytearray(path.read_bytes())
    assert missing_end(path) is None
    path.write_bytes(content[:-100])
    assert missing_end(path) is not None
    content[4:8] = (len(content) - 108).to_bytes(4, "little")
    path.write_bytes(content[:-100])
    gap = missing_end(path)
    assert gap is not None, "the chunk of the sound says so, too"
    assert "promises" in gap.message


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"RIFF\x10\0\0\0WAVE", b"OggS\0", b"\xff\xfb\x90\0", b"ID3"]),
)
def test_any_bytes_are_looked_at_without_an_error(content: bytes, magic: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.bin"
        path.write_bytes(magic + content)
        gap = missing_end(path)
        assert gap is None or gap.message
