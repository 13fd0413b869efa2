import io
import logging
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from speechtl import progress, terminal


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[..., io.StringIO]:
    """Puts a terminal, or a log file, in the place of stderr; all that is written to it."""

    def on(*, is_terminal: bool) -> io.StringIO:
        file = io.StringIO()
        console = Console(file=file, force_terminal=is_terminal, width=100)
        monkeypatch.setattr(terminal, "console", lambda: console)
        monkeypatch.setattr(progress, "console", lambda: console)
        return file

    return on


def lines(file: io.StringIO) -> list[str]:
    """What stood on the lines of the terminal, one after the other, without colours."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    return [line.strip() for line in re.split(r"[\r\n]+", plain) if line.strip()]


def say(message: str) -> None:
    record = logging.LogRecord("speechtl", logging.INFO, __file__, 1, message, (), None)
    terminal.LogLines().emit(record)


def test_log_lines_and_bars_do_not_tear_each_other(shown: Callable[..., io.StringIO]) -> None:
    file = shown(is_terminal=True)
    with progress.TrainingProgress(100, "toy") as bar:
        bar.begin(0)
        bar.update(20, 60.0, 1.0, {})
        bar._bar.refresh()
        say("step 20/100: dev en 12.5 %")
        bar.update(21, 63.0, 1.0, {"error": 0.125})
    assert "step 20/100: dev en 12.5 %" in lines(file)
    assert any(line.startswith("toy") and "20/100" in line for line in lines(file))
    assert "dev 12.5 %" in lines(file)[-1]


def test_in_a_log_file_there_are_lines_and_no_bars(
    shown: Callable[..., io.StringIO], caplog: pytest.LogCaptureFixture
) -> None:
    file = shown(is_terminal=False)
    with progress.TrainingProgress(100, "toy") as bar:
        bar.begin(0)
        bar.update(20, 60.0, 1.0, {})
    with caplog.at_level("INFO"), terminal.progress_bar("decoding 9 clips of toy", 9) as advance:
        for _ in range(9):
            advance(1)
    assert caplog.messages == ["decoding 9 clips of toy"]
    assert file.getvalue() == ""
    say("[a] :b: " + "long " * 40)
    assert file.getvalue() == "[a] :b: " + "long " * 40 + "\n"


def test_a_bar_is_gone_when_all_is_done_and_is_shown_only_when_asked_for(
    shown: Callable[..., io.StringIO], caplog: pytest.LogCaptureFixture
) -> None:
    file = shown(is_terminal=True)
    with caplog.at_level("INFO"), terminal.progress_bar("decoding", 2, is_shown=False) as advance:
        advance(2)
    assert file.getvalue() == ""
    with caplog.at_level("INFO"), terminal.progress_bar("decoding", 2) as advance:
        advance(2)
    assert lines(file)[-1].startswith("decoding")
    assert file.getvalue().endswith("\x1b[1A\x1b[2K"), "its line is cleared"
    assert not caplog.messages
