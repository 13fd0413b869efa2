import errno
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from full_disk import fail, run_limited
from processes import together

from speechtl import clip_decoding, shards
from speechtl.audio import read_pcm, write_audio
from speechtl.cache import clear_cache, list_cache, load_waveforms, without_bad_clips
from speechtl.corpus import Corpus, Utterance

PCM = "pcm-2"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make(folder: Path, count: int = 6, name: str = "toy", first: int = 0, suffix: str = ".flac") -> Corpus:
    utterances = []
    for number in range(first, first + count):
        path = folder / f"{number}{suffix}"
        samples = 0.3 * np.sin(np.arange(4_000 + 100 * number) / (3 + number))
        write_audio(path, samples, 16_000 if number % 2 else 22_050)
        utterances.append(Utterance(f"{name}{number}", str(path), "one", "en", None, None, 0.3, "train"))
    return Corpus.from_utterances(name, utterances)


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    decoded: list[str] = []

    def read(path: str) -> np.ndarray:
        decoded.append(path)
        return read_pcm(path)

    monkeypatch.setattr(clip_decoding, "read_pcm", read)
    return decoded


def fill(folder: Path) -> None:
    load_waveforms(make_paths(folder))


def make_paths(folder: Path) -> Corpus:
    paths = sorted(folder.glob("*.flac"))
    return Corpus.from_utterances(
        "toy", [Utterance(path.stem, str(path), "one", "en", None, None, 0.3, "train") for path in paths]
    )


def test_waveforms_are_what_the_reader_gives_in_the_corpus_s_order(tmp_path: Path) -> None:
    corpus = make(tmp_path)
    corpus = corpus.select([3, 0, 5, 1])
    for waveforms in (load_waveforms(corpus), load_waveforms(corpus)):
        assert len(waveforms) == 4
        for index, path in enumerate(corpus.column("audio")):
            np.testing.assert_array_equal(waveforms[index], read_pcm(path))
        lengths = [len(wave) / 16_000 for wave in waveforms]
        np.testing.assert_allclose(waveforms.durations, lengths)
        assert len(set(waveforms.digests)) == 4
    assert [wave.tolist() for wave in waveforms[1:3]] == [waveforms[1].tolist(), waveforms[2].tolist()]


def test_waveforms_are_not_copied_and_cannot_be_written_to(tmp_path: Path) -> None:
    waveforms = load_waveforms(make(tmp_path))
    assert not waveforms[0].flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        waveforms[0][0] = 1


def test_nothing_is_decoded_twice_even_under_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = count_decoding(monkeypatch)
    corpus = make(tmp_path)
    first = load_waveforms(corpus)
    load_waveforms(corpus)
    (tmp_path / "copies").mkdir()
    copies = []
    for utterance in corpus:
        copy = shutil.copy(utterance.audio, tmp_path / "copies")
        copies.append(Utterance(f"{utterance.id}-copy", str(copy), "one", "en", None, None, 0.3, "train"))
    again = load_waveforms(Corpus.from_utterances("copies", [*corpus, *copies]))
    assert sorted(decoded) == sorted(corpus.column("audio"))
    assert again.digests == first.digests * 2


def test_a_changed_file_is_decoded_anew_and_new_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make(tmp_path)
    before = load_waveforms(corpus).digests
    decoded = count_decoding(monkeypatch)
    write_audio(corpus[2].audio, 0.2 * np.cos(np.arange(9000) / 7), 16_000)
    more = make(tmp_path, count=2, name="more", first=50)
    after = load_waveforms(Corpus.concatenate([corpus, more])).digests
    assert sorted(decoded) == sorted([corpus[2].audio, *more.column("audio")])
    assert [a == b for a, b in zip(before, after[:6], strict=True)] == [True, True, False, True, True, True]


def test_equal_sound_in_another_format_has_the_same_digest(tmp_path: Path) -> None:
    flac, wav = make(tmp_path, count=1, first=1), make(tmp_path, count=1, first=1, suffix=".wav", name="wav")
    assert load_waveforms(flac).digests == load_waveforms(wav).digests


def test_an_offset_is_no_sound(tmp_path: Path) -> None:
    """As the doctor has it."""
    corpus = make(tmp_path)
    write_audio(corpus[1].audio, np.full(4000, 0.3), 16_000)
    with pytest.raises(ValueError, match=r"toy1: .* silent, its level swings by 0 of 32,768"):
        load_waveforms(corpus)


