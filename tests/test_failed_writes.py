import errno
from pathlib import Path

import pytest

from speechtl.failed_writes import explained


def message(error: OSError, where: Path, **words: str) -> str:
    with (
        pytest.raises(OSError, match="could not be written") as caught,
        explained("the model", where, **words),
    ):
        raise error
    assert caught.value.__cause__ is error
    return str(caught.value)


def test_a_full_disk_is_told_with_the_space_that_is_left_and_the_cure(tmp_path: Path) -> None:
    where = tmp_path / "not yet" / "there"
    told = message(OSError(errno.ENOSPC, "Error writing bytes to file"), where)
    assert told.startswith(f"the model could not be written to {where}: No space left on device, ")
    assert (
        "MiB are free. What was there before is still whole. Make space or the folder writable, and" in told
    )
    assert "type the same command again." in told


def test_another_cure_and_what_is_kept_are_told(tmp_path: Path) -> None:
    told = message(PermissionError(errno.EACCES, "x"), tmp_path, kept="A is kept", instead="name a folder")
    assert told == (
        f"the model could not be written to {tmp_path}: Permission denied. A is kept. "
        "Make space or the folder writable, or name a folder, and type the same command again."
    )


def test_an_error_without_a_number_keeps_its_words(tmp_path: Path) -> None:
    assert f"to {tmp_path}: the socket is gone. " in message(OSError("the socket is gone"), tmp_path)


def test_what_succeeds_and_other_errors_pass() -> None:
    with explained("the model", Path("x")):
        pass
    with pytest.raises(ValueError, match="untouched"), explained("the model", Path("x")):
        raise ValueError("untouched")
