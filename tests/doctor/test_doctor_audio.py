from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Doctor
from faulty_speech import RATE, Speech, kinds, state

from speechtl.audio import write_audio
from speechtl.corpus import Corpus
from speechtl.doctor import examine
from speechtl.formats import read_corpus


def test_stated_lengths_are_compared_with_the_sound(speech: Speech) -> None:
    for row in speech.rows:
        row["duration"] = "2.04"
    speech.rows[3]["duration"] = "2.2"
    (fault,) = examine(speech.write("speech.csv")).faults
    assert fault.kind == "stated length that is not the sound's"
    assert "2.2 s, and " in fault.detail
    assert "has 2.00" in fault.detail


def test_a_prepared_corpus_whose_lengths_are_wrong_is_noticed(speech: Speech, tmp_path: Path) -> None:
    corpus = read_corpus(speech.write("speech.csv"))
    rows = [replace(row, duration=2.2) if number == 3 else row for number, row in enumerate(corpus)]
    Corpus.from_utterances("speech", rows).save(tmp_path / "saved")
    (notice,) = examine(str(tmp_path / "saved")).notices
    assert notice.kind == "stated lengths that are not the sound's"
    assert "1 utterance" in notice.detail
    assert "2.20 s for 2.00 s" in notice.detail


def test_loud_speech_is_not_clipped(speech: Speech) -> None:
    samples = speech.sound(seconds=2.0)
    speech.add(audio=speech.clip(samples / np.abs(samples).max()))
    one_click = samples.copy()
    one_click[100:140] = 1
    speech.add(audio=speech.clip(one_click))
    assert examine(speech.write("speech.csv")).is_clean
    one_click[100:280] = 1
    row = speech.add(audio=speech.clip(one_click))
    assert kinds(examine(speech.write("speech.csv"))) == {
        ("clipped audio", speech.where(row, speech.folder / "speech.csv")): 1
    }


def test_one_clipped_channel_and_channels_that_cancel_are_found(speech: Speech) -> None:
    samples = speech.sound(seconds=1.0)
    loud, against = speech.path(), speech.path()
    write_audio(loud, np.stack([samples, (9 * samples).clip(-1, 1)], axis=1), RATE)
    write_audio(against, np.stack([samples, -samples], axis=1), RATE)
    rows = [speech.add(audio=loud), speech.add(audio=against)]
    manifest = speech.write("speech.csv")
    clipped, silent = (speech.where(row, manifest) for row in rows)
    assert kinds(examine(manifest)) == {("clipped audio", clipped): 1, ("silent audio", silent): 1}


def test_what_recordings_longer_than_a_block_hold_is_found(
    speech: Speech, monkeypatch: pytest.MonkeyPatch
) -> None:
    import speechtl.audio

    whole = examine(speech.write("speech.csv")).summary
    monkeypatch.setattr(speechtl.audio, "_BLOCK", 1000)
    samples, _ = soundfile.read(speech.folder / speech.rows[0]["audio"])
    copied = speech.add(audio=speech.clip(samples, ".flac"))
    quiet = speech.add(audio=speech.clip(np.append(np.zeros(5000), 0.2 * speech.sound())))
    late = speech.add(audio=speech.clip(np.append(speech.sound(), np.tile([1, 1, 1, 1, 0.5], 500))))
    manifest = speech.write("speech.csv")
    examination = examine(manifest)
    assert kinds(examination) == {
        ("duplicated audio", speech.where(copied, manifest)): 1,
        ("clipped audio", speech.where(late, manifest)): 1,
    }
    assert speech.where(quiet, manifest) not in {fault.where for fault in examination.faults}
    assert sum(row.utterances for row in examination.summary) == sum(row.utterances for row in whole) + 3


def test_what_is_merely_changed_is_a_notice(speech: Speech, own_folders: Path, doctor: Doctor) -> None:
    other = speech.path(".flac")
    write_audio(other, speech.sound(seconds=1.0), 8_000)
    speech.add(audio=other)
    stereo = speech.path()
    write_audio(stereo, np.stack([speech.sound(seconds=1.0), speech.sound(seconds=1.0)], axis=1), 44_100)
    speech.add(audio=stereo, text="aoi яоя")
    before = state(own_folders)
    status, printed = doctor(speech.write("speech.csv"), "--audio-root", speech.folder)
    assert status == 0
    assert (
        "notice: resampled audio [1]; nothing is to be done: everything is brought to 16 kHz, but above 4 kHz"
        in printed
    )
    assert "    44100 Hz  1 utterance, first " in printed
    assert "notice: downmixed audio [1]" in printed
    assert "    en  " in printed
    assert "1 in Cyrillic and Latin, such as 'aoi яоя'" in printed
    assert "no fault" in printed.splitlines()[-1]
    assert set(state(own_folders)) - set(before) == {str(speech.folder / "speech.csv")}
