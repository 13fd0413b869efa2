"""The commands of docs/decoding.md are run as they stand."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeModel

from speechtl.audio import write_audio
from speechtl.cli import main
from speechtl.report import Report

PAGE = Path(__file__).parent.parent / "docs" / "decoding.md"
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]
TEXTS = {"train": ["khì", "lâi", "khì--lâi", "lâi khì"], "dev": ["khì lâi", "lâi"], "test": ["khì khì"]}


def write_speech(folder: Path) -> None:
    """What the page names: a corpus, texts, a list of words, a long recording and a broken one."""
    random = np.random.default_rng(0)
    (folder / "clips").mkdir()
    rows = ["audio,text,language,split"]
    for split, texts in TEXTS.items():
        for text in texts:
            name = f"clips/{len(rows)}.wav"
            write_audio(folder / name, random.uniform(-0.3, 0.3, 8_000), 16_000)
            rows.append(f"{name},{text},nan-Latn-tailo,{split}")
    (folder / "words.csv").write_text("\n".join(rows), encoding="utf-8")
    (folder / "more.txt").write_text("khì lâi\nlâi, lâi!\n\nkhì--lâi\n", encoding="utf-8")
    (folder / "wordlist.txt").write_text("khì\nkhì lâi\n", encoding="utf-8")
    write_audio(folder / "long.wav", random.uniform(-0.3, 0.3, 16_000 * 32), 16_000)
    (folder / "broken.wav").write_text("no sound")


@pytest.fixture
def folder(own_folders: Path, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader of the page stands."""
    write_speech(own_folders)
    make_model(own_folders / "model", "nan-Latn-tailo", silent=False)
    monkeypatch.chdir(own_folders)
    return own_folders


def test_the_commands_of_the_page_work(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = {}
    for line in COMMANDS:
        program, *arguments = shlex.split(line)
        assert program == "speechtl"
        assert main(arguments) == 0, (line, capsys.readouterr().err)
        printed[line] = capsys.readouterr().out
    first, third = (text for line, text in printed.items() if line.startswith("speechtl lm"))
    assert "train of words.csv (nan-Latn-tailo): 4 texts, 6 tokens of 3 kinds" in first
    assert "dev of words.csv: 2 texts, 3 tokens; perplexity" in first
    assert "1 of these texts are among the training texts too" in first
    assert "more.txt (nan-Latn-tailo): 3 texts, 6 tokens" in third
    assert len((folder / "clips.jsonl").read_text().splitlines()) == 7
    assert len(list((folder / "subtitles").glob("*.srt"))) == 7
    assert " --> " in (folder / "long.srt").read_text()


def test_reports_say_how_and_contradictions_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lm", "words.csv", "--order", "2", "--out", "words.arpa"]) == 0
    flags = ["--decode", "beam", "--lm", "words.arpa", "--lm-weight", "0.3", "--out", "out"]
    assert main(["evaluate", "model", "words.csv", *flags]) == 0
    (entry,) = Report.load(folder / "out" / "report.json").sets.values()
    assert re.fullmatch(r"beam \+ words.arpa \([0-9a-f]{8}\) × 0.3", entry.decoding)
    for arguments, message in [
        (["evaluate", "model", "words.csv", "--decode", "greedy", "--lm", "words.arpa"], "beam or lexicon"),
        (["transcribe", "model", "clips", "--decode", "beam", "--lm", "none.arpa"], "none.arpa: no such"),
        (["transcribe", "model", "clips", "--format", "srt"], "need a folder"),
        (["transcribe", "model", "clips", "--overlap", "20"], "at most half a window"),
        (["transcribe", "model", "none/*.wav"], "no sound files"),
        (["lm", "more.txt", "--out", "x.arpa"], "give its orthography by --language"),
        (["lm", "none.txt", "--language", "en", "--out", "x.arpa"], "none.txt: no such file"),
        (["lm", "words.csv", "--order", "1", "--out", "x.arpa"], "at least 2"),
    ]:
        assert main(arguments) == 2
        assert message in capsys.readouterr().err
    (folder / "words.csv").write_text(
        (folder / "words.csv").read_text(encoding="utf-8").replace(",train", ",test"), encoding="utf-8"
    )
    assert main(["lm", "words.csv", "--out", "x.arpa"]) == 2
    assert "has the splits dev, test and none to train on" in capsys.readouterr().err
