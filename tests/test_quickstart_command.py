"""The command quickstart: its flags, what it refuses, and how it ends."""

import logging
import sys
from pathlib import Path

import pytest

from speechtl.cli import main
from speechtl.quickstart import FULL, SMOKE, Quickstart
from speechtl.train import Interrupted


@pytest.fixture
def asked(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Quickstart]]:
    """What is asked for in place of being done, which is then stopped."""
    monkeypatch.chdir(own_folders)
    calls: list[tuple[Path, Quickstart]] = []

    def stop(folder: Path, chosen: Quickstart) -> None:
        calls.append((folder, chosen))
        logging.getLogger("speechtl.run").warning("advice about flags")
        logging.getLogger("speechtl.quickstart.running").info("1 of 8")
        raise Interrupted("stopped by SIGINT at step 3 of 9; saved.")

    monkeypatch.setattr("speechtl.quickstart.quickstart", stop)
    return calls


@pytest.mark.parametrize(
    ("flags", "place", "chosen"),
    [
        ("", "speechtl-quickstart", Quickstart()),
        ("--smoke --keep there", "there", Quickstart(size=SMOKE)),
        ("--language de --seed 2", "speechtl-quickstart", Quickstart("de", 2, FULL)),
    ],
)
def test_flags(flags: str, place: str, chosen: Quickstart, asked: list[tuple[Path, Quickstart]]) -> None:
    assert main(["quickstart", *flags.split()]) == 130
    assert asked == [(Path(place), chosen)]


def test_an_interruption_says_that_the_same_command_goes_on(
    asked: list[tuple[Path, Quickstart]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quickstart"]) == 130
    assert "What is finished is kept: the same command goes on." in capsys.readouterr().err


def test_only_its_own_lines_are_shown_unless_more_is_asked_for(
    asked: list[tuple[Path, Quickstart]], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPEECHTL_LOG", raising=False)
    caplog.set_level(logging.INFO)
    main(["quickstart"])
    assert caplog.messages == ["1 of 8"]
    assert logging.getLogger("speechtl").level == logging.NOTSET
    monkeypatch.setenv("SPEECHTL_LOG", "INFO")
    main(["quickstart"])
    assert caplog.messages == ["1 of 8", "advice about flags", "1 of 8"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--language de es", "a quickstart has one target; name one"),
        ("--language fr", "no texts to synthesise in 'fr'"),
        ("--out there", "--out: only with --corpus-only"),
        ("--utterances 9 --out there", "--out, --utterances: only with --corpus-only"),
        ("--corpus-only --smoke", "--smoke: not with --corpus-only"),
        ("--corpus-only --keep there", "--keep: not with --corpus-only, whose folder is named by --out"),
        ("--seed -1", "seed=-1; expected 0 or more"),
    ],
)
def test_mistakes(
    flags: str,
    message: str,
    own_folders: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(own_folders)
    assert main(["quickstart", *flags.split()]) == 2
    assert message in capsys.readouterr().err
    assert not [*own_folders.iterdir()]


def test_without_the_extra_it_says_how_to_install_it(
    own_folders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_folders)
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert main(["quickstart"]) == 2
    assert "pip install 'speechtl[synth]'" in capsys.readouterr().err
    assert not Path("speechtl-quickstart").exists()


def test_the_folder_of_something_else_is_left_alone(
    own_folders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_folders)
    Path("speechtl-quickstart").mkdir()
    Path("speechtl-quickstart/mine.txt").touch()
    assert main(["quickstart"]) == 2
    assert "Name another folder by --keep DIR" in capsys.readouterr().err
    assert [path.name for path in Path("speechtl-quickstart").iterdir()] == ["mine.txt"]


def test_a_corpus_alone_is_still_made(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own_folders)
    assert main(["quickstart", "--corpus-only", "--utterances", "4", "--language", "es"]) == 0
    assert Path("synthetic-speech/synthetic_es.jsonl").is_file()
