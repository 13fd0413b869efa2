import csv
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_speech import assert_same, awkward, corpora, kinds, message_of, sound, texts

from speechtl.formats import read_corpus, write_csv


def test_stems_that_occur_twice_become_ids_with_their_folder(tmp_path: Path) -> None:
    for name in ("x/a.wav", "y/a.wav", "y/b.wav"):
        sound(tmp_path / name)
    (tmp_path / "m.csv").write_text("audio,text\nx/a.wav,one\ny/a.wav,two\ny/b.wav,three\n", encoding="utf-8")
    assert read_corpus(tmp_path / "m.csv", language="en").column("id") == ["x/a", "y/a", "b"]


@pytest.mark.parametrize("name", ["m.csv", "m.tsv"])
@pytest.mark.parametrize("columns", ["ours", "coqui"])
def test_awkward_speech_comes_back_as_it_was(tmp_path: Path, name: str, columns: str) -> None:
    corpus = awkward(tmp_path)
    write_csv(corpus, tmp_path / name, columns)
    assert list(read_corpus(tmp_path / name)) == list(corpus)
    with (tmp_path / name).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="," if name == "m.csv" else "\t"))
    if columns == "coqui":
        assert [int(row["wav_filesize"]) for row in rows] == [Path(u.audio).stat().st_size for u in corpus]
        assert [row["transcript"] for row in rows] == corpus.column("text")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    audio = sound(folder / "a.wav")
    corpus = data.draw(corpora(audio, texts(), texts(), texts()))
    path = folder / data.draw(st.sampled_from(["m.csv", "m.tsv"]))
    columns = data.draw(st.sampled_from(["ours", "coqui"]))
    values = [
        value for row in corpus for value in (row.id, row.text, row.speaker, row.domain, row.split) if value
    ]
    if path.suffix == ".tsv" and any(mark in value for value in values for mark in "\t\r\n"):
        with pytest.raises(ValueError, match="tab or line break in the"):
            write_csv(corpus, path, columns)
        return
    write_csv(corpus, path, columns)
    assert_same(read_corpus(path), corpus)


def test_a_quotation_mark_in_a_tsv_takes_no_other_row_with_it(tmp_path: Path) -> None:
    texts = ['"I will go', 'and stay," he said.', 'a "quoted" word', '"Yes," she said, "no."', '"all of it"']
    for place in range(len(texts)):
        sound(tmp_path / f"{place}.wav", place)
    rows = "".join(f"{place}.wav\t{text}\n" for place, text in enumerate(texts))
    (tmp_path / "m.tsv").write_text(f"audio\ttext\n{rows}", encoding="utf-8")
    read = read_corpus(tmp_path / "m.tsv", language="en").column("text")
    assert read == [*texts[:4], "all of it"]
    (tmp_path / "m.csv").write_text(
        'audio,text\n0.wav,"I will go\n1.wav,and stay," he said.\n2.wav,a\n', "utf-8"
    )
    assert "not CSV" in message_of(tmp_path / "m.csv", language="en")


