from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.audio import AudioError, PieceResampler, read_pcm, read_pieces, resample, write_audio


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from([8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 12_345]),
    st.integers(1, 30_000),
    st.lists(st.integers(1, 9_000), min_size=1, max_size=4),
)
def test_resampling_in_pieces_is_resampling(rate: int, length: int, sizes: list[int]) -> None:
    samples = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    resampler = PieceResampler(rate)
    found, start = [], 0
    while start < length:
        size = sizes[start % len(sizes)]
        found.append(resampler.feed(samples[start : start + size]))
        start += size
    found.append(resampler.finish())
    assert np.array_equal(np.concatenate(found), resample(samples, rate))


@pytest.mark.parametrize(("name", "rate"), [("a.wav", 16_000), ("a.flac", 44_100), ("a.mp3", 48_000)])
def test_pieces_are_the_samples_of_the_whole_file(tmp_path: Path, name: str, rate: int) -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 24 * rate)
    write_audio(tmp_path / name, samples, rate)
    pieces = list(read_pieces(tmp_path / name))
    assert len(pieces) > 1 or rate == 16_000
    assert np.array_equal(np.concatenate(pieces), read_pcm(tmp_path / name))


def test_bad_files_are_refused_where_they_are_bad(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match="not readable as audio"):
        list(read_pieces(tmp_path / "text.wav"))
    with pytest.raises(FileNotFoundError):
        list(read_pieces(tmp_path / "none.wav"))
