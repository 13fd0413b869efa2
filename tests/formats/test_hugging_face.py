import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
from datasets import Audio, Dataset, DatasetDict, load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from own_speech import assert_same, awkward, corpora, kinds, message_of, sound, texts
from pyarrow import parquet

from speechtl.corpus import Corpus
from speechtl.formats import read, read_corpus, write_hugging_face


@pytest.fixture(autouse=True)
def own_hub_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `datasets` keeps of what it loads stays in the test's folder."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "cache"))


def table(*recordings: Any, **columns: list[Any]) -> pyarrow.Table:
    """What the hub holds: recordings as their bytes and a name, and the features told beside."""
    audio = pyarrow.array(recordings, pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()}))
    made = pyarrow.table({"audio": audio, **columns})
    features = {name: {"_type": "Value", "dtype": str(made.field(name).type)} for name in columns}
    info = {"info": {"features": {"audio": {"_type": "Audio"}, **features}}}
    return made.replace_schema_metadata({"huggingface": json.dumps(info)})


def recording(path: Path) -> dict[str, Any]:
    return {"bytes": path.read_bytes(), "path": path.name}


def test_awkward_speech_comes_back_as_it_was(tmp_path: Path) -> None:
    corpus = awkward(tmp_path)
    write_hugging_face(corpus, tmp_path / "parquet")
    assert_same(read_corpus(tmp_path / "parquet"), corpus, is_copied=True)


def test_what_is_written_opens_with_the_library(tmp_path: Path) -> None:
    corpus = awkward(tmp_path)
    write_hugging_face(corpus, tmp_path / "parquet")
    opened = load_dataset(str(tmp_path / "parquet"))
    assert sorted(opened) == ["test", "train", "validation"]
    assert isinstance(opened["train"].features["audio"], Audio)
    opened.save_to_disk(str(tmp_path / "saved"))
    assert_same(read_corpus(tmp_path / "saved"), corpus, is_copied=True)
    opened["test"].save_to_disk(str(tmp_path / "one"))
    assert_same(read_corpus(tmp_path / "one"), corpus.filter(split="test"), is_copied=True)
    arrow = next((tmp_path / "one").glob("*.arrow"))
    assert_same(read_corpus(arrow), corpus.filter(split="test"), is_copied=True)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_dataset_is_loaded_by_its_name(tmp_path: Path, streaming: bool) -> None:
    corpus = awkward(tmp_path)
    write_hugging_face(corpus, tmp_path / "parquet")
    found = read(f"hf:{tmp_path / 'parquet'}", streaming=streaming, clips=tmp_path / "clips")
    assert (found.name, found.format, found.faults) == ("parquet", "Hugging Face", [])
    assert_same(found.utterances, corpus, is_copied=True)
    copies = list((tmp_path / "hub").rglob("*.arrow")) if (tmp_path / "hub").exists() else []
    assert bool(copies) != streaming


def test_the_configuration_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def load(name: str, config: str | None, *, streaming: bool) -> dict[str, Dataset]:
        asked.append((name, config, streaming))
        return {}

    monkeypatch.setattr(datasets, "load_dataset", load)
    for name in ("hf:google/fleurs:yue_hant_hk", "hf:someone/words"):
        assert kinds(name) == {"the manifest has no rows": [name]}
    assert asked == [("google/fleurs", "yue_hant_hk", False), ("someone/words", None, False)]
    assert read("hf:google/fleurs:yue_hant_hk").name == "fleurs-yue_hant_hk"


def test_a_dataset_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"hf:./none: the dataset cannot be had .*hf:NAME:CONFIG"):
        read("hf:./none")


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("any")
    splits = st.sampled_from(["train", "dev", "test", "extra"])
    corpus = data.draw(corpora(sound(folder / "a.wav"), texts(), texts(), splits))
    write_hugging_face(corpus, folder / "parquet")
    assert_same(read(folder / "parquet", clips=folder / "clips").utterances, corpus, is_copied=True)


def test_columns_as_hub_datasets_have_them_are_read(tmp_path: Path) -> None:
    clips = [sound(tmp_path / f"{name}.flac", seed) for seed, name in enumerate("abc")]
    made = table(
        recording(clips[0]),
        {"bytes": None, "path": str(clips[1])},
        {"bytes": None, "path": f"zip://c.flac::{tmp_path / 'c.zip'}"},
        transcription=["khì", "lâi", "khì"],
        speaker_id=[7, None, 8],
        language=["Taiwanese Hokkien"] * 3,
        num_samples=[1, 2, 3],
    )
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(clips[2], "c.flac")
    (tmp_path / "words").mkdir()
    parquet.write_table(made, tmp_path / "words" / "train.parquet")
    found = list(read_corpus(f"hf:{tmp_path / 'words'}", language="nan-Latn-tailo"))
    assert [(u.id, u.text, u.speaker, u.split) for u in found] == [
        ("a", "khì", "7", "train"),
        ("b", "lâi", None, "train"),
        ("c", "khì", "8", "train"),
    ]
    for utterance, clip in zip(found, clips, strict=True):
        assert Path(utterance.audio).read_bytes() == clip.read_bytes()


