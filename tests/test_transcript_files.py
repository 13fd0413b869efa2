import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from speechtl.phrases import Segment
from speechtl.transcribe import Transcript
from speechtl.transcript_files import told, write

A = Transcript(Path("x/a.wav"), "tâi uân khì", (Segment(0.5, 1.25, "tâi uân"), Segment(3661.5, 3662, "khì")))
B = Transcript(Path("x/y/b.mp3"), "", ())


def test_each_format() -> None:
    assert told(A, "text") == "x/a.wav\ttâi uân khì\n"
    row = json.loads(told(A, "jsonl"))
    assert row == {
        "file": "x/a.wav",
        "text": "tâi uân khì",
        "segments": [
            {"start": 0.5, "end": 1.25, "text": "tâi uân"},
            {"start": 3661.5, "end": 3662, "text": "khì"},
        ],
    }
    assert "â" in told(A, "jsonl")
    assert told(A, "srt") == (
        "1\n00:00:00,500 --> 00:00:01,250\ntâi uân\n\n2\n01:01:01,500 --> 01:01:02,000\nkhì\n"
    )
    assert (told(B, "text"), told(B, "srt")) == ("x/y/b.mp3\t\n", "")


def test_a_stream_a_file_and_a_folder(tmp_path: Path) -> None:
    files = [A.file, B.file]
    stream = io.StringIO()
    write([A, B], files, stream, "text")
    assert stream.getvalue() == "x/a.wav\ttâi uân khì\nx/y/b.mp3\t\n"
    write([A, B], files, tmp_path / "new" / "out.jsonl", "jsonl")
    lines = (tmp_path / "new" / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["file"] for line in lines] == ["x/a.wav", "x/y/b.mp3"]
    write([A], [A.file], tmp_path / "one.srt", "srt")
    assert (tmp_path / "one.srt").read_text(encoding="utf-8") == told(A, "srt")
    write([A, B], files, tmp_path / "subtitles", "srt")
    found = sorted(path for path in (tmp_path / "subtitles").rglob("*") if path.is_file())
    assert found == [tmp_path / "subtitles" / "a.srt", tmp_path / "subtitles" / "y" / "b.srt"]
    (tmp_path / "folder").mkdir()
    write([A], [A.file], tmp_path / "folder", "text")
    assert (tmp_path / "folder" / "a.txt").read_text(encoding="utf-8") == "tâi uân khì\n"


def test_what_is_half_done_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("before")

    def breaks() -> Iterator[Transcript]:
        yield A
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(breaks(), [A.file, B.file], out, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]
    assert out.read_text() == "before"


def test_subtitles_of_several_files_need_a_folder_and_names_of_their_own(tmp_path: Path) -> None:
    files = [A.file, B.file]
    (tmp_path / "file").touch()
    for out in (io.StringIO(), tmp_path / "file"):
        with pytest.raises(ValueError, match=r"subtitles of 2 files need a folder .* --out DIR"):
            write([], files, out, "srt")
    with pytest.raises(ValueError, match=r"a.wav and x/a.mp3 would both be written to .*a.srt"):
        write([], [A.file, Path("x/a.mp3")], tmp_path / "folder", "srt")


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    recording = tmp_path / "a.wav"
    recording.write_bytes(b"speech")
    (tmp_path / "link.wav").symlink_to(recording)
    for out in (recording, tmp_path / "link.wav"):
        with pytest.raises(ValueError, match=r"is one of the recordings, and --out would overwrite it"):
            write([], [recording], out, "text")
    assert recording.read_bytes() == b"speech"


def test_a_folder_holds_all_transcripts_wherever_the_recordings_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "here")
    files = [Path("../../a.wav"), Path("b.wav")]
    write([replace(A, file=file) for file in files], files, tmp_path / "out", "srt")
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.srt")}
    assert found == {"out/a.srt", "out/deep/here/b.srt"}


def test_links_and_devices_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(tmp_path / "there.txt")
    write([A], [A.file], tmp_path / "link.txt", "text")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "there.txt").read_text(encoding="utf-8") == told(A, "text")

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write([A], [A.file], pipe, "text")
        assert os.read(reader, 1000).decode() == told(A, "text")
    finally:
        os.close(reader)
    assert pipe.is_fifo()
