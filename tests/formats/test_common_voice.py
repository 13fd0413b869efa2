from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_speech import assert_same, awkward, corpora, kinds, message_of, sound, texts

from speechtl.corpus import Corpus, Utterance
from speechtl.formats import read, read_corpus, write_common_voice

HEADER = (
    "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tdown_votes\tage\tgender\taccents\t"
    "variant\tlocale\tsegment"
)


def row(path: str, sentence: str, locale: str = "nan-tw", client: str = "5f") -> str:
    return f"{client}\t{path}\t00ab\t{sentence}\t\t2\t0\ttwenties\tmale_masculine\t\t\t{locale}\t"


def release(folder: Path, **tables: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (folder / f"{name}.tsv").write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    return folder


def test_a_release_is_read_without_quotes(tmp_path: Path) -> None:
    for name in "abc":
        sound(tmp_path / "clips" / f"common_voice_{name}.mp3")
    path = release(
        tmp_path,
        train=[row("common_voice_a.mp3", '"khì'), row("common_voice_b.mp3", 'lâi"')],
        test=[row("common_voice_c.mp3", "khì", client="6a")],
        invalidated=[row("none.mp3", "x")],
    )
    found = list(read_corpus(path, language="nan-Latn-tailo"))
    assert [(u.id, u.text, u.speaker, u.split) for u in found] == [
        ("common_voice_a", '"khì', "5f", "train"),
        ("common_voice_b", 'lâi"', "5f", "train"),
        ("common_voice_c", "khì", "6a", "test"),
    ]
    assert {u.language for u in found} == {"nan-Latn-tailo"}
    assert {u.split for u in read_corpus(path / "test.tsv", language="nan-Latn-tailo")} == {"train"}


def test_a_locale_that_does_not_tell_the_orthography_asks_for_it(tmp_path: Path) -> None:
    sound(tmp_path / "clips" / "a.mp3")
    path = release(tmp_path, validated=[row("a.mp3", "khì")])
    assert "'nan-tw' does not say how the text is written; choose one of nan-Latn-tailo" in message_of(path)


def test_awkward_speech_comes_back_as_it_was(tmp_path: Path) -> None:
    corpus = awkward(tmp_path)
    write_common_voice(corpus, tmp_path / "release")
    assert_same(read_corpus(tmp_path / "release"), corpus, is_copied=True)
    header = (tmp_path / "release" / "train.tsv").read_text(encoding="utf-8").splitlines()[0]
    assert header == f"{HEADER}\tid"


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("any")
    plain = texts("\t\r\n")
    corpus = data.draw(
        corpora(sound(folder / "a.wav"), plain, plain, st.sampled_from(["train", "dev", "test"]))
    )
    write_common_voice(corpus, folder / "release")
    assert_same(read_corpus(folder / "release"), corpus, is_copied=True)


def test_ids_become_file_names_where_they_can(tmp_path: Path) -> None:
    ids = ["a b", "x/y", ".hidden", "a.b", "long" * 60, "A B"]
    audio = str(sound(tmp_path / "a.wav"))
    rows = [Utterance(id_, audio, "one", "en", None, None, 0.1, "train") for id_ in ids]
    write_common_voice(Corpus.from_utterances("m", rows), tmp_path / "release")
    names = sorted(path.name for path in (tmp_path / "release" / "clips").iterdir())
    assert names == ["a b.wav", "a.b.wav", *(f"clip-000000{number}.wav" for number in (1, 2, 4, 5))]
    assert read_corpus(tmp_path / "release").column("id") == ids


def test_all_faults_are_listed_with_their_lines(tmp_path: Path) -> None:
    sound(tmp_path / "clips" / "a.mp3")
    path = release(
        tmp_path,
        train=[
            row("a.mp3", "khì"),
            row("gone.mp3", "khì"),
            row("../a.mp3", "khì"),
            row(str(tmp_path / "clips" / "a.mp3"), "khì"),
            row("a.mp3", "")[:-1],
            row("a.mp3", "hello"),
        ],
    )
    assert kinds(path, language="nan-Latn-tailo") == {
        "missing audio file": [f"{path}/train.tsv:3"],
        "audio path that leaves the corpus's folder": [f"{path}/train.tsv:4", f"{path}/train.tsv:5"],
        "wrong number of columns": [f"{path}/train.tsv:6"],
        "text not understood": [f"{path}/train.tsv:7"],
        "duplicate id": [f"{path}/train.tsv:7"],
    }
    assert len(read(path, language="nan-Latn-tailo").utterances) == 1


def test_what_a_release_cannot_hold_is_refused_all_at_once(tmp_path: Path) -> None:
    rows = [
        Utterance("a", "/x.wav", "one\ttwo", "en", None, "a\nb", 1.0, "train"),
        Utterance("b", "/x.wav", "one", "en", None, None, 1.0, "other"),
    ]
    with pytest.raises(ValueError, match="3 faults") as caught:
        write_common_voice(Corpus.from_utterances("m", rows), tmp_path / "release")
    for kind in ("tab or line break in the text", "tab or line break in the domain", "split that a release"):
        assert kind in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_recording_that_is_gone_leaves_no_half_release(tmp_path: Path) -> None:
    corpus = awkward(tmp_path)
    Path(corpus[3].audio).unlink()
    with pytest.raises(FileNotFoundError):
        write_common_voice(corpus, tmp_path / "release")
    assert [path.name for path in tmp_path.iterdir()] == ["my clips"]