def test_another_column_may_hold_the_recordings(tmp_path: Path) -> None:
    made = table(recording(sound(tmp_path / "a.wav")), text=["one"]).rename_columns(["speech", "text"])
    parquet.write_table(made, tmp_path / "words.parquet")
    assert len(read_corpus(tmp_path / "words.parquet", language="en")) == 1


def test_all_faults_are_listed_with_their_rows(tmp_path: Path) -> None:
    made = table(
        recording(sound(tmp_path / "a.wav")),
        {"bytes": b"no audio", "path": "b.wav"},
        {"bytes": None, "path": "none.wav"},
        {"bytes": None, "path": None},
        {"bytes": None, "path": f"zip://c.flac::{tmp_path / 'none.zip'}"},
        text=["one", "two", "three", "four", "five"],
        mood=["good"] * 5,
    )
    path = tmp_path / "words" / "train.parquet"
    path.parent.mkdir()
    parquet.write_table(made, path)
    assert kinds(path, language="en") == {
        "unknown column 'mood'": [str(path)],
        "audio that cannot be read": [f"{path}:2"],
        "missing audio file": [f"{path}:3", f"{path}:5"],
        "no audio": [f"{path}:4"],
    }, "an address in a table on this disk is not fetched"
    assert kinds(f"hf:{path.parent}", language="en")["no recording"] == [f"hf:{path.parent} train:5"]
    assert "--ignore-columns mood" in message_of(path, language="en")
    assert len(read_corpus(path, language="en", ignore_columns=["mood"], skip_bad=True)) == 1


def test_samples_in_place_of_files_are_told_how_to_become_files(tmp_path: Path) -> None:
    samples = {"array": [0.1, 0.2], "sampling_rate": 16_000}
    parquet.write_table(pyarrow.table({"audio": [samples], "text": ["one"]}), tmp_path / "train.parquet")
    message = message_of(tmp_path / "train.parquet", language="en")
    assert "samples were found; cast_column(..., datasets.Audio()) makes files of them" in message


def test_damaged_tables_are_named(tmp_path: Path) -> None:
    made = table(recording(sound(tmp_path / "a.wav")), text=["one"])
    parquet.write_table(made, tmp_path / "cut.parquet")
    whole = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-100])
    (tmp_path / "text.arrow").write_text("no table")
    for name in ("cut.parquet", "text.arrow"):
        assert list(kinds(tmp_path / name, language="en")) == ["damaged table"]
    DatasetDict(train=Dataset(made)).save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "saved" / "train" / "state.json").write_text("{}")
    assert list(kinds(tmp_path / "saved", language="en")) == ["damaged dataset"]


def test_recordings_are_written_once(tmp_path: Path) -> None:
    corpus = awkward(tmp_path)
    write_hugging_face(corpus, tmp_path / "parquet")
    first = read(tmp_path / "parquet", clips=tmp_path / "clips")
    written = {one.audio: Path(one.audio).stat().st_mtime_ns for one in first.utterances}
    second = read(tmp_path / "parquet", clips=tmp_path / "clips")
    assert {one.audio: Path(one.audio).stat().st_mtime_ns for one in second.utterances} == written


def test_a_split_that_the_hub_cannot_name_is_refused(tmp_path: Path) -> None:
    corpus = awkward(tmp_path)
    odd = Corpus.from_utterances("odd", [replace(utterance, split="my test") for utterance in corpus])
    with pytest.raises(ValueError, match="no splits named my test"):
        write_hugging_face(odd, tmp_path / "parquet")


def test_tables_with_unusual_names_are_splits_of_their_own(tmp_path: Path) -> None:
    """What Common Voice calls invalidated, or LibriSpeech test.clean, is not to be trained on unasked."""
    clip = sound(tmp_path / "a.wav")
    for name in ("train-00000-of-00001", "validation-00000-of-00001", "test.clean-00000-of-00001", "other"):
        write_tables(tmp_path / "set" / f"{name}.parquet", recording(clip), id=[name])
    found = {row.id: row.split for row in read(tmp_path / "set", language="en").utterances}
    assert {id_.partition("-")[0]: split for id_, split in found.items()} == {
        "train": "train",
        "validation": "dev",
        "test.clean": "test.clean",
        "other": "other",
    }
    uuid = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
    for kind in ("part-0000{}", "part{}", "000{}", f"part-0000{{}}-{uuid}-c000.snappy"):
        folder = tmp_path / kind.replace("{}", "n")
        for place in range(2):
            write_tables(folder / f"{kind.format(place)}.parquet", recording(clip), id=[f"{place}"])
        assert {row.split for row in read(folder, language="en").utterances} == {"train"}, kind


def write_tables(path: Path, *audio: object, **columns: object) -> None:
    path.parent.mkdir(exist_ok=True)
    parquet.write_table(table(*audio, transcription=["khi"] * len(audio), **columns), path)
