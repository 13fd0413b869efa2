from pathlib import Path

import pytest

from speechtl.sound_files import find


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for name in ("b.wav", "a.MP3", "c.txt", "deep/er/d.flac", "deep/e.ogg", "[x].wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_folders_patterns_and_files_in_a_stable_order(clips: Path) -> None:
    names = ["[x].wav", "a.MP3", "b.wav", "deep/e.ogg", "deep/er/d.flac"]
    assert find([clips]) == [clips / name for name in names]
    assert find([f"{clips}/**/*.*"]) == [clips / name for name in names]
    assert find([f"{clips}/[ab].*"]) == [clips / "a.MP3", clips / "b.wav"]
    # A file whose name looks like a pattern is that file; what is named twice is there once.
    assert find([clips / "[x].wav", clips / "c.txt", clips]) == [
        clips / name for name in ["[x].wav", "c.txt", *names[1:]]
    ]
    assert find(["gone.wav", clips / "b.wav"]) == [Path("gone.wav"), clips / "b.wav"]


def test_folders_and_patterns_without_sound_are_refused_together(clips: Path) -> None:
    (clips / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: no sound files(?s:.*)\*\.wave: no sound files"):
        find([clips / "empty", clips / "b.wav", f"{clips}/*.wave"])


def test_recordings_in_other_formats_are_named(clips: Path, caplog: pytest.LogCaptureFixture) -> None:
    (clips / "deep" / "phone.M4A").touch()
    assert len(find([clips])) == 5
    assert "passed over" in caplog.text
    assert "phone.M4A cannot be read; convert such files" in caplog.text
    for only in (clips / "only", f"{clips}/only/*"):
        (clips / "only").mkdir(exist_ok=True)
        (clips / "only" / "talk.aac").touch()
        with pytest.raises(ValueError, match=r"no sound files(?s:.*)talk\.aac cannot be read; convert"):
            find([only])
