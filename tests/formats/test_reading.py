import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_speech import awkward, characters, kinds, message_of, sound

from speechtl.corpus import Corpus
from speechtl.formats import (
    corpus_name,
    is_readable,
    read,
    read_corpus,
    write_common_voice,
    write_csv,
    write_hugging_face,
    write_jsonl,
    write_kaldi,
)

WRITERS: dict[str, tuple[str, Callable[[Corpus, Path], None]]] = {
    "m.jsonl": ("JSONL", write_jsonl),
    "m.csv": ("CSV", write_csv),
    "m.tsv": ("CSV", write_csv),
    "kaldi": ("Kaldi", write_kaldi),
    "release": ("Common Voice", write_common_voice),
    "parquet": ("Hugging Face", write_hugging_face),
}


@pytest.fixture(autouse=True)
def own_cache(own_folders: Path) -> None:
    """Clips that have no file of their own stay in the test's folder."""


@pytest.mark.parametrize("name", WRITERS)
def test_the_format_is_told_by_what_is_there(tmp_path: Path, name: str) -> None:
    format_, write = WRITERS[name]
    corpus = awkward(tmp_path)
    write(corpus, tmp_path / name)
    reading = read(tmp_path / name)
    assert (reading.format, reading.rows, reading.faults) == (format_, len(corpus), [])
    assert reading.name == name.partition(".")[0]
    assert len(reading.utterances) == len(set(reading.places)) == len(set(reading.row_of)) == len(corpus)
    assert is_readable(str(tmp_path / name))


def test_a_folder_with_one_manifest_stands_for_it(tmp_path: Path) -> None:
    sound(tmp_path / "clips" / "a.wav")
    (tmp_path / "words.csv").write_text("audio,text\nclips/a.wav,one\n")
    assert len(read_corpus(tmp_path, language="en")) == 1
    (tmp_path / "more.csv").write_text("audio,text\nclips/a.wav,one\n")
    with pytest.raises(ValueError, match=r"holds more.csv, words.csv; name one; expected a manifest"):
        read(tmp_path)


def test_what_is_no_corpus_is_named_with_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.xlsx").touch()
    (tmp_path / "words").touch()
    for name, words in {
        "empty": "holds no corpus",
        "words.xlsx": "'.xlsx' is not",
        "words": "'no ending' is",
    }.items():
        with pytest.raises(ValueError, match=re.escape(words)) as caught:
            read(tmp_path / name)
        assert "expected a manifest (.jsonl, .csv, .tsv), a Kaldi directory" in str(caught.value)
    with pytest.raises(
        FileNotFoundError, match=r"m\.csv: no such manifest; correct the path \(it was sought"
    ):
        read(tmp_path / "m.csv")
    with pytest.raises(FileNotFoundError, match="none: no such file or folder; expected a manifest"):
        read(tmp_path / "none")
    awkward(tmp_path).save(tmp_path / "prepared")
    with pytest.raises(ValueError, match="is a prepared corpus already"):
        read(tmp_path / "prepared")
    assert not is_readable(str(tmp_path / "prepared"))
    assert not is_readable("taiwanese_moe")


def test_a_corpus_is_called_after_its_place() -> None:
    assert corpus_name("speech/my words.v2.csv") == "my words.v2"
    assert corpus_name("speech/data.v2/") == "data.v2"
    for file in (
        "train.csv",
        "test-00000-of-00002.parquet",
        "validation.tsv",
        "metadata.jsonl",
        "manifest.json",
    ):
        assert corpus_name(f"elsewhere/speech/{file}") == "speech", "the same people in each"
    assert corpus_name("/train.csv") == "train", "for want of a folder's name"


