import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_speech import assert_same, awkward, corpora, kinds, message_of, sound, texts

from speechtl.corpus import Utterance
from speechtl.formats import read, read_corpus, write_jsonl


def test_the_least_columns_get_the_rest_by_default(tmp_path: Path) -> None:
    sound(tmp_path / "clips" / "a.wav", seconds=0.5)
    (tmp_path / "m.jsonl").write_text('{"audio": "clips/a.wav", "text": "one"}\n\n', encoding="utf-8")
    (utterance,) = read_corpus(tmp_path / "m.jsonl", language="en")
    audio = str(tmp_path / "clips" / "a.wav")
    assert utterance == Utterance("a", audio, "one", "en", None, None, 0.5, "train")


@pytest.mark.parametrize("keys", ["ours", "nemo"])
def test_awkward_speech_comes_back_as_it_was(tmp_path: Path, keys: str) -> None:
    corpus = awkward(tmp_path)
    write_jsonl(corpus, tmp_path / "m.jsonl", keys)
    assert list(read_corpus(tmp_path / "m.jsonl")) == list(corpus)
    first = json.loads((tmp_path / "m.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert ("audio_filepath" in first, "lang" in first) == ((keys == "nemo"),) * 2


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    audio = sound(folder / "a.wav")
    corpus = data.draw(corpora(audio, texts(), texts(), texts()))
    write_jsonl(corpus, folder / "m.jsonl", data.draw(st.sampled_from(["ours", "nemo"])))
    assert_same(read_corpus(folder / "m.jsonl"), corpus)


def test_nemo_manifests_are_read(tmp_path: Path) -> None:
    audio = sound(tmp_path / "a.wav", seconds=2)
    rows = [
        {"audio_filepath": str(audio), "text": "one", "duration": 2.0, "offset": None, "pred_text": "won"},
        {
            "audio_filepath": "a.wav",
            "text": "two",
            "duration": 0.5,
            "offset": 1.25,
            "lang": "en",
            "speaker": 3,
        },
    ]
    path = tmp_path / "train.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    whole, part = read(path, language="en", clips=tmp_path / "parts").utterances
    assert (whole.audio, whole.duration) == (str(audio), 2.0)
    assert (part.id, part.duration, part.speaker) == ("a-00001250-00001750", 0.5, "3")
    assert Path(part.audio).parent.parent == tmp_path / "parts"


def test_wenet_lists_are_read(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav", seconds=1)
    rows = [
        {"key": "one", "wav": "a.wav", "txt": "一"},
        {"key": "two", "wav": "a.wav", "txt": "二", "start": 0.25, "end": 0.5},
    ]
    (tmp_path / "data.list").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = read(tmp_path / "data.list", language="ja", clips=tmp_path / "parts").utterances
    assert [(u.id, u.text, u.duration) for u in found] == [("one", "一", 1.0), ("two", "二", 0.25)]


def test_all_faults_are_listed_with_line_and_cure(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
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
        '{"audio": "a.wav", "text": "\\ud83d", "language": "en", "id": "t"}',
        '{"audio": "a.wav", "text": "one", "language": "en", "id": "w", "duration": 20}',
        '{"audio": "a.wav", "audio_filepath": "a.wav", "text": "one", "language": "en", "id": "u"}',
        '{"audio_filepath": "a.wav", "text": "one", "language": "en", "offset": "x", "id": "v"}',
        "[" * 100_000,
        '{"duration": ' + "9" * 5000 + "}",
    ]
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    message = message_of(path)
    for line, words in {
        2: "duplicate id; give each",
        3: "empty text; write",
        4: "missing audio file; correct",
        5: "audio that cannot be read; ",
        6: "not JSON; write one object",
        7: "not a JSON object; write",
        8: "no audio; give",
        9: "unknown column 'trancsript'; rename or remove it",
        10: "language: 'nan' does not say",
        11: "no language; add",
        12: "text is not a text; write",
        13: "duration is not a number of seconds above 0; remove",
        14: "text holds half a character; write",
        15: "stated length that is not the sound's; correct the column, in seconds, or do without it",
        16: "audio is given twice; keep one",
        17: "not a part of a recording; write seconds",
        18: "not JSON; write one object",
        19: "not JSON; write one object",
    }.items():
        assert re.search(
            rf"^- {re.escape(words)}[^\n]*\n(    [^\n]*\n)*?    {re.escape(str(path))}:{line}\b",
            message,
            re.M,
        ), words


def test_one_array_over_many_lines_is_one_fault(tmp_path: Path) -> None:
    rows = [{"audio": f"{number}.wav", "text": "one"} for number in range(50)]
    (tmp_path / "m.json").write_text(json.dumps(rows, indent=1))
    assert kinds(tmp_path / "m.json") == {"one JSON array over many lines": [f"{tmp_path / 'm.json'}:1"]}


def test_a_column_to_pass_over_is_no_fault(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    row = {"audio": "a.wav", "text": "one", "language": "en", "mood": "good", "id": "x y"}
    (tmp_path / "m.jsonl").write_text(json.dumps(row))
    assert list(kinds(tmp_path / "m.jsonl")) == ["unknown column 'mood'"]
    assert "--ignore-columns mood" in message_of(tmp_path / "m.jsonl")
    (utterance,) = read_corpus(tmp_path / "m.jsonl", ignore_columns=["mood", "id"])
    assert utterance.id == "a"


def test_a_failed_write_leaves_the_earlier_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = awkward(tmp_path)
    write_jsonl(corpus, tmp_path / "m.jsonl")
    before = (tmp_path / "m.jsonl").read_bytes()
    monkeypatch.setattr(json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_jsonl(corpus, tmp_path / "m.jsonl")
    assert (tmp_path / "m.jsonl").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.jsonl", "my clips"]