def test_parts_of_recordings_are_named_by_start_and_end(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    (tmp_path / "m.csv").write_text(
        "audio,text,start,end\na.wav,one,0,0.04\na.wav,two,0.05,0.09\n", encoding="utf-8"
    )
    read = read_corpus(tmp_path / "m.csv", language="en")
    assert read.column("text") == ["one", "two"]
    assert read.column("duration") == pytest.approx([0.04, 0.04])
    assert len(set(read.column("id"))) == 2


def test_splits_are_called_by_their_usual_names(tmp_path: Path) -> None:
    names = ("Train", "training", "Valid", "validation", "TEST", "testing", "extra")
    for place in range(len(names)):
        sound(tmp_path / f"{place}.wav", place)
    rows = "".join(f"{place}.wav,a,{name}\n" for place, name in enumerate(names))
    (tmp_path / "m.csv").write_text(f"audio,text,split\n{rows}", encoding="utf-8")
    read = read_corpus(tmp_path / "m.csv", language="en").column("split")
    assert read == ["train", "train", "dev", "dev", "test", "test", "extra"]


def test_coqui_s_files_are_read(tmp_path: Path) -> None:
    audio = sound(tmp_path / "a.wav")
    (tmp_path / "train.csv").write_text(
        f"wav_filename,wav_filesize,transcript\n{audio},3244,one\na.wav,3244,two\n", encoding="utf-8"
    )
    message = message_of(tmp_path / "train.csv", language="en")
    assert "duplicate id" in message
    assert "unknown column" not in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("audio,transcript\na.wav,one\n", "missing column 'text'"),
        ("audio,transcript\na.wav,one\n", "unknown column 'transcript'"),
        ("wav_filename,sentence\na.wav,one\n", "missing column 'transcript'"),
        ("audio,text,mood\na.wav,one,good\n", "unknown column 'mood'"),
        ("audio,text,text\na.wav,one,two\n", "named twice"),
        ("audio,text\na.wav,one,two\n", "wrong number of columns"),
        ("audio,text\na.wav\n", "wrong number of columns"),
        ("", "missing column 'audio'"),
        ("audio,text\n", "no rows"),
        ("audio,text\n,one\n", "no audio"),
        ("Audio,text\na.wav,one\n", "unknown column 'Audio'; it is written 'audio'; rename it"),
        ("audio;text\na.wav;one\n", "';' between the columns; save it with commas between them"),
        ("audio\ttext\na.wav\tone\n", "between the columns; save it with commas between them, or as .tsv"),
    ],
)
def test_faults_are_named(tmp_path: Path, content: str, words: str) -> None:
    sound(tmp_path / "a.wav")
    (tmp_path / "m.csv").write_text(content, encoding="utf-8")
    message = message_of(tmp_path / "m.csv", language="en")
    assert words in message
    assert str(tmp_path / "m.csv") in message


def test_a_file_in_utf_16_has_that_fault_alone(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("audio,text\na.wav,one\n", encoding="utf-16")
    assert set(kinds(tmp_path / "m.csv", language="en")) == {"not UTF-8 but UTF-16"}


def test_rows_under_an_unknown_column_are_checked_as_well(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("audio,text,mood\nnone.wav,one,good\n", encoding="utf-8")
    found = kinds(tmp_path / "m.csv")
    assert found == {
        "no language": [f"{tmp_path / 'm.csv'}:1"],
        "unknown column 'mood'": [f"{tmp_path / 'm.csv'}:1"],
        "missing audio file": [f"{tmp_path / 'm.csv'}:2"],
    }


def test_a_field_that_is_no_csv_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    endless = "x" * 200_000
    (tmp_path / "m.csv").write_text(f'audio,text\na.wav,one\na.wav,"{endless}\n', encoding="utf-8")
    message = message_of(tmp_path / "m.csv", language="en")
    assert "not CSV; close its quotes" in message
    assert f"{tmp_path / 'm.csv'}:3" in message


def test_quoted_fields_may_go_over_lines_and_the_file_may_come_from_windows(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        sound(tmp_path / name)
    rows = '\ufeffaudio,text\r\na.wav,"one\r\ntwo"\r\n\r\nb.wav,"a ""b"", c"\r\nnone.wav,x\r\n'
    (tmp_path / "m.csv").write_bytes(rows.encode())
    assert kinds(tmp_path / "m.csv", language="en") == {"missing audio file": [f"{tmp_path / 'm.csv'}:6"]}
    corpus = read_corpus(tmp_path / "m.csv", language="en", skip_bad=True)
    assert corpus.column("text") == ["one\r\ntwo", 'a "b", c']


def test_a_missing_recording_of_a_coqui_file_is_named(tmp_path: Path) -> None:
    corpus = awkward(tmp_path)
    missing = Path(corpus[2].audio)
    missing.unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(str(missing))):
        write_csv(corpus, tmp_path / "m.csv", "coqui")
    assert not (tmp_path / "m.csv").exists()


def test_files_that_only_their_ending_tells_apart_keep_it_in_their_ids(tmp_path: Path) -> None:
    for name in ("a.wav", "a.flac", "b.wav"):
        sound(tmp_path / name)
    path = tmp_path / "m.csv"
    path.write_text("audio,text,language\na.wav,one,en\na.flac,two,en\nb.wav,three,en\n", encoding="utf-8")
    assert read_corpus(path).column("id") == ["a.wav", "a.flac", "b"]
