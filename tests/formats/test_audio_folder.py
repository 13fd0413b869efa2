import json
from pathlib import Path

from own_speech import kinds, sound

from speechtl.formats import read_corpus


def test_metadata_in_each_split_s_folder(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        sound(tmp_path / split / "it's 一.wav")
        content = 'file_name,transcription,locale\nit\'s 一.wav,"one, two",nan\n'
        (tmp_path / split / "metadata.csv").write_text(content, encoding="utf-8")
    found = list(read_corpus(tmp_path, language="en"))
    assert [(u.id, u.text, u.split) for u in found] == [
        ("train/it's 一", "one, two", "train"),
        ("validation/it's 一", "one, two", "dev"),
    ]


def test_one_metadata_file_for_folders_of_recordings(tmp_path: Path) -> None:
    rows = []
    for name in ("clips/a.flac", "data/test/b.flac"):
        sound(tmp_path / name)
        rows.append(json.dumps({"file_name": name, "text": "one", "speaker_id": 3}))
    (tmp_path / "metadata.jsonl").write_text("\n".join(rows))
    found = list(read_corpus(tmp_path, language="en"))
    assert [(u.id, u.split, u.speaker) for u in found] == [("a", "train", "3"), ("b", "test", "3")]
    assert {u.split for u in read_corpus(tmp_path / "metadata.jsonl", language="en")} == {"train"}


def test_a_column_for_the_split_goes_before_the_folder(tmp_path: Path) -> None:
    sound(tmp_path / "train" / "a.wav")
    (tmp_path / "metadata.csv").write_text("file_name,text,split\ntrain/a.wav,one,dev\n")
    assert read_corpus(tmp_path, language="en")[0].split == "dev"


def test_all_faults_of_all_files_are_listed(tmp_path: Path) -> None:
    for split in ("test", "train"):
        sound(tmp_path / split / "a.wav")
    (tmp_path / "test" / "metadata.csv").write_text("file_name,text\na.wav,one\n../train/a.wav,two\n")
    absolute = tmp_path / "train" / "a.wav"
    (tmp_path / "train" / "metadata.csv").write_text(f"file_name,text,mood\n{absolute},one,x\nb.wav,\n")
    assert kinds(tmp_path, language="en") == {
        "unknown column 'mood'": [f"{tmp_path}/train/metadata.csv:1"],
        "audio path that leaves the corpus's folder": [
            f"{tmp_path}/test/metadata.csv:3",
            f"{tmp_path}/train/metadata.csv:2",
        ],
        "wrong number of columns": [f"{tmp_path}/train/metadata.csv:3"],
    }
