from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import DEVICES, MakeModel

from speechtl.audio import write_audio
from speechtl.checkpoint import load_model
from speechtl.decode import DecodeSettings
from speechtl.phrases import Segment
from speechtl.transcribe import transcribe, transcripts

GREEDY = DecodeSettings("greedy")


def make_files(folder: Path) -> list[Path]:
    """One sound in several rates, channels and formats."""
    seconds = np.arange(48_000) / 48_000
    sound = 0.3 * np.sin(2 * np.pi * (200 + 300 * seconds) * seconds)
    files = []
    for name, rate, channels in (("a.wav", 48_000, 1), ("b.flac", 16_000, 2), ("c.ogg", 24_000, 1)):
        samples = sound[:: 48_000 // rate]
        write_audio(folder / name, np.stack([samples] * channels, axis=1), rate)
        files.append(folder / name)
    return files


def test_files_of_any_format_come_back_in_their_order(tmp_path: Path, make_model: MakeModel) -> None:
    model = load_model(make_model(tmp_path / "model", "en", silent=False))
    files = [*make_files(tmp_path), tmp_path / "short.wav"]
    write_audio(files[-1], np.random.default_rng(0).uniform(-0.3, 0.3, 4000), 16_000)
    found = transcribe(model, files, None, GREEDY)
    assert [file for file, _ in found] == files
    assert transcribe(model, files[::-1], "en", GREEDY) == found[::-1]
    assert [transcribe(model, [file], None, GREEDY)[0] for file in files] == found
    assert transcribe(model, str(files[0]), None, GREEDY) == found[:1]
    assert {file for file, _ in transcribe(model, Path(files[0]).parent, None, GREEDY)} >= {*files}


@pytest.mark.parametrize("name", DEVICES)
def test_files_are_transcribed_on_the_device_there_is(
    tmp_path: Path, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    import speechtl.transcribe as module

    files = make_files(tmp_path)
    expected = transcribe(load_model(make_model(tmp_path / "model", "en", silent=False)), files, None, GREEDY)
    monkeypatch.setattr(module, "device", lambda: torch.device(name))
    model = load_model(tmp_path / "model")
    assert transcribe(model, files, None, GREEDY) == expected
    assert {value.device.type for value in model.model.state_dict().values()} == {name}


def test_the_language_is_asked_for_where_there_are_several(tmp_path: Path, make_model: MakeModel) -> None:
    model = load_model(make_model(tmp_path / "model", "en", "nan-Latn-tailo"))
    files = make_files(tmp_path)[:1]
    with pytest.raises(ValueError, match="heads for en, nan-Latn-tailo; choose one of them with --language"):
        transcribe(model, files, None, GREEDY)
    with pytest.raises(ValueError, match="no head for ar; it knows en, nan-Latn-tailo"):
        transcribe(model, files, "ar", GREEDY)
    assert transcribe(model, files, "NAN-latn-TAILO", GREEDY) == [(files[0], "")]


def test_text_comes_in_the_other_romanisation_too(
    tmp_path: Path, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from speechtl.hearing import Hearing

    model = load_model(make_model(tmp_path / "model", "en", "nan-Latn-tailo"))
    file = make_files(tmp_path)[0]
    heard = ("tsuí khuann0", [Segment(0.0, 1.0, "tsuí"), Segment(1.5, 2.0, "khuann0")])
    monkeypatch.setattr(Hearing, "short", lambda self, recordings: [heard])
    (found,) = transcripts(model, [file], "nan-Latn-pehoeji", GREEDY)
    assert [segment.text for segment in found.segments] == ["chúi", "khoaⁿ0"]
    assert transcribe(model, [file], "nan-Latn-tailo", GREEDY) == [(file, "tsuí khuann0")]
    assert transcribe(model, [file], "nan-Latn-pehoeji", GREEDY) == [(file, "chúi khoaⁿ0")]
    assert transcribe(model, [file], "nan-TW-tailo", GREEDY) == [(file, "tsuí khuann0")]


def test_all_bad_files_are_named_at_once(tmp_path: Path, make_model: MakeModel) -> None:
    model = load_model(make_model(tmp_path / "model", "en"))
    files = make_files(tmp_path)
    (tmp_path / "text.wav").write_text("no sound at all")
    write_audio(tmp_path / "silent.wav", np.zeros(8000), 16_000)
    bad = [tmp_path / "none.wav", tmp_path / "text.wav", tmp_path / "silent.wav"]
    with pytest.raises(ValueError, match="3 of 6 files cannot be transcribed") as caught:
        transcribe(model, [*files, *bad], None, GREEDY)
    for fault in ("none.wav: no such file", "text.wav: not readable", "silent.wav: silent, its level"):
        assert fault in str(caught.value)
    assert "a.wav" not in str(caught.value)


def test_closed_gives_listed_words_only(tmp_path: Path, make_model: MakeModel) -> None:
    listing = load_model(make_model(tmp_path / "listing", "en", words=["stop", "go"], silent=False))
    files = make_files(tmp_path)
    texts = [text for _, text in transcribe(listing, files, None, DecodeSettings(closed=True))]
    assert set(texts) <= {"stop", "go"}
    without = load_model(make_model(tmp_path / "without", "en"))
    with pytest.raises(ValueError, match="lists no words for en"):
        transcribe(without, files, None, DecodeSettings(closed=True))
