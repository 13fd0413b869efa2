import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Doctor

from speechtl.audio import read_audio
from speechtl.cli import main
from speechtl.corpus import Corpus
from speechtl.corpus_spec import corpus
from speechtl.formats import read_corpus
from speechtl.synthesis import Engine, Wanted, synthetic_corpora
from speechtl.text import Tokenizer

TARGET = Wanted("nan-Latn-tailo", 44, 4, 6)
SOURCE = Wanted("en", 44, 3, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("synthesis") / "made"
    synthetic_corpora(place, [TARGET, SOURCE], seed=5)
    return place


def clips(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.flac"))}


def test_a_corpus_is_opened_with_what_its_splits_do_not_share(folder: Path) -> None:
    target = corpus(str(folder / "synthetic_nan_latn_tailo")).open()
    assert (target.name, target.split_by) == ("synthetic_nan_latn_tailo", "text")
    assert [len(target.filter(split=split)) for split in ("train", "dev", "test")] == [44, 4, 6]
    assert set(target.column("domain")) == {None}
    assert not any("|" in text for text in target.column("text"))
    source = Corpus.load(folder / "synthetic_en")
    assert source.split_by == "speaker"
    assert {"en-us", "en-gb"} <= set(source.column("domain"))
    tokenizer = Tokenizer.fit(target.filter(split="train").column("text"), "nan-Latn-tailo")
    assert all(tokenizer.encode(text) for text in target.column("text"))


def test_the_manifests_say_the_same_and_may_be_moved(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.symlink_to(folder)
    for name in ("synthetic_nan_latn_tailo", "synthetic_en"):
        prepared, manifest = Corpus.load(folder / name), read_corpus(moved / f"{name}.jsonl")
        for column in ("id", "text", "language", "speaker", "domain", "duration", "split"):
            assert prepared.column(column) == manifest.column(column)
        rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        assert all(row["audio"].startswith(f"clips/{name}/") for row in rows)
    whole = read_corpus(folder / "synthetic_all.jsonl")
    assert len(whole) == 54 + 50
    assert {name.split("/")[0] for name in whole.column("speaker")} == {
        "synthetic_nan_latn_tailo",
        "synthetic_en",
    }


def test_clips_are_speech_of_16_khz_between_silences(folder: Path) -> None:
    for utterance in Corpus.load(folder / "synthetic_en"):
        samples = read_audio(utterance.audio)
        assert len(samples) == round(16_000 * utterance.duration)
        assert not samples[:1200].any()
        assert not samples[-1200:].any()
        assert 0.02 < np.abs(samples).max() < 0.99


def test_the_doctor_finds_no_fault(folder: Path, doctor: Doctor) -> None:
    for name in ("synthetic_nan_latn_tailo", "synthetic_en"):
        status, printed = doctor(folder / name)
        assert status == 0, printed
        assert "no fault" in printed


def test_the_same_request_has_the_same_bytes_and_fewer_are_the_first_ones(
    folder: Path, tmp_path: Path
) -> None:
    fewer = Wanted("nan-Latn-tailo", 30, 2, 6)
    synthetic_corpora(tmp_path / "again", [SOURCE, fewer], seed=5)
    first, again = clips(folder), clips(tmp_path / "again")
    assert len(again) == 50 + 38
    assert all(first[name] == again[name] for name in again)
    synthetic_corpora(tmp_path / "other", [SOURCE], seed=6)
    other = clips(tmp_path / "other")
    assert all(first[name] != other[name] for name in other)


def test_it_says_that_it_is_synthetic(folder: Path) -> None:
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# Synthetic speech")
    assert "nobody was recorded" in readme
    assert "the seed 5" in readme
    assert "`synthetic_en`: en, utterances: 44 train, 3 dev, 3 test" in readme
    names = {path.name for path in folder.iterdir()} - {"README.md", "clips"}
    assert all(name.startswith("synthetic_") for name in names)


def test_nothing_is_left_where_it_stops_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [5]
    say = Engine.say

    def stop(*arguments: object, **options: object) -> object:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return say(*arguments, **options)

    monkeypatch.setattr(Engine, "say", stop)
    with pytest.raises(KeyboardInterrupt):
        synthetic_corpora(tmp_path / "made", [SOURCE])
    assert not [*tmp_path.iterdir()]
    monkeypatch.undo()
    synthetic_corpora(tmp_path / "made", [Wanted("en", 1, 1, 1)])  # the engine was closed


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(FileExistsError, match="exists and is not empty; name another folder, or remove it"):
        synthetic_corpora(tmp_path, [SOURCE])
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("speechtl.synthesis.synthetic_corpus.write_audio", full)
    with pytest.raises(OSError, match=r"synthetic speech could not be written to .*/made: No space left"):
        synthetic_corpora(tmp_path / "made", [SOURCE])
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("wanted", [[], [SOURCE, SOURCE]])
def test_corpora_need_names_of_their_own(wanted: list[Wanted], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="need a name of their own each"):
        synthetic_corpora(tmp_path / "made", wanted)


def test_the_command_makes_a_corpus_to_train_on(
    own_folders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_folders)
    command = ["quickstart", "--corpus-only", "--out", "spoken", "--utterances", "12"]
    assert main([*command, "--language", "es", "nan-Latn-tailo", "--seed", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("synthetic speech")
    assert "synthetic_nan_latn_tailo" in printed.out
    assert "in spoken" in printed.err
    assert len(Corpus.load("spoken/synthetic_es")) == 12
    assert main([*command, "--language", "es"]) == 2
    assert "spoken exists and is not empty" in capsys.readouterr().err


def test_mistakes_of_the_command(
    own_folders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_folders)
    assert main(["quickstart", "--corpus-only", "--out", "spoken", "--language", "fr"]) == 2
    assert "no texts to synthesise in 'fr'" in capsys.readouterr().err
    assert main(["quickstart", "--corpus-only", "--out", "spoken", "--utterances", "1"]) == 2
    assert "1 utterances asked for" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert main(["quickstart", "--corpus-only", "--out", "spoken"]) == 2
    assert "pip install 'speechtl[synth]'" in capsys.readouterr().err
    assert not Path("spoken").exists()