def test_every_bad_clip_is_named_in_one_error(tmp_path: Path) -> None:
    corpus = make(tmp_path)
    Path(corpus[0].audio).unlink()
    Path(corpus[1].audio).write_text("this is not sound")
    for number, peak in ((2, 9), (3, 10)):
        write_audio(corpus[number].audio, np.tile([peak, -peak], 2000) / 32_768, 16_000)
    for _ in range(2):
        with pytest.raises(ValueError, match="corpus toy: 3 of 6 clips cannot be used") as caught:
            load_waveforms(corpus)
        message = str(caught.value)
        assert f"toy0: {corpus[0].audio}: no such file" in message
        assert f"toy1: {corpus[1].audio}: not readable as audio" in message
        assert f"toy2: {corpus[2].audio}: silent, its level swings by 9 of 32,768" in message
        assert "toy3" not in message
    usable = without_bad_clips(corpus)
    assert usable.column("id") == ["toy3", "toy4", "toy5"]
    assert dict(usable.left_out) == {"absent": 1, "unreadable": 1, "silent": 1}
    assert len(load_waveforms(usable)) == 3


def test_shards_are_bounded_and_read_as_one(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 20_000)
    monkeypatch.setattr(shards, "_BATCH_BYTES", 10_000)
    corpus = make(tmp_path, count=12)
    waveforms = load_waveforms(corpus)
    assert len(list_cache()) > 3
    assert all(row.bytes < 50_000 for row in list_cache())
    for index in (0, 5, 11):
        np.testing.assert_array_equal(waveforms[index], read_pcm(corpus[index].audio))
    assert [path.name for path in (own_cache / PCM).iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
def test_a_damaged_shard_is_deleted_and_its_clips_decoded_again(
    tmp_path: Path, own_cache: Path, keep: float
) -> None:
    corpus = make(tmp_path)
    before = load_waveforms(corpus).digests
    (shard,) = (own_cache / PCM).glob("*.arrow")
    content = shard.read_bytes()
    shard.write_bytes(content[: int(len(content) * keep)])
    assert load_waveforms(corpus).digests == before
    assert not shard.exists()


def test_a_foreign_shard_is_deleted(tmp_path: Path, own_cache: Path) -> None:
    corpus = make(tmp_path)
    load_waveforms(corpus)
    foreign = own_cache / PCM / "foreign.arrow"
    table = pyarrow.table({"file": ["a"], "other": [1]})
    with pyarrow.ipc.new_file(str(foreign), table.schema) as writer:
        writer.write_table(table)
    assert len(load_waveforms(corpus)) == 6
    assert not foreign.exists()


def test_a_shard_that_the_system_does_not_open_is_kept(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make(tmp_path)
    load_waveforms(corpus)

    def refuse(path: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(shards, "_open", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            load_waveforms(corpus)
    assert len(list((own_cache / PCM).glob("*.arrow"))) == 1


def test_a_memo_that_cannot_be_used_is_passed_over(
    tmp_path: Path, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corpus = make(tmp_path)
    (own_cache / "files.sqlite").mkdir(parents=True)
    assert len(load_waveforms(corpus)) == 6
    assert "cannot be used" in caplog.text


def test_a_damaged_memo_is_made_anew(tmp_path: Path, own_cache: Path) -> None:
    corpus = make(tmp_path)
    before = load_waveforms(corpus).digests
    (own_cache / "files.sqlite").write_bytes(
        b"not a database at all, but long enough to be taken for one" * 50
    )
    assert load_waveforms(corpus).digests == before


def test_what_was_decoded_before_an_interruption_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make(tmp_path, count=40)
    monkeypatch.setattr(clip_decoding, "processors", lambda: 1)
    calls = []

    def read(path: str) -> np.ndarray:
        calls.append(path)
        if len(calls) == 30:
            raise KeyboardInterrupt
        return read_pcm(path)

    monkeypatch.setattr(clip_decoding, "read_pcm", read)
    with pytest.raises(KeyboardInterrupt):
        load_waveforms(corpus)
    assert sum(row.clips for row in list_cache()) >= 20
    decoded = count_decoding(monkeypatch)
    assert len(load_waveforms(corpus)) == 40
    assert len(decoded) <= 20


def test_processes_that_fill_the_cache_at_once_agree(tmp_path: Path) -> None:
    make(tmp_path, count=30)
    assert together(3, fill, tmp_path) == [0, 0, 0]
    assert sum(row.clips for row in list_cache()) == 30
    assert len(load_waveforms(make_paths(tmp_path))) == 30


class FullFile:
    """An Arrow writer whose disk is full at its first batch, or as it is closed."""

    def __init__(self, path: str, kind: pyarrow.Schema, at_close: bool) -> None:
        self.file = pyarrow.OSFile(path, "wb")
        self.at_close = at_close

    def write_batch(self, batch: pyarrow.RecordBatch) -> None:
        self.file.write(b"ARROW1 and half a batch")
        if not self.at_close:
            raise OSError(errno.ENOSPC, "Error writing bytes to file")

    def close(self) -> None:
        raise OSError(errno.ENOSPC, "Error writing bytes to file")


MOMENTS: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "folder": lambda patch: fail(patch, Path, "mkdir"),
    "lock": lambda patch: fail(patch, Path, "open", only=lambda path, *_, **__: path.name == "lock"),
    "new shard": lambda patch: fail(patch, pyarrow.ipc, "new_file"),
    "second shard": lambda patch: fail(patch, pyarrow.ipc, "new_file", call=2),
    "batch": lambda patch: patch.setattr(pyarrow.ipc, "new_file", partial(FullFile, at_close=False)),
    "end of the shard": lambda patch: patch.setattr(
        pyarrow.ipc, "new_file", partial(FullFile, at_close=True)
    ),
    "wait for the disk": lambda patch: fail(patch, shards.os, "fsync"),
    "name": lambda patch: fail(patch, Path, "rename"),
    "name of the second shard": lambda patch: fail(patch, Path, "rename", call=2),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_disk_that_is_full_at_any_moment_leaves_whole_shards_and_a_rerun_completes(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 20_000)
    monkeypatch.setattr(shards, "_BATCH_BYTES", 10_000)
    corpus = make(tmp_path, count=12)
    with monkeypatch.context() as patch:
        MOMENTS[moment](patch)
        with pytest.raises(OSError, match="could not be written to") as caught:
            load_waveforms(corpus)
    told = str(caught.value)
    assert str(own_cache) in told
    assert "No space left on device" in told
    assert "set SPEECHTL_CACHE to a folder on another disk" in told
    assert unfinished(own_cache) == []
    kept = sum(row.clips for row in list_cache())
    assert (kept > 0) == ("second" in moment)
    decoded = count_decoding(monkeypatch)
    waveforms = load_waveforms(corpus)
    assert len(decoded) == 12 - kept
    for index, path in enumerate(corpus.column("audio")):
        np.testing.assert_array_equal(waveforms[index], read_pcm(path))


def test_a_disk_that_is_really_full_is_told_and_a_rerun_completes(tmp_path: Path, own_cache: Path) -> None:
    corpus = make(tmp_path, count=12)
    corpus.save(tmp_path / "toy")
    script = """
import sys
from speechtl.cache import load_waveforms
from speechtl.corpus import Corpus
try:
    load_waveforms(Corpus.load(sys.argv[1]))
except OSError as error:
    print(error)
    sys.exit(2)
"""
    told = run_limited(script, tmp_path / "toy", limit=40_000)
    assert told.startswith(f"decoded audio could not be written to {own_cache / PCM}: File too large. ")
    assert list((own_cache / PCM).iterdir()) == []
    assert len(load_waveforms(corpus)) == 12


def test_a_cache_below_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"could not be written to .*file.*SPEECHTL_CACHE"):
        load_waveforms(make(tmp_path))


def test_a_full_cache_that_may_not_be_written_is_read(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make(tmp_path)
    before = load_waveforms(corpus).digests
    fail(monkeypatch, pyarrow.ipc, "new_file")
    fail(monkeypatch, Path, "rename")
    assert load_waveforms(corpus).digests == before


def test_what_a_killed_process_left_is_removed(tmp_path: Path, own_cache: Path) -> None:
    load_waveforms(make(tmp_path))
    left = own_cache / PCM / ".0123.tmp"
    left.write_bytes(b"half a shard")
    load_waveforms(make(tmp_path, count=1, first=40))
    assert not left.exists()


def unfinished(folder: Path) -> list[str]:
    return [path.name for path in (folder / PCM).glob(".*")]


def test_list_and_clear_by_corpus(tmp_path: Path) -> None:
    load_waveforms(make(tmp_path, name="one"))
    load_waveforms(make(tmp_path, name="two", first=20))
    rows = {row.corpora: row for row in list_cache()}
    assert {name: row.clips for name, row in rows.items()} == {("one",): 6, ("two",): 6}
    assert rows["one",].hours == pytest.approx(
        load_waveforms(make(tmp_path, name="one")).durations.sum() / 3600
    )
    with pytest.raises(ValueError, match="has nothing of 'three', only of: one, two"):
        clear_cache("three")
    assert clear_cache("one") == rows["one",].bytes
    assert [row.corpora for row in list_cache()] == [("two",)]
    assert clear_cache() >= rows["two",].bytes
    assert list_cache() == []
    assert clear_cache() == 0


def test_an_empty_corpus_has_no_waveforms() -> None:
    waveforms = load_waveforms(Corpus.from_utterances("none", []))
    assert len(waveforms) == 0
    assert waveforms.digests == []
