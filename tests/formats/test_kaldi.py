import doctest
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_speech import assert_same, awkward, characters, corpora, kinds, message_of, sound, texts

from speechtl.audio import read_pcm, write_audio
from speechtl.corpus import Corpus, Utterance
from speechtl.formats import kaldi, read, read_corpus, write_kaldi
from speechtl.formats.kaldi import escape, unescape


def directory(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("wav_scp", "wav.scp")).write_text(content, encoding="utf-8")
    return folder


def test_awkward_speech_comes_back_as_it_was(tmp_path: Path) -> None:
    corpus = awkward(tmp_path)
    write_kaldi(corpus, tmp_path / "kaldi")
    assert_same(read_corpus(tmp_path / "kaldi"), corpus)


def test_what_is_written_is_what_kaldi_validates(tmp_path: Path) -> None:
    """Its checks: sorted as bytes, unique first fields, the same utterances in all files, spk2utt in step."""
    write_kaldi(awkward(tmp_path), tmp_path / "kaldi")
    for split in ("train", "dev", "test"):
        fields = {
            path.name: [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
            for path in (tmp_path / "kaldi" / split).iterdir()
        }
        ids = [line[0] for line in fields["utt2spk"]]
        assert ids == sorted(set(ids), key=str.encode)
        for name in ("wav.scp", "text", "utt2lang", "utt2dur"):
            assert [line[0] for line in fields[name]] == ids
        assert all(len(line) == 2 for line in fields["utt2spk"])
        speakers = [line[0] for line in fields["spk2utt"]]
        assert speakers == sorted({line[1] for line in fields["utt2spk"]}, key=str.encode)
        assert {(u, s[0]) for s in fields["spk2utt"] for u in s[1:]} == {tuple(u) for u in fields["utt2spk"]}


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("any")
    lines = texts("\r\n")
    splits = st.sampled_from(["train", "dev", "test", "train_960"])
    corpus = data.draw(corpora(sound(folder / "a.wav"), texts(), lines, splits))
    twins = [utterance for utterance in corpus if utterance.id == utterance.speaker]
    if twins:
        with pytest.raises(ValueError, match="speaker with the utterance's id"):
            write_kaldi(corpus, folder / "kaldi")
    else:
        write_kaldi(corpus, folder / "kaldi")
        assert_same(read_corpus(folder / "kaldi"), corpus)


def test_the_examples_in_the_docstrings_hold() -> None:
    tried = doctest.testmod(kaldi)
    assert tried.attempted
    assert not tried.failed


@given(st.text(characters()))
def test_escaped_names_have_no_white_space_and_come_back(name: str) -> None:
    assert escape(name).split() == ([escape(name)] if name else [])
    assert unescape(escape(name)) == name


def test_a_directory_of_kaldi_s_is_read(tmp_path: Path) -> None:
    sound(tmp_path / "rec" / "a b.wav")
    sound(tmp_path / "rec" / "c.wav")
    kaldi = directory(
        tmp_path / "data" / "train_clean",
        wav_scp=f"s1-a {tmp_path}/rec/a b.wav\ns2-c ../../rec/c.wav\n",
        text="s1-a one two\ns2-c\t50%\r\n",
        utt2spk="s1-a s1\ns2-c s2-c\n",
        utt2lang="s1-a de\ns2-c de\n",
        spk2gender="s1 f\n",
    )
    found = read(kaldi, audio_root=tmp_path).faults
    assert [fault.kind for fault in found] == ["audio path that leaves the corpus's folder"]
    (kaldi / "wav.scp").write_text("s1-a rec/a b.wav\ns2-c rec/c.wav\n")
    first, second = read_corpus(tmp_path / "data", audio_root=tmp_path)
    assert first == Utterance(
        "s1-a", str(tmp_path / "rec" / "a b.wav"), "one two", "de", "s1", None, 0.1, "train_clean"
    )
    assert (second.text, second.speaker) == ("50%", None)
    assert {u.split for u in read_corpus(kaldi, audio_root=tmp_path)} == {"train"}


def test_segments_become_clips_of_the_same_samples(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    samples = np.round(random.uniform(-0.3, 0.3, 32_000) * 32_768) / 32_768
    write_audio(tmp_path / "long.wav", samples, 16_000)
    kaldi = directory(
        tmp_path / "kaldi",
        wav_scp=f"r {tmp_path}/long.wav\n",
        segments="a r 0.5 1.0\nb r 0.75 -1\nc r 1.9 2.2\n",
        text="a one\nb two\nc three\n",
    )
    found = read(kaldi, language="en", clips=tmp_path / "clips").utterances
    assert [(u.id, u.duration) for u in found] == [("a", 0.5), ("b", 1.25), ("c", pytest.approx(0.1))]
    whole = read_pcm(tmp_path / "long.wav")
    for utterance, (start, end) in zip(
        found, [(8000, 16_000), (12_000, 32_000), (30_400, 32_000)], strict=True
    ):
        assert (read_pcm(utterance.audio) == whole[start:end]).all()
        assert Path(utterance.audio).is_relative_to(tmp_path / "clips")


def test_commands_are_never_run_and_all_of_them_are_named(tmp_path: Path) -> None:
    flag = tmp_path / "ran"
    sound(tmp_path / "a.wav")
    kaldi = directory(
        tmp_path / "kaldi",
        wav_scp=f"a touch {flag} |\nb | touch {flag}\nc {tmp_path}/a.wav\nd x.ark:15\ne -\nf touch {flag}|\n",
        text="".join(f"{name} one\n" for name in "abcdef"),
    )
    found = kinds(kaldi, language="en")
    lines = {
        kind: [re.search(r"wav\.scp:(\d)", place)[1] for place in places] for kind, places in found.items()
    }
    assert lines == {
        "command in place of an audio file": ["1", "2", "6"],
        "archive in place of an audio file": ["4", "5"],
    }
    assert "commands are never run: convert the recordings to files" in message_of(kaldi, language="en")
    assert [u.id for u in read_corpus(kaldi, language="en", skip_bad=True)] == ["c"]
    assert not flag.exists()


def test_all_faults_are_listed_with_their_lines(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav", seconds=1)
    kaldi = directory(
        tmp_path / "kaldi",
        wav_scp=f"r {tmp_path}/a.wav\nr {tmp_path}/a.wav\np cat x |\n",
        segments="a r 0 0.5\nb r 0.5 0.4\nc r 0.1\nd none 0 1\ne r 0 9\nf p 0 1\ng r x 1\nh r 0 0.5 1\n"
        "a r 0 1\n",
        text="".join(f"{name} one\n" for name in "abcdefgz"),
        utt2dur="a x\n",
    )
    assert kinds(kaldi, language="en") == {
        "duplicate id": [f"{kaldi}/wav.scp:2", f"{kaldi}/segments:9"],
        "not a segment": [f"{kaldi}/segments:{line} and text:{line}" for line in (2, 3, 7)],
        "segment of an unknown recording": [f"{kaldi}/segments:4 and text:4"],
        "command in place of an audio file": [f"{kaldi}/segments:6 and text:6"],
        "text of an utterance without audio": [f"{kaldi}/text:8"],
        "duration is not a number of seconds above 0": [f"{kaldi}/segments:1 and text:1"],
        "part that its recording has not": [f"{kaldi}/segments:5 and text:5", f"{kaldi}/segments:8"],
        "empty text": [f"{kaldi}/segments:8"],
    }


def test_a_directory_without_transcripts_is_named(tmp_path: Path) -> None:
    kaldi = directory(tmp_path / "kaldi", wav_scp="a a.wav\n")
    assert kinds(kaldi, language="en") == {"no transcripts": [str(kaldi)]}


def test_what_kaldi_cannot_hold_is_refused_all_at_once(tmp_path: Path) -> None:
    rows = [
        Utterance("a", "/x.wav", "one\ntwo", "en", None, None, 1.0, "train"),
        Utterance("b", "/x.wav |", "one", "en", None, None, 1.0, "train"),
        Utterance("c", "/x.ark:3", "one", "en", "c", None, 1.0, "train"),
        Utterance("d", "/x.wav", "one", "en", None, None, 1.0, "a/b"),
        Utterance("e", "/x.wav", "one", "en", None, None, 1.0, "validation"),
    ]
    with pytest.raises(ValueError, match="cannot be written for Kaldi: 6 faults") as caught:
        write_kaldi(Corpus.from_utterances("m", rows), tmp_path / "kaldi")
    for kind in ("line break", "does not read as it is", "as an archive", "with the utterance's id"):
        assert kind in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_another_folder_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not empty; name another folder"):
        write_kaldi(awkward(tmp_path / "x"), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
