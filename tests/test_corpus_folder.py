import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow
import pytest
from full_disk import fail, run_limited

from speechtl import corpus_folder
from speechtl.corpus import COLUMNS, Corpus, Utterance
from speechtl.corpus_folder import check_writable
from speechtl.corpus_table import dataset_of


def make(count: int = 40) -> Corpus:
    rows = [
        Utterance(f"toy-{i}", f"/a/{i}.wav", f"word {i % 9}", "en", f"s{i % 5}", "d", 3.0, "train")
        for i in range(count)
    ]
    return Corpus.from_utterances("toy", rows)


def test_save_and_load_return_the_same_corpus(tmp_path: Path) -> None:
    corpus = replace(make().split(by="speaker"), left_out={"silent": 2})
    corpus.save(tmp_path / "toy")
    loaded = Corpus.load(tmp_path / "toy")
    assert list(loaded) == list(corpus)
    assert (loaded.name, loaded.split_by, dict(loaded.left_out)) == ("toy", "speaker", {"silent": 2})
    loaded.filter(split="dev").save(tmp_path / "toy")
    assert Corpus.load(tmp_path / "toy").splits == ["dev"]
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_a_large_corpus_opens_at_once_in_little_memory(tmp_path: Path) -> None:
    count = 200_000
    numbers = pyarrow.array(range(count)).cast(pyarrow.string())
    columns = {name: pyarrow.array(["en"] * count) for name in COLUMNS}
    columns |= {"id": numbers, "audio": numbers, "duration": pyarrow.array([3.0] * count)}
    columns |= {"split": pyarrow.array(["train", "test"] * (count // 2))}
    Corpus("large", dataset_of(pyarrow.table(columns))).save(tmp_path / "large")
    before, start = pyarrow.total_allocated_bytes(), time.process_time()
    opened = Corpus.load(tmp_path / "large")
    assert time.process_time() - start < 1
    assert len(opened) == count
    assert opened[count - 1].id == str(count - 1)
    assert pyarrow.total_allocated_bytes() - before < 1_000_000
    assert len(set(map(id, opened.column("language")))) == 1
    test = opened.filter(split="test")
    assert test.arrow("id").num_chunks < 1000
    assert test.column("id") == [str(number) for number in range(1, count, 2)]
    start = time.process_time()
    assert test.subset(600, seed=0).minutes == pytest.approx(600, abs=0.06)
    assert time.process_time() - start < 5


def test_two_that_save_at_once_both_succeed(tmp_path: Path) -> None:
    corpora = [make(10 + i) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda corpus: corpus.save(tmp_path / "toy"), corpora * 4))
    assert len(Corpus.load(tmp_path / "toy")) in range(10, 18)
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_a_folder_that_is_no_corpus_is_neither_read_nor_overwritten(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        Corpus.load(tmp_path / "none")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"no corpus\.json"):
        Corpus.load(tmp_path)
    with pytest.raises(ValueError, match="something that is not a corpus"):
        make().save(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_damaged_foreign_and_newer_folders_are_named(tmp_path: Path) -> None:
    make().save(tmp_path / "toy")
    table, description = tmp_path / "toy" / "utterances.arrow", tmp_path / "toy" / "corpus.json"
    whole, stated = table.read_bytes(), description.read_text()
    table.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"prepare the corpus again"):
        Corpus.load(tmp_path / "toy")
    table.write_bytes(whole)
    description.write_text(stated.replace('"format": 1', '"format": 99'))
    with pytest.raises(ValueError, match="format 99, this speechtl reads up to 1"):
        Corpus.load(tmp_path / "toy")
    for foreign in ("{}", "[1]", "not json", '{"format": 1}'):
        description.write_text(foreign)
        with pytest.raises(ValueError, match="damaged or not a corpus's"):
            Corpus.load(tmp_path / "toy")


MOMENTS: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "folder": lambda patch: fail(patch, Path, "mkdir"),
    "table": lambda patch: fail(patch, pyarrow.ipc, "new_stream"),
    "description": lambda patch: fail(
        patch, Path, "open", only=lambda path, *_, **__: path.suffix == ".json"
    ),
    "wait for the table": lambda patch: fail(patch, corpus_folder.os, "fsync"),
    "wait for the description": lambda patch: fail(patch, corpus_folder.os, "fsync", call=2),
    "name": lambda patch: fail(patch, Path, "rename"),
    "old name": lambda patch: fail(patch, Path, "rename", call=2),
    "new name": lambda patch: fail(
        patch, Path, "rename", call=2, only=lambda path, _: path.suffix != ".old" and path.name[0] == "."
    ),
}
RENAMED = ("old name", "new name")
"""Moments that come only where a corpus is replaced."""


@pytest.mark.parametrize(
    ("moment", "is_new"),
    [
        (moment, is_new)
        for moment in MOMENTS
        for is_new in (True, False)
        if moment not in RENAMED or not is_new
    ],
)
def test_a_disk_that_is_full_at_any_moment_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, is_new: bool
) -> None:
    folder = tmp_path / "data" / "toy"
    if not is_new:
        make(3).save(folder)
    with monkeypatch.context() as patch:
        MOMENTS[moment](patch)
        with pytest.raises(OSError, match="could not be written to") as caught:
            make(5).save(folder)
    assert f"the corpus could not be written to {folder}: No space left on device" in str(caught.value)
    assert "name another folder by --out or SPEECHTL_DATA, and type the same command" in str(caught.value)
    assert not is_new or not folder.exists()
    assert is_new or len(Corpus.load(folder)) == 3
    make(5).save(folder)
    assert len(Corpus.load(folder)) == 5
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]


def test_a_disk_that_is_really_full_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    make(3).save(tmp_path / "toy")
    make(1000).save(tmp_path / "large")
    script = """
import sys
from speechtl.corpus import Corpus
try:
    Corpus.load(sys.argv[1]).save(sys.argv[2])
except OSError as error:
    print(error)
    sys.exit(2)
"""
    told = run_limited(script, tmp_path / "large", tmp_path / "toy", limit=20_000)
    assert told.startswith(f"the corpus could not be written to {tmp_path / 'toy'}: File too large. What was")
    assert len(Corpus.load(tmp_path / "toy")) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["large", "toy"]


def test_whether_a_folder_can_be_written_is_known_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_writable(tmp_path / "new" / "toy")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match=r"the corpus could not be written to .*toy: Not a directory.*--out"):
        check_writable(tmp_path / "file" / "toy")
    with pytest.raises(ValueError, match="something that is not a corpus"):
        check_writable(tmp_path)
    fail(monkeypatch, Path, "touch")
    with pytest.raises(OSError, match="No space left"):
        check_writable(tmp_path / "new" / "toy")
    assert list((tmp_path / "new").iterdir()) == []
