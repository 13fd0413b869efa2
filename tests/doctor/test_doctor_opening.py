from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Doctor
from faulty_speech import AUDIO_FAULTS, CLAIMS, RATE, Speech, cut, kinds, state

from speechtl.audio import write_audio
from speechtl.cli import main
from speechtl.doctor import examine
from speechtl.formats import read_corpus


def test_a_prepared_corpus_is_examined_as_it_is_now(
    speech: Speech, own_folders: Path, doctor: Doctor
) -> None:
    corpus = read_corpus(speech.write("speech.csv"))
    replace(corpus, left_out={"absent": 7}).save(own_folders / "data" / "mine")
    status, printed = doctor("mine")
    assert status == 0
    assert "notice: left out by its preparation [1]\n    speech  7 absent" in printed
    gone, half = Path(corpus[2].audio), Path(corpus[5].audio)
    gone.unlink()
    cut(half)
    before = state(own_folders)
    for name in ("mine", own_folders / "data" / "mine"):
        status, printed = doctor(name)
        assert status == 2
        assert (
            f"fault: missing audio file [1]; correct the path, or remove the row\n    u2  {gone}" in printed
        )
        assert f"    u5  {half}: cut short, its header promises" in printed
        assert "mine (prepared, 36 rows): 2 faults of 2 kinds, 1 notice" in printed.splitlines()[-1]
    assert state(own_folders) == before


def test_a_publisher_s_folder_is_examined_without_preparing_it(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch, doctor: Doctor
) -> None:
    random = np.random.default_rng(0)
    published = own_folders / "published"
    monkeypatch.setenv("SPEECHTL_CORPORA", str(published))
    recordings = published / "english-fsdd" / "recordings"
    recordings.mkdir(parents=True)
    for speaker in ("george", "jackson", "lucas", "nicolas", "theo", "yweweler"):
        for digit in range(10):
            write_audio(recordings / f"{digit}_{speaker}_0.wav", random.uniform(-0.3, 0.3, 16_000), 8_000)
    before = state(own_folders)
    status, printed = doctor("english-fsdd")
    assert status == 0
    assert "english-fsdd (publisher's folder, 60 rows): no fault" in printed
    cut(recordings / "3_theo_0.wav")
    (recordings / "4_theo_0.wav").write_text("no sound")
    write_audio(recordings / "5_theo_0.wav", np.zeros(8_000), 8_000)
    status, printed = doctor("english-fsdd")
    assert status == 2
    for digit, kind in {3: "audio cut short", 4: "audio that cannot be read", 5: "silent audio"}.items():
        assert f"fault: {kind} [1]; " in printed
        assert f"    english_fsdd/{digit}_theo_0  {recordings / f'{digit}_theo_0.wav'}: " in printed
    assert "(publisher's folder, 60 rows): 3 faults of 3 kinds" in printed
    assert set(state(own_folders)) == set(before)


