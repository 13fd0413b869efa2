import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.audio import write_audio
from speechtl.corpus import Corpus, Utterance
from speechtl.formats import read_corpus, read_csv, read_jsonl, write_csv, write_jsonl


def make_audio(path: Path, seconds: float = 0.25) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, 0.3 * np.sin(np.arange(round(seconds * 16_000)) / 5), 16_000)
    return path


def message_of(path: Path, **options: str) -> str:
    with pytest.raises(ValueError, match="fault") as caught:
        read_corpus(path, **options)
    return str(caught.value)


def test_jsonl_with_the_least_columns_gets_the_rest_by_default(tmp_path: Path) -> None:
    make_audio(tmp_path / "clips" / "a.wav", seconds=0.5)
    (tmp_path / "m.jsonl").write_text('{"audio": "clips/a.wav", "text": "one"}\n\n', encoding="utf-8")
    (utterance,) = read_corpus(tmp_path / "m.jsonl", language="en")
    assert utterance == Utterance(
        "a", str(tmp_path / "clips" / "a.wav"), "one", "en", None, None, 0.5, "train"
    )


def test_nemo_manifests_are_read(tmp_path: Path) -> None:
    audio = make_audio(tmp_path / "a.wav")
    row = {"audio_filepath": str(audio), "text": "one", "duration": 0.25}
    (tmp_path / "m.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert read_jsonl(tmp_path / "m.jsonl", language="en")[0].audio == str(audio)


def test_stems_that_occur_twice_become_ids_with_their_folder(tmp_path: Path) -> None:
    for name in ("x/a.wav", "y/a.wav", "y/b.wav"):
        make_audio(tmp_path / name)
    (tmp_path / "m.csv").write_text("audio,text\nx/a.wav,one\ny/a.wav,two\ny/b.wav,three\n", encoding="utf-8")
    assert read_csv(tmp_path / "m.csv", language="en").column("id") == ["x/a", "y/a", "b"]


def test_audio_root_is_where_relative_paths_start(tmp_path: Path) -> None:
    make_audio(tmp_path / "far" / "a.wav")
    (tmp_path / "m.tsv").write_text("audio\ttext\na.wav\tone, two\n", encoding="utf-8")
    corpus = read_corpus(tmp_path / "m.tsv", language="en", audio_root=tmp_path / "far")
    assert corpus[0].text == "one, two"


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1).map(
    lambda s: f"o{s}"
)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(texts, st.none() | texts, st.floats(0.01, 1e4)), min_size=1, max_size=5),
    suffix=st.sampled_from([".jsonl", ".csv", ".tsv"]),
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str | None, float]], suffix: str
) -> None:
    folder = tmp_path_factory.mktemp("round")
    audio = str(make_audio(folder / "a.wav"))
    utterances = [
        Utterance(f"u{i}", audio, text, "en", speaker, speaker, seconds, "dev")
        for i, (text, speaker, seconds) in enumerate(rows)
    ]
    write = write_jsonl if suffix == ".jsonl" else write_csv
    write(Corpus.from_utterances("m", utterances), folder / f"m{suffix}")
    assert list(read_corpus(folder / f"m{suffix}")) == utterances


def test_all_faults_of_a_jsonl_are_listed_with_line_and_cure(tmp_path: Path) -> None:
    make_audio(tmp_path / "a.wav")
    (tmp_path / "bad.wav").write_text("text")
    lines = [
        '{"audio": "a.wav", "text": "one", "id": "same", "language": "en"}',
        '{"audio": "a.wav", "text": "two", "id": "same", "language": "en"}',
        '{"audio": "a.wav", "text": "  ", "language": "en"}',
        '{"audio": "none.wav", "text": "one", "language": "en"}',
        '{"audio": "bad.wav", "text": "one", "language": "en"}',
        '{"audio": "a.wav", "text": ',
        '["a.wav"]',
        '{"text": "one", "language": "en"}',
        '{"audio": "a.wav", "text": "one", "language": "en", "trancsript": "x"}',
        '{"audio": "a.wav", "text": "one", "language": "nan", "id": "q"}',
        '{"audio": "a.wav", "text": "one", "id": "r"}',
        '{"audio": "a.wav", "text": 5, "language": "en"}',
        '{"audio": "a.wav", "text": "one", "language": "en", "duration": -1}',
    ]
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    message = message_of(path)
    for line, words in {
        2: "duplicate id",
        3: "empty text",
        4: "missing audio file",
        5: "cannot be read",
        6: "not JSON",
        7: "not a JSON object",
        8: "no audio",
        9: "unknown column 'trancsript'",
        10: "language: ",
        11: "no language",
        12: "text is not a text",
        13: "duration is not a number",
    }.items():
        kind = message[message.index(words) :]
        assert f"{path}:{line}" in kind[: kind.index(f"{path}:{line}") + len(f"{path}:{line}")], words
        assert re.search(rf"{re.escape(words)}[^\n]*\n\s+{re.escape(str(path))}:{line}\b", message), words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("audio,transcript\na.wav,one\n", "missing column 'text'"),
        ("audio,text,mood\na.wav,one,good\n", "unknown column 'mood'"),
        ("audio,text,text\na.wav,one,two\n", "named twice"),
        ("audio,text\na.wav,one,two\n", "wrong number of columns"),
        ("", "missing column 'audio'"),
        ("audio,text\n", "no rows"),
    ],
)
def test_faults_of_a_csv_are_named(tmp_path: Path, content: str, words: str) -> None:
    make_audio(tmp_path / "a.wav")
    (tmp_path / "m.csv").write_text(content, encoding="utf-8")
    message = message_of(tmp_path / "m.csv", language="en")
    assert words in message
    assert str(tmp_path / "m.csv") in message


