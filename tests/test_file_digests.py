import os
from pathlib import Path

import pytest

from speechtl import file_digests as module
from speechtl.file_digests import file_digests
from speechtl.shards import digest_of


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read."""
    names: list[str] = []
    real = module._digest

    def digest(path: str) -> bytes | None:
        names.append(Path(path).name)
        return real(path)

    monkeypatch.setattr(module, "_digest", digest)
    return names


def make(folder: Path, count: int) -> list[str]:
    paths = [folder / f"語 {number}" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(b"content %d" % number)
    return [str(path) for path in paths]


def test_digests_are_of_the_contents_in_the_order_of_the_paths(tmp_path: Path) -> None:
    paths = make(tmp_path, 1200)
    paths = [*paths[::-1], str(tmp_path / "missing"), str(tmp_path), paths[3]]
    expected = [digest_of(b"content %d" % number) for number in range(1200)][::-1]
    for _ in range(2):
        found = file_digests(paths, tmp_path / "memo", workers=3)
        assert found == [*expected, None, None, digest_of(b"content 3")]


def test_size_and_time_of_change_decide_what_is_read_again(tmp_path: Path, read: list[str]) -> None:
    paths = make(tmp_path, 5)
    before = file_digests(paths, tmp_path / "memo", workers=2)
    assert sorted(read) == [f"語 {number}" for number in range(5)]
    read.clear()
    assert file_digests(paths, tmp_path / "memo", workers=2) == before
    assert read == []
    Path(paths[1]).write_bytes(b"longer than before")
    os.utime(paths[2], ns=(0, 0))
    after = file_digests(paths, tmp_path / "memo", workers=2)
    assert sorted(read) == ["語 1", "語 2"]
    assert after[1] == digest_of(b"longer than before")
    assert [after[number] for number in (0, 2, 3, 4)] == [before[number] for number in (0, 2, 3, 4)]


def test_a_memo_that_cannot_grow_is_passed_over(
    tmp_path: Path, read: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    paths = make(tmp_path, 5)
    memo = tmp_path / "no folder" / "memo"
    for _ in range(2):
        assert file_digests(paths, memo, workers=2) == [
            digest_of(b"content %d" % number) for number in range(5)
        ]
    assert len(read) == 10
    assert "cannot be used" in caplog.text
