import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from speechtl.audio import write_audio
from speechtl.preparation import Recording, assemble, audio_files, find_audio, require


@pytest.fixture(autouse=True)
def own_cache(own_folders: Path) -> None:
    """Decoded clips stay in the test's folder."""


def sound(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, np.random.default_rng(seed).uniform(-0.2, 0.2, 3200), 16_000)
    return path


def recording(id_: str, audio: Path | None, text: str = "khì", language: str = "nan-Latn-tailo") -> Recording:
    return Recording(id_, audio, text, language, None, "toy")


def test_each_recording_is_kept_or_counted_under_one_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_audio(tmp_path / "quiet.wav", np.full(3200, 9 / 32_768), 16_000)
    (tmp_path / "text.wav").write_text("no sound")
    recordings = [
        recording("good", sound(tmp_path / "good.wav")),
        recording("gone", None),
        recording("gone and blank", None, text=""),
        recording("blank", sound(tmp_path / "blank.wav"), text=" \t"),
        recording("dots", sound(tmp_path / "dots.wav"), text="..."),
        recording("english", sound(tmp_path / "english.wav"), text="hello"),
        recording("stop with tone 2", sound(tmp_path / "stop.wav"), text="kap2"),
        recording("text", tmp_path / "text.wav"),
        recording("quiet", tmp_path / "quiet.wav"),
    ]
    with caplog.at_level(logging.INFO):
        corpus = assemble("toy", recordings, left_out={"too long": 2})
    assert corpus.column("id") == ["toy/good"]
    assert dict(corpus.left_out) == {
        "too long": 2,
        "absent": 2,
        "no text": 2,
        "text not understood": 2,
        "unreadable": 1,
        "silent": 1,
    }
    assert len(corpus) + sum(corpus.left_out.values()) == len(recordings) + 2
    assert "toy: 2 left out, text not understood: english, stop with tone 2" in caplog.text


def test_the_order_is_that_of_the_recordings_and_durations_are_the_headers(tmp_path: Path) -> None:
    recordings = [recording(str(i), sound(tmp_path / f"{i}.wav", i)) for i in range(50)]
    corpus = assemble("toy", recordings, split_by="text")
    assert corpus.column("id") == [f"toy/{i}" for i in range(50)]
    assert set(corpus.column("duration")) == {0.2}
    assert corpus.split_by == "text"


@pytest.mark.parametrize("recordings", [[], [recording("gone", None)]])
def test_a_corpus_of_nothing_is_an_error(recordings: Sequence[Recording]) -> None:
    with pytest.raises(ValueError, match=r"toy: nothing that can be used .*(no recording|1 absent).*--root"):
        assemble("toy", recordings)


def test_an_ambiguous_language_is_an_error_and_no_reason_to_leave_out(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="choose one of nan-Latn-tailo"):
        assemble("toy", [recording("a", sound(tmp_path / "a.wav"), language="nan")])


def test_a_listed_file_is_found_under_another_audio_ending(tmp_path: Path) -> None:
    flac = sound(tmp_path / "a (1).b.flac")
    assert find_audio(tmp_path / "a (1).b.wav") == flac
    assert find_audio(flac) == flac
    assert find_audio(tmp_path / "a (2).wav") is None


def test_audio_files_are_all_those_below_in_order(tmp_path: Path) -> None:
    names = ["b/字.mp3", "a.WAV", "b/c/it's.opus"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("._a.wav", "notes.txt", "b/.hidden.mp3"):
        (tmp_path / name).touch()
    assert [str(path.relative_to(tmp_path)) for path in audio_files(tmp_path)] == sorted(names)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no audio file in it"):
        list(audio_files(tmp_path / "empty"))


def test_all_that_is_missing_of_a_layout_is_named_at_once(tmp_path: Path) -> None:
    require(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"there is no .*/a and no .*/b; give its folder by --root"):
        require(tmp_path / "a", tmp_path, tmp_path / "b")
