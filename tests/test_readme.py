"""What the README shows is run as it stands, but for the number of steps."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from conftest import MakeModel

from speechtl.audio import write_audio

README = Path(__file__).parent.parent / "README.md"
WORDS = ("tsi̍t-puànn", "it-tàn", "kang-sū")


def block(language: str) -> str:
    """The last block of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[-1]


def write_words(folder: Path) -> None:
    """The README's three rows, with more rows of the training split so that the units of all are known."""
    header, *rows = block("csv").splitlines()
    assert [row.split(",")[1] for row in rows] == list(WORDS)
    more = [f"clips/{4 + i}.wav,{word},nan-Latn-tailo,train" for i, word in enumerate(WORDS * 2)]
    (folder / "words.csv").write_text("\n".join([header, *rows, *more, ""]), encoding="utf-8")
    random = np.random.default_rng(0)
    (folder / "clips").mkdir()
    for number in range(1, 4 + len(more)):
        write_audio(folder / "clips" / f"{number}.wav", 0.1 * random.standard_normal(12_000), 16_000)


def test_from_your_own_audio_to_a_number(own_folders: Path, make_model: MakeModel) -> None:
    write_words(own_folders)
    make_model(own_folders / "runs" / "multilingual" / "seed-0" / "model", "en")
    for line in block("bash").splitlines():
        program, *arguments = line.split()
        assert program == "speechtl"
        if arguments[0] == "run":
            arguments += ["--train.steps", "30"]
        command = [sys.executable, "-m", "speechtl", *arguments]
        done = subprocess.run(command, cwd=own_folders, capture_output=True, text=True, env=dict(os.environ))
        assert done.returncode == 0, done.stderr
        assert re.search(r"^%SYL \d+\.\d+ \[ \d+ / 2, ", done.stdout, re.MULTILINE), done.stdout
    assert (own_folders / "runs" / "mine" / "seed-0" / "report.json").is_file()
