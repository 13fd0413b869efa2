"""Preparing where it cannot be written, in several processes at once, and after one was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import together
from publishers import EXCERPTS

from data_prep import english_fsdd
from speechtl.cache import list_cache
from speechtl.corpus import Corpus
from speechtl.named_corpora import prepare_named


@pytest.fixture
def root(tmp_path: Path, own_folders: Path) -> Path:
    EXCERPTS["digits"].build(tmp_path / "digits")
    return tmp_path / "digits"


def test_that_the_output_cannot_be_written_is_known_before_the_work(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(english_fsdd, "prepare", lambda root: pytest.fail("it was prepared"))
    monkeypatch.setenv("SPEECHTL_DATA", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"could not be written to .*english_fsdd: Not a directory.*--out"):
        prepare_named("english_fsdd", root)
    with pytest.raises(ValueError, match="something that is not a corpus"):
        prepare_named("english_fsdd", root, tmp_path)


def test_processes_that_prepare_at_once_both_succeed(root: Path, own_folders: Path) -> None:
    assert together(2, prepare_named, "english_fsdd", root) == [0, 0]
    assert [path.name for path in (own_folders / "data").iterdir()] == ["english_fsdd"]
    assert len(Corpus.load(own_folders / "data" / "english_fsdd")) == 11
    assert sum(row.clips for row in list_cache()) == 12


@pytest.mark.parametrize(
    "moment", ["speechtl.corpus_folder._write_text", "speechtl.shards.ShardWriter._complete"]
)
def test_after_a_process_was_killed_a_rerun_completes(root: Path, own_folders: Path, moment: str) -> None:
    script = """
import os, pkgutil, signal, sys
from speechtl.named_corpora import prepare_named
owner, name = sys.argv[2].rsplit(".", 1)
setattr(pkgutil.resolve_name(owner), name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
prepare_named("english_fsdd", sys.argv[1])
"""
    done = subprocess.run([sys.executable, "-c", script, str(root), moment], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(FileNotFoundError):
        Corpus.load(own_folders / "data" / "english_fsdd")
    assert len(prepare_named("english_fsdd", root)) == 11
    assert len(Corpus.load(own_folders / "data" / "english_fsdd")) == 11
    assert sum(row.clips for row in list_cache()) == 12
