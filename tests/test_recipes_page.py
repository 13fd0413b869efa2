"""What docs/recipes.md shows is run as it stands, but for the number of steps; so is the README's Python."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeModel
from toy_speech import tones

from speechtl.audio import write_audio
from speechtl.cli import main
from speechtl.corpus import Corpus, Utterance
from speechtl.formats import write_common_voice
from speechtl.report import Report
from speechtl.train_settings import TrainSettings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
LETTERS = "aeio"
WORDS = [f"{a}-{b}" for a in LETTERS for b in LETTERS if a != b]


def clip(path: Path, text: str, random: np.random.Generator) -> float:
    """A recording of a text's letters; its seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = tones(re.sub(r"[^aeio]", "", text), random)
    write_audio(path, samples, 16_000)
    return len(samples) / 16_000


@pytest.fixture
def folder(own_folders: Path, monkeypatch: pytest.MonkeyPatch, make_model: MakeModel) -> Path:
    """Where the commands are typed: the corpora that the page names, and a source that is trained already."""
    monkeypatch.chdir(own_folders)
    monkeypatch.delenv("SPEECHTL_CORPORA", raising=False)
    random = np.random.default_rng(0)
    for name, count, first in (("words", 40, 1), ("others", 4, 100)):
        rows = ["audio,text"]
        for number in range(first, first + count):
            clip(Path(f"clips/{number}.wav"), text := WORDS[number % len(WORDS)], random)
            rows.append(f"clips/{number}.wav,{text}")
        Path(f"{name}.csv").write_text("\n".join(rows) + "\n")
    common_voice(random)
    fleurs(random)
    source = make_model(own_folders / "elsewhere", "en", "ar")
    finished_source(source, monkeypatch)
    return own_folders


def common_voice(random: np.random.Generator) -> None:
    rows = []
    for split, count in (("train", 10), ("dev", 3), ("test", 3)):
        for number in range(count):
            text = f"{WORDS[number]}-{WORDS[-number - 1]}"
            path = Path(f"recorded/{split}{number}.wav").absolute()
            seconds = clip(path, text, random)
            rows.append(
                Utterance(f"{split}{number}", str(path), text, "nan-Latn-tailo", split, None, seconds, split)
            )
    release = Path("cv-corpus-21.0/nan-tw")
    write_common_voice(Corpus.from_utterances("nan-tw", rows), release)
    for table in release.glob("*.tsv"):
        table.write_text(table.read_text().replace("nan-Latn-tailo", "nan-tw"))


def fleurs(random: np.random.Generator) -> None:
    config = Path("fleurs/data/de_de")
    for rank, (split, count) in enumerate((("train", 10), ("dev", 3), ("test", 3))):
        rows = []
        for number in range(count):
            sentence = f"{WORDS[number]} {WORDS[rank]} {WORDS[-number - 1]}"
            clip(config / "audio" / split / f"{number}.wav", sentence, random)
            rows.append(f"{100 * rank + number}\t{number}.wav\t{sentence}.\t{sentence}\t-\t16000\tMALE")
        (config / f"{split}.tsv").write_text("\n".join(rows) + "\n")


def finished_source(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the recipe `multilingual` have a finished run, whose model this is."""
    from speechtl.experiment import load_recipe
    from speechtl.run_folder import RunFolder

    run = RunFolder.of(load_recipe("multilingual"), Path("runs"))
    run.claim()
    run.model.symlink_to(model)
    Report(sets={}).save(run.report)


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps for every run: what is tested is that each command works."""
    monkeypatch.setattr("speechtl.doctor.cost.MEASURED", 1)
    monkeypatch.setattr("speechtl.train.Loop.step", _no_step(), raising=True)


def _no_step() -> object:
    from speechtl.train import Loop

    step = Loop.step

    def only_two(loop: Loop) -> None:
        if loop.counters.step < 1 or loop.counters.step == loop.settings.steps - 1:
            step(loop)
        else:
            loop.counters.step = loop.settings.steps - 1

    return only_two


def lines(heading: str) -> Iterator[str]:
    """The commands under a heading of the page."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None, heading
    for block in blocks(section[1], ""):
        yield from block.splitlines()


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [block for tag, block in found if tag == language]


def typed(line: str) -> None:
    program, *arguments = line.split()
    assert program == "speechtl"
    assert main(arguments) == 0, line


def test_the_page_s_commands_and_its_python_do_what_they_say(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in lines("Your own clips"):
        typed(line)
    run = Path("runs/finetune-words+target.language=nan-Latn-tailo/seed-0")
    for name in ("report.json", "curves.png", "coverage.json"):
        assert (run / name).is_file()
    own_recipe, in_python = blocks(PAGE, "python")
    Path("mine.py").write_text(own_recipe, encoding="utf-8")
    for line in lines("Several at once"):
        typed(line)
    assert set(Report.load(Path("runs/mine/seed-0/report.json")).sets) == {"others"}
    capsys.readouterr()
    exec(compile(in_python, "recipes.md", "exec"), {})
    said = capsys.readouterr().out
    assert "starts runs/words/seed-0" in said
    assert "clips/1.wav" in said


def test_releases_are_adapted_to_by_their_folders(folder: Path) -> None:
    for line in lines("Common Voice and FLEURS"):
        typed(line)
    sets = {
        name: Report.load(next(Path("runs").glob(f"finetune-{name}*/seed-0/report.json"))).sets
        for name in ("nan-tw", "de_de")
    }
    assert sets["nan-tw"]["nan_tw"].language == "nan-Latn-tailo"
    assert sets["de_de"]["de_de"].language == "de"
    assert sets["de_de"]["de_de"].utterances == 3


def test_python_of_the_readme_is_run_too(folder: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for block in blocks(readme, "python"):
        if "import speechtl\n" in block:
            exec(compile(block, "README.md", "exec"), {})


def test_the_settings_that_the_page_names_are_there() -> None:
    from speechtl.cli import _parse_recipe

    rows = re.findall(r"^\| `(--\S+) (\S+)`", PAGE, re.MULTILINE)
    values = {"TAG": "de"}
    for flag, value in rows:
        chosen = _parse_recipe("finetune", [flag, values.get(value, value)])
        assert (chosen.source is None) == (value == "None")
    assert "--train.batch-seconds 24" in PAGE
    assert TrainSettings().batch_seconds == 24