def test_other_formats_leave_nothing_behind(
    speech: Speech, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments of a Kaldi directory are cut, recordings inside tables unpacked: for as long as it takes."""
    from speechtl.formats import write_hugging_face

    temporary = own_folders / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    kaldi = own_folders / "kaldi"
    kaldi.mkdir()
    samples = np.concatenate([speech.sound("ae", 2.0), np.zeros(RATE), speech.sound("io", 2.0)])
    write_audio(kaldi / "long.flac", samples, RATE)
    (kaldi / "wav.scp").write_text("long long.flac\n")
    (kaldi / "segments").write_text("a long 0 2\nb long 2.2 2.8\nc long 3 5\n")
    (kaldi / "text").write_text("a aeae\nb ioio\nc ioae\n")
    write_hugging_face(read_corpus(speech.write("speech.csv")), own_folders / "tables")
    before = state(own_folders)
    examination = examine(kaldi, language="en")
    assert [(fault.kind, fault.detail) for fault in examination.faults] == [
        ("silent audio", "its level swings by 0 of 32,768")
    ]
    assert examination.format == "Kaldi"
    assert examination.faults[0].where == f"{kaldi / 'segments'}:2 and text:2"
    assert examine(own_folders / "tables", split_by=CLAIMS).is_clean
    assert set(state(own_folders)) == set(before)


def test_a_byte_order_mark_in_a_folder_s_lists_is_found(speech: Speech) -> None:
    kaldi = speech.folder / "kaldi"
    (kaldi / "train").mkdir(parents=True)
    for name, value in {
        "wav.scp": f"u0 {speech.folder / speech.rows[0]['audio']}",
        "text": "u0 aeio",
    }.items():
        (kaldi / "train" / name).write_text(f"{value}\n", encoding="utf-8-sig")
    expected = {("byte-order mark", f"{kaldi / 'train' / name}:1"): 1 for name in ("wav.scp", "text")}
    found = kinds(examine(kaldi, language="en"))
    assert {place: found[place] for place in expected} == expected


def test_what_is_not_there_is_said_so(
    doctor: Doctor, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor("nowhere")[0] == 2
    assert doctor(own_folders / "nowhere.csv")[0] == 2
    (own_folders / "empty").mkdir()
    assert doctor(own_folders / "empty")[0] == 2
    assert doctor(own_folders / "nowhere.csv", "--recipe", "no/such")[0] == 2
    assert main(["doctor", str(own_folders / "nowhere.csv"), "--language", "nan"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("speechtl: the language of rows that name none: 'nan' does not say how")


def test_where_no_row_can_be_used_that_is_what_is_found(speech: Speech) -> None:
    manifest = speech.folder / "empty.csv"
    manifest.write_text("audio,text,language\n")
    examination = examine(manifest)
    assert kinds(examination) == {("the manifest has no rows", str(manifest)): 1}
    assert (examination.rows, examination.notices, examination.summary) == (0, (), ())
    manifest.write_text("audio,text,language\ngone.wav,aoi,en\n,aoi,en\n")
    assert kinds(examine(manifest)) == {
        ("missing audio file", f"{manifest}:2"): 1,
        ("no audio", f"{manifest}:3"): 1,
    }


def test_audio_is_listened_to_although_no_row_has_a_language(speech: Speech) -> None:
    for row in speech.rows:
        del row["language"]
    kind, make = AUDIO_FAULTS["clipped"]
    row = speech.add(audio=make(speech))
    del row["language"]
    manifest = speech.write("speech.csv")
    expected = {("no language", f"{manifest}:1"): 1, (kind, speech.where(row, manifest)): 1}
    assert kinds(examine(manifest)) == expected
    assert kinds(examine(manifest, language="de")) == {(kind, speech.where(row, manifest)): 1}


def test_a_byte_order_mark_is_a_fault_though_it_is_passed_over(speech: Speech) -> None:
    for ending in (".csv", ".jsonl"):
        manifest = speech.write(f"speech{ending}")
        manifest.write_bytes(b"\xef\xbb\xbf" + manifest.read_bytes())
        assert kinds(examine(manifest)) == {("byte-order mark", f"{manifest}:1"): 1}
        assert len(read_corpus(manifest)) == len(speech.rows)


def test_speech_without_transcripts_is_listened_to_all_the_same(speech: Speech, doctor: Doctor) -> None:
    """A folder of sound files, and a list with some texts: what is wrong with the sound is found."""
    folder = speech.folder / "sounds"
    folder.mkdir()
    sound = np.random.default_rng(0).uniform(-0.3, 0.3, RATE)
    for name in ("a.wav", "b.wav"):
        write_audio(folder / name, sound * (0.5 if name == "b.wav" else 1), RATE)
    status, printed = doctor(folder, "--language", "en", "--without-texts")
    assert (status, "sounds (sound files, 2 rows): no fault" in printed) == (0, True), printed
    assert doctor(folder, "--language", "en")[0] == 2
    write_audio(folder / "silent.wav", np.zeros(RATE), RATE)
    status, printed = doctor(folder, "--language", "en", "--without-texts")
    assert status == 2
    assert "silent" in printed
    rows = speech.folder / "some.csv"
    rows.write_text("audio,text,language\nsounds/a.wav,gogogogo,en\nsounds/b.wav,,en\n")
    assert doctor(rows, "--without-texts")[0] == 0
    assert "empty text [1]" in doctor(rows)[1]