def test_twenty_faults_of_a_kind_are_spelt_out_and_the_rest_counted(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    rows = "".join(f'{{"id": "{i}", "audio": "a.wav", "text": ""}}\n' for i in range(30))
    (tmp_path / "all.jsonl").write_text(rows, encoding="utf-8")
    assert "[30]:\n    all 30 rows" in message_of(tmp_path / "all.jsonl", language="en")
    (tmp_path / "m.jsonl").write_text(rows + '{"audio": "a.wav", "text": "a"}\n', encoding="utf-8")
    message = message_of(tmp_path / "m.jsonl", language="en")
    assert "m.jsonl:20\n" in message
    assert "m.jsonl:21\n" not in message
    assert "[30]" in message
    assert "and 10 more" in message


def test_texts_that_the_orthography_does_not_understand_are_listed_with_their_lines(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    texts = ["khì", "kap2", "...", "hello", "tsit8"]
    rows = "".join(f"{i},a.wav,{text}\n" for i, text in enumerate(texts))
    (tmp_path / "m.csv").write_text(f"id,audio,text\n{rows}", encoding="utf-8")
    message = message_of(tmp_path / "m.csv", language="nan-Latn-tailo")
    assert "3 faults" in message
    for line, words in {3: "cannot carry tone 2", 4: "nothing in it is spoken", 5: "'hello'"}.items():
        assert re.search(rf"m\.csv:{line} .*{words}", message)


def test_language_tags_are_stored_in_canonical_case(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    rows = "audio,text,language,id\na.wav,khì,NAN-latn-TAILO,1\na.wav,one,EN,2\n"
    (tmp_path / "m.csv").write_text(rows, encoding="utf-8")
    assert read_corpus(tmp_path / "m.csv").column("language") == ["nan-Latn-tailo", "en"]


@pytest.mark.parametrize(
    ("codes", "given", "expected"),
    [
        (["nan", "nan"], "nan-Latn-tailo", ["nan-Latn-tailo"] * 2),
        (["zh-TW", None], "cmn-Hant", ["cmn-Hant"] * 2),
        (["cs", "cs"], "cs-Latn", ["cs-Latn"] * 2),
        (["en", "de"], "de", ["en", "de"]),
        (["en", "nan"], "nan-Latn-tailo", ["en", "nan-Latn-tailo"]),
        (["nan-Latn-tailo", "en"], "en", ["nan-Latn-tailo", "en"]),
    ],
)
def test_a_peer_s_code_gives_way_to_an_orthography(
    tmp_path: Path, codes: list[str | None], given: str, expected: list[str]
) -> None:
    sound(tmp_path / "a.wav")
    texts = {"nan-Latn-tailo": "khì", "cmn-Hant": "一"}
    rows = [
        {"audio_filepath": "a.wav", "lang": code, "text": texts.get(tag, "one"), "id": str(number)}
        for number, (code, tag) in enumerate(zip(codes, expected, strict=True))
    ]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_corpus(tmp_path / "m.jsonl", language=given).column("language") == expected


def test_several_codes_that_tell_no_orthography_are_faults(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    rows = [
        {"audio_filepath": "a.wav", "lang": code, "text": "khì", "id": code} for code in ("nan", "yue", "xx1")
    ]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = kinds(tmp_path / "m.jsonl", language="nan-Latn-tailo")
    assert [kind[:15] for kind in found] == ["language: 'yue'", "language: 'xx1'"]


def test_our_own_language_is_never_replaced(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    (tmp_path / "m.csv").write_text("audio,text,language\na.wav,khì,nan\n", encoding="utf-8")
    assert "choose one of nan-Latn-tailo" in message_of(tmp_path / "m.csv", language="nan-Latn-tailo")


def test_rows_with_faults_may_be_left_out_and_are_counted_once(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    rows = ["audio,text", "a.wav,one", "none.wav,", "none.wav,two", "a.wav,one,two"]
    (tmp_path / "m.csv").write_text("\n".join(rows))
    corpus = read_corpus(tmp_path / "m.csv", language="en", skip_bad=True)
    assert corpus.column("id") == ["a"]
    assert sum(corpus.left_out.values()) == 3
    (tmp_path / "m.csv").write_text("\n".join(["audio,text,mood", *rows[2:3]]))
    with pytest.raises(ValueError, match="unknown column 'mood'"):
        read_corpus(tmp_path / "m.csv", language="en", skip_bad=True)


def test_a_bad_byte_names_its_line_and_the_rows_around_it_are_read(tmp_path: Path) -> None:
    for name in "abc":
        sound(tmp_path / f"{name}.wav")
    rows = ["a.wav,caf\u00e9", "b.wav,one", "none.wav,two"]
    content = "\n".join(["audio,text", *rows]).encode("latin-1")
    (tmp_path / "m.csv").write_bytes(content)
    message = message_of(tmp_path / "m.csv", language="fr")
    assert (
        f"- not UTF-8; save the file as UTF-8 [1]:\n    {tmp_path}/m.csv:2 (byte e9 at character 10)"
        in message
    )
    assert "missing audio file; correct the path" in message
    assert read_corpus(tmp_path / "m.csv", language="fr", skip_bad=True).column("id") == ["b"]


def test_another_encoding_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("audio,text\na.wav,one\n" * 30, encoding="utf-16")
    found = kinds(tmp_path / "m.csv", language="fr")
    assert found["not UTF-8 but UTF-16"] == [str(tmp_path / "m.csv")]


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_first_row_but_a_fault_in_a_later_one(
    tmp_path: Path, name: str
) -> None:
    sound(tmp_path / "a.wav")
    rows = {"m.csv": "audio,text\na.wav,one\n", "m.jsonl": '{"audio": "a.wav", "text": "one"}\n'}[name]
    (tmp_path / name).write_text("\ufeff" + rows, encoding="utf-8")
    assert len(read_corpus(tmp_path / name, language="en")) == 1
    (tmp_path / name).write_text(rows + "\ufeff" + rows, encoding="utf-8")
    assert "byte-order mark inside the file" in kinds(tmp_path / name, language="en")


BROKEN = (
    "",
    "\0",
    "\r",
    '"',
    "{}",
    "[]",
    "null",
    '{"audio": 1}',
    '{"text": [], "audio": {}}',
    "a b c d e f",
    "\t\t\t",
)
FILES = {
    "m.jsonl": [
        '{"audio": "a.wav", "text": "one"}',
        '{"audio_filepath": "a.wav", "offset": 1, "duration": 0}',
    ],
    "m.csv": ["audio,text,duration,speaker", "a.wav,one,1,s", "wav_filename,wav_filesize,transcript"],
    "m.tsv": ["audio\ttext", "a.wav\tone", "client_id\tpath\tsentence", "s\ta.wav\tone"],
    "kaldi/wav.scp": ["a a.wav", "b x |", "c"],
    "kaldi/text": ["a one", "b two"],
    "kaldi/segments": ["a a 0 0.05", "b a 0 nan", "c a 1e999 2"],
    "kaldi/utt2dur": ["a 1", "a -1"],
    "folder/metadata.csv": ["file_name,text", "a.wav,one"],
    "folder/metadata.jsonl": ['{"file_name": "a.wav", "text": "one"}'],
    "m.parquet": ["PAR1"],
    "m.arrow": ["ARROW1"],
}


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_nothing_in_a_file_makes_a_reader_fail(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "broken" / name.replace("/", "-")
    file = folder / name
    sound(file.parent / "a.wav")
    if name.startswith("kaldi/") and name != "kaldi/wav.scp":
        (file.parent / "wav.scp").write_text("a a.wav\n")
        (file.parent / "text").write_text("a one\n")
    line = st.sampled_from(FILES[name] + list(BROKEN)) | st.text(characters(), max_size=20)
    lines = data.draw(st.lists(line.map(str.encode) | st.binary(max_size=20), max_size=6))
    end = data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    file.write_bytes(data.draw(st.sampled_from([b"", "\ufeff".encode()])) + end.join(lines))
    place = file if "/" not in name else file.parent
    language = data.draw(st.sampled_from([None, "en", "nan-Latn-tailo"]))
    reading = read(place, language, clips=folder / "clips")
    for fault in reading.faults:
        assert str(place) in fault.where
        assert fault.row is None or 0 <= fault.row < reading.rows
        assert re.search(r":\d+", fault.where) or fault.row is None
    assert len(reading.utterances) <= reading.rows
    if reading.utterances:
        Corpus.from_utterances("m", reading.utterances)
    else:
        assert reading.faults


def test_a_folder_with_a_manifest_for_each_split(tmp_path: Path) -> None:
    for name in "abc":
        sound(tmp_path / f"{name}.wav")
    for name, rows in {
        "train": "a.wav,1,one",
        "dev": "none.wav,1,two",
        "test": "c.wav,1,three\nb.wav,1,",
    }.items():
        (tmp_path / f"{name}.csv").write_text(f"wav_filename,wav_filesize,transcript\n{rows}\n")
    reading = read(tmp_path, language="en")
    assert [(u.id, u.split) for u in reading.utterances] == [("c", "test"), ("a", "train")]
    assert [(fault.kind, fault.where, fault.row) for fault in reading.faults] == [
        ("missing audio file", f"{tmp_path}/dev.csv:2", 0),
        ("empty text", f"{tmp_path}/test.csv:3", 2),
    ]
    assert list(reading.row_of) == [1, 3]