def test_texts_that_the_orthography_does_not_understand_are_listed_with_their_lines(tmp_path: Path) -> None:
    make_audio(tmp_path / "a.wav")
    texts = ["khì", "kap2", "...", "hello", "tsit8"]
    rows = "".join(f"{i},a.wav,{text}\n" for i, text in enumerate(texts))
    (tmp_path / "m.csv").write_text(f"id,audio,text\n{rows}", encoding="utf-8")
    message = message_of(tmp_path / "m.csv", language="nan-Latn-tailo")
    assert "3 faults" in message
    for line, words in {3: "cannot carry tone 2", 4: "nothing in it is spoken", 5: "'hello'"}.items():
        assert re.search(rf"m\.csv:{line} .*{words}", message)


def test_language_tags_are_stored_in_canonical_case(tmp_path: Path) -> None:
    make_audio(tmp_path / "a.wav")
    rows = "audio,text,language,id\na.wav,khì,NAN-latn-TAILO,1\na.wav,one,EN,2\n"
    (tmp_path / "m.csv").write_text(rows, encoding="utf-8")
    assert read_corpus(tmp_path / "m.csv").column("language") == ["nan-Latn-tailo", "en"]


def test_a_field_that_is_no_csv_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    make_audio(tmp_path / "a.wav")
    endless = "x" * 200_000
    (tmp_path / "m.csv").write_text(f'audio,text\na.wav,one\na.wav,"{endless}\n', encoding="utf-8")
    message = message_of(tmp_path / "m.csv", language="en")
    assert "not CSV; close its quotes" in message
    assert f"{tmp_path / 'm.csv'}:3" in message


def test_twenty_faults_of_a_kind_are_spelt_out_and_the_rest_counted(tmp_path: Path) -> None:
    make_audio(tmp_path / "a.wav")
    rows = "".join(f'{{"id": "{i}", "audio": "a.wav", "text": ""}}\n' for i in range(30))
    (tmp_path / "all.jsonl").write_text(rows, encoding="utf-8")
    assert "[30]:\n    all 30 rows" in message_of(tmp_path / "all.jsonl", language="en")
    (tmp_path / "m.jsonl").write_text(rows + '{"audio": "a.wav", "text": "a"}\n', encoding="utf-8")
    message = message_of(tmp_path / "m.jsonl", language="en")
    assert "[30]" in message
    assert "and 10 more" in message


def test_a_missing_manifest_another_ending_and_another_encoding_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"m\.csv: no such manifest"):
        read_corpus(tmp_path / "m.csv")
    with pytest.raises(ValueError, match=r"'\.xlsx' is not a manifest"):
        read_corpus(tmp_path / "m.xlsx")
    (tmp_path / "m.csv").write_bytes("audio,text\na.wav,caf\u00e9\n".encode("latin-1"))
    with pytest.raises(ValueError, match="not UTF-8"):
        read_corpus(tmp_path / "m.csv", language="en")


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    make_audio(tmp_path / "a.wav")
    (tmp_path / "m.csv").write_text("\ufeffaudio,text\na.wav,one\n", encoding="utf-8")
    assert len(read_corpus(tmp_path / "m.csv", language="en")) == 1
