"""What the tutorials show is run as it stands, but shorter and with less speech; both show the same."""

import re
import shlex
from pathlib import Path

import pytest
import torch

from speechtl.cli import main
from speechtl.report import Report
from speechtl.synthesis.speakers import VARIANTS
from speechtl.train import Loop

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {name: (DOCS / name).read_text(encoding="utf-8") for name in ("tutorial.md", "tutorial.zh-TW.md")}


def blocks(page: str) -> list[tuple[str, str]]:
    """The language and the text of each code block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", PAGES[page], re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[list[str]]:
    lines = [line for language, block in blocks(page) if not language for line in block.splitlines()]
    return [shlex.split(line) for line in lines]


@pytest.fixture
def folder(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands are typed; each training has its first and its last step only."""
    monkeypatch.chdir(own_folders)
    monkeypatch.delenv("SPEECHTL_CORPORA", raising=False)
    torch.set_num_threads(1)
    step = Loop.step

    def first_and_last(loop: Loop) -> None:
        if 1 <= loop.counters.step < loop.settings.steps - 1:
            loop.counters.step = loop.settings.steps - 1
        else:
            step(loop)

    monkeypatch.setattr(Loop, "step", first_and_last)
    return own_folders


def typed(arguments: list[str]) -> None:
    """One command, with a flag that a user could add where it makes speech."""
    more = {"quickstart": ["--smoke"], "quickstart --corpus-only": ["--utterances", "600"]}
    assert main([*arguments, *more.get(" ".join(arguments[:2]), [])]) == 0, arguments


def test_the_tutorial_s_commands_do_what_they_say(folder: Path) -> None:
    ((language, recipe),) = [block for block in blocks("tutorial.md") if block[0]]
    assert language == "python"
    Path("voice.py").write_text(recipe, encoding="utf-8")
    install, *lines = commands("tutorial.md")
    assert install == ["pip", "install", "speechtl[synth]"]
    for program, *arguments in lines:
        assert program == "speechtl"
        typed(arguments)
    runs = {path.name for path in Path("runs").iterdir()}
    assert runs == {"mine", "mine-scratch", "mine-all", "voice", "voice-before", "accent", "accent-control"}
    assert set(Report.load(Path("runs/voice/seed-0/report.json")).sets) == {"synthetic_nan_latn_tailo"}
    accents = Report.load(Path("runs/accent/seed-0/report.json")).sets
    assert accents["synthetic_en"].utterances > 0
    assert Path("speechtl-quickstart/report/report.md").is_file()
    assert any(Path("heard").rglob("*.srt"))
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {
        *("speechtl-quickstart", "spoken", "runs", "heard", "cache", "voice.py")
    }


def test_both_tutorials_show_the_same_commands_and_code() -> None:
    assert blocks("tutorial.md") == blocks("tutorial.zh-TW.md")


def test_both_have_the_same_parts_and_links_that_lead_somewhere() -> None:
    headings = {page: re.findall(r"^## (\d)\. ", text, re.MULTILINE) for page, text in PAGES.items()}
    assert headings["tutorial.md"] == headings["tutorial.zh-TW.md"] == list("12345")
    for text in PAGES.values():
        links = re.findall(r"\]\((.*?)\)", text)
        assert len(links) > 5
        assert all((DOCS / link).is_file() for link in links)


def test_the_voice_that_is_adapted_to_is_in_no_training() -> None:
    assert "linda" in VARIANTS["test"]


@pytest.mark.parametrize("method", ['LayerTransfer(retrain="input:2")', "InputAffine()"])
def test_the_other_methods_for_a_voice_are_there(method: str) -> None:
    import speechtl.transfer

    name, _, settings = method.partition("(")
    for text in PAGES.values():
        assert f"`{method}`" in text
    built = getattr(speechtl.transfer, name)
    assert eval(f"built({settings}", {"built": built}).needs_source
