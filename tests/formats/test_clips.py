import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from own_speech import sound

from speechtl.audio import read_pcm, write_audio
from speechtl.formats import clips as clips_module
from speechtl.formats.clips import cut, keep_bytes, prune
from speechtl.formats.listing import Span


def test_parts_hold_the_samples_between_their_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks, so that parts begin and end in different ones, and several are open at once."""
    import speechtl.audio

    monkeypatch.setattr(speechtl.audio, "_BLOCK", 1000)
    long = sound(tmp_path / "long.flac", seconds=2)
    spans = [Span(0.5, 1.5), Span(0.0, 0.05), Span(0.6, 0.61), Span(1.0, None), Span(0.5, 0.75)]
    found = cut(tmp_path / "clips", long, spans)
    whole = read_pcm(long)
    for span in spans:
        end = None if span.end is None else round(16_000 * span.end)
        clip = found[span]
        assert isinstance(clip, Path)
        assert (read_pcm(clip) == whole[round(16_000 * span.start) : end]).all()


def test_rates_and_channels_are_kept(tmp_path: Path) -> None:
    import soundfile

    stereo = np.random.default_rng(0).uniform(-0.3, 0.3, (24_000, 2))
    write_audio(tmp_path / "stereo.wav", stereo, 24_000)
    both, right, third = Span(0.25, 0.5), Span(0.25, 0.5, 1), Span(0.25, 0.5, 2)
    found = cut(tmp_path / "clips", tmp_path / "stereo.wav", [both, right, third])
    whole, _ = soundfile.read(tmp_path / "stereo.wav", always_2d=True)
    for span, expected in ((both, whole[6000:12_000]), (right, whole[6000:12_000, 1:])):
        samples, rate = soundfile.read(str(found[span]), always_2d=True)
        assert rate == 24_000
        assert (samples == expected).all()
    assert found[third] == "channel 2 of a recording with 2"


def test_a_recording_is_decoded_once_and_not_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    decode = clips_module.decode
    monkeypatch.setattr(clips_module, "decode", lambda path: decoded.append(path) or decode(path))
    long = sound(tmp_path / "long.wav", seconds=1)
    spans = [Span(number / 10, (number + 1) / 10) for number in range(10)]
    first = cut(tmp_path / "clips", long, spans)
    assert decoded == [long]
    assert cut(tmp_path / "clips", long, spans[::-1]) == first
    assert decoded == [long]
    Path(first[spans[3]]).unlink()
    assert cut(tmp_path / "clips", long, spans) == first
    assert decoded == [long, long]


def test_a_changed_recording_is_cut_anew(tmp_path: Path) -> None:
    long = sound(tmp_path / "long.wav", seconds=1)
    first = cut(tmp_path / "clips", long, [Span(0, 0.5)])
    sound(long, seed=1, seconds=1.5)
    assert cut(tmp_path / "clips", long, [Span(0, 0.5)]) != first


def test_parts_that_a_recording_has_not_are_told(tmp_path: Path) -> None:
    long = sound(tmp_path / "long.wav", seconds=1)
    spans = [Span(0.5, 1.6), Span(1.2, 1.4), Span(2, None), Span(0.5, 1.4)]
    found = cut(tmp_path / "clips", long, spans)
    assert [found[span] for span in spans[:3]] == [
        "0.5 s to 1.6 s of a recording of 1.00 s",
        "1.2 s to 1.4 s of a recording of 1.00 s",
        "2 s to the end of a recording of 1.00 s",
    ]
    assert len(read_pcm(found[spans[3]])) == 8000


MEASURE = """
import sys, tracemalloc
from pathlib import Path
import speechtl.audio
from speechtl.formats.clips import cut
from speechtl.formats.listing import Span

speechtl.audio._BLOCK = 16_000
long, clips = Path(sys.argv[1]), Path(sys.argv[2])
cut(clips / "first", long, [Span(0.0, 1.0)])
tracemalloc.start()
cut(clips / "all", long, [Span(float(second), second + 1.0) for second in range(119)])
print(tracemalloc.get_traced_memory()[1])
"""


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    """In a process of its own: whatever else this one allocates meanwhile would be counted."""
    long = sound(tmp_path / "long.wav", seconds=120)
    script = [sys.executable, "-c", MEASURE, str(long), str(tmp_path / "clips")]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    assert len(list((tmp_path / "clips" / "all").rglob("*.*"))) == 119
    assert int(done.stdout) < 2_000_000, "the whole recording is 7.7 MB as float32"


def test_bytes_are_kept_as_they_are_once_and_with_an_ending(tmp_path: Path) -> None:
    clip = sound(tmp_path / "a.flac").read_bytes()
    kept = keep_bytes(tmp_path / "clips", clip, "sub/b.FLAC")
    assert kept.read_bytes() == clip
    assert kept.suffix == ".flac"
    before = kept.stat().st_mtime_ns
    assert keep_bytes(tmp_path / "clips", clip, None) == kept
    assert kept.stat().st_mtime_ns == before
    assert keep_bytes(tmp_path / "clips", b"RIFF....", "x.bin").suffix == ".wav"
    assert keep_bytes(tmp_path / "clips", b"\xff\xfb....", None).suffix == ".mp3"


def test_what_no_utterance_uses_is_removed(tmp_path: Path) -> None:
    kept = keep_bytes(tmp_path / "clips", b"RIFF1", None)
    keep_bytes(tmp_path / "clips", b"RIFF2", None)
    prune(tmp_path / "clips", {str(kept)})
    assert [path for path in (tmp_path / "clips").rglob("*") if path.is_file()] == [kept]
    prune(tmp_path / "clips", set())
    assert not (tmp_path / "clips").exists()
    prune(tmp_path / "clips", set())
